"""A training run of the person detector as a YAML file: typed, a key that does not exist is an error with its path."""

import os
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from tracker.errors import OmnitrackError

STRIDE = 32
"""Input sides are multiples of the coarsest level's cell."""


def _expanded(path: Path) -> Path:
    """`${OMNITRACK_DATA}/persondet` -> a path; a variable that is not set is an error."""
    text = os.path.expandvars(str(path))
    if "$" in text:
        raise ValueError(f"{path} names an environment variable that is not set")
    return Path(text).expanduser()


ExpandedPath = Annotated[Path, AfterValidator(_expanded)]
Share = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=STRIDE, multiple_of=STRIDE)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkConfig(Section):
    """Multiples of YOLO11's channels and repeats. distances: bins of the distribution of each side of a box."""

    width: PositiveFloat = 0.25
    depth: PositiveFloat = 0.5
    distances: Annotated[int, Field(ge=4, le=32)] = 16


class AugmentationConfig(Section):
    """Shares of the pictures changed, except scale (the range), translate, hue, saturation, value (the most)."""

    mosaic: Share = 1.0
    scale: tuple[PositiveFloat, PositiveFloat] = (0.5, 1.5)
    translate: Share = 0.1
    flip: Share = 0.5
    hue: Share = 0.015
    saturation: Share = 0.7
    value: Share = 0.4
    contrast: Share = 0.3
    grey: Share = 0.1
    blur: Share = 0.1
    jpeg: Share = 0.2


class ScheduleConfig(Section):
    """How long: in epochs, or in hours of wall clock. The rate falls along a cosine and ends with them.

    sizes: (share of the training done, side of the square input in pixels) from which on it counts; validation takes
    the last one. mosaic_until: share of the training after which mosaics end.
    """

    epochs: PositiveInt | None = None
    hours: PositiveFloat | None = None
    warmup_epochs: NonNegativeFloat = 1.0
    sizes: tuple[tuple[Share, Side], ...] = ((0.0, 416),)
    mosaic_until: Share = 0.8

    @model_validator(mode="after")
    def _legal(self) -> Self:
        if (self.epochs is None) == (self.hours is None):
            raise ValueError("give either epochs or hours")
        starts = [start for start, _ in self.sizes]
        if not starts or starts[0] != 0 or starts != sorted(starts):
            raise ValueError(f"sizes must begin at 0 and rise, got {starts}")
        return self

    @property
    def size(self) -> int:
        """The side of the network's input when training is over, in pixels."""
        return self.sizes[-1][1]

    def size_at(self, progress: float) -> int:
        return next(size for start, size in reversed(self.sizes) if progress >= start)


class OptimiserConfig(Section):
    """final: the last rate as a share of the first."""

    name: Literal["SGD", "MuSGD", "AdamW"] = "MuSGD"
    rate: PositiveFloat = 0.01
    final: Share = 0.01
    momentum: Share = 0.9
    weight_decay: NonNegativeFloat = 0.0005


class TrainingConfig(Section):
    """data: folder with train.txt, val.txt, images/ and labels/. initial_weights: a network of an earlier run.

    threads: of the CPU. half: compute in bfloat16, the losses in 32 bits.
    """

    data: ExpandedPath
    schedule: ScheduleConfig
    network: NetworkConfig = NetworkConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    batch: PositiveInt = 16
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: PositiveInt = 2
    half: bool = False
    initial_weights: ExpandedPath | None = None


def load(path: Path) -> TrainingConfig:
    """Read a configuration; OmnitrackError names the file and the key."""
    try:
        return TrainingConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise OmnitrackError(f"{path}: cannot be read ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise OmnitrackError(f"{path}: is not YAML ({error})") from error
    except ValidationError as error:
        lines = (f"{'.'.join(map(str, problem['loc'])) or 'file'}: {problem['msg']}" for problem in error.errors())
        raise OmnitrackError(f"{path}: " + "; ".join(lines)) from error
