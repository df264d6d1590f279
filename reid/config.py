"""A training run as a YAML file. Every section is typed; a key that does not exist is an error with its path."""

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
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from reid.augment import Augmentation
from reid.datasets import READERS, Division
from reid.errors import ReidError
from reid.labelled import LABELLED_READERS
from reid.preprocess import INPUTS, InputSpec
from reid.variants import spec_named


def _expanded(path: Path) -> Path:
    """`${OMNITRACK_DATA}/cuhk01` -> a path; a variable that is not set is an error."""
    text = os.path.expandvars(str(path))
    if "$" in text:
        raise ValueError(f"{path} names an environment variable that is not set")
    return Path(text).expanduser()


def _known_variant(name: str) -> str:
    spec_named(name)
    return name


ExpandedPath = Annotated[Path, AfterValidator(_expanded)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(Section):
    """One source of training crops; several of people may be named, and their people are kept apart."""

    name: str
    root: ExpandedPath
    test_people: tuple[int, int] = (1, 485)
    seed: int = 0
    everyone: bool = False
    prefixes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Self:
        known = {**READERS, **LABELLED_READERS}
        if self.name not in known:
            raise ValueError(f"name must be one of {', '.join(known)}, got {self.name!r}")
        return self

    @property
    def division(self) -> Division:
        return Division(self.test_people, self.everyone, self.seed, self.prefixes)


class InputConfig(Section):
    height: Annotated[int, Field(ge=16)] = 256
    width: Annotated[int, Field(ge=16)] = 128

    @property
    def spec(self) -> InputSpec:
        return InputSpec(self.height, self.width)


class AugmentationConfig(Section):
    enlarge: Annotated[float, Field(ge=1, le=2)] = 1.25
    mirror: Share = 0.5
    colour: Share = 0.0
    erase: Share = 0.0
    colour_range: Share = 0.2

    @property
    def options(self) -> Augmentation:
        return Augmentation(self.enlarge, self.mirror, self.colour, self.erase, self.colour_range)


class BatchConfig(Section):
    """size crops in random order; or, with people > 0, that many people with `crops` each, and `unlabelled` more."""

    size: Annotated[int, Field(ge=2)] = 64
    people: NonNegativeInt = 0
    crops: PositiveInt = 4
    unlabelled: NonNegativeInt = 0


class OptimiserConfig(Section):
    """normalisation_factor: normalisation layers learn this many times as fast as the rest."""

    name: Literal["sgd", "amsgrad", "adamw"] = "sgd"
    learning_rate: PositiveFloat = 0.065
    weight_decay: NonNegativeFloat = 5e-4
    momentum: Share = 0.9
    normalisation_factor: PositiveFloat = 1.0


class ScheduleConfig(Section):
    """steps: divide the rate by 10 at each milestone (epochs). cosine: fall to 0 after `span` epochs, or, where that is
    0, at the end. frozen_epochs: that many at the start train only the new layers. guided_epochs: in that many at the
    start every part of the trunk sees the teacher's maps, not its predecessor's, and only hints and directions count.
    """

    kind: Literal["steps", "cosine"] = "steps"
    milestones: tuple[int, ...] = (150, 225, 300)
    span: NonNegativeInt = 0
    warmup_epochs: NonNegativeFloat = 0.0
    frozen_epochs: NonNegativeInt = 0
    guided_epochs: NonNegativeInt = 0


class LossConfig(Section):
    """Weights of the parts of the loss; 0 leaves a part out. identity: of people, or of classes."""

    identity: NonNegativeFloat = 1.0
    attributes: NonNegativeFloat = 0.0
    smoothing: Share = 0.1
    triplet: NonNegativeFloat = 0.0
    margin: NonNegativeFloat = 0.3
    direction: NonNegativeFloat = 0.0
    relation: NonNegativeFloat = 0.0
    cosines: NonNegativeFloat = 0.0
    hints: NonNegativeFloat = 0.0

    @property
    def distils(self) -> bool:
        return self.direction > 0 or self.relation > 0 or self.cosines > 0 or self.hints > 0


class TeacherConfig(Section):
    """A network to imitate: OpenVINO IR, ONNX or OSNet weights. input: a key of reid.preprocess.INPUTS. hints: for
    places of our trunk (OSNet.places) the node of the IR or ONNX file whose output we want to have there. weight:
    how much its cosines count beside the other teachers'.
    """

    path: ExpandedPath
    input: str = "osnet"
    hints: dict[str, str] = {}
    weight: PositiveFloat = 1.0

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.input not in INPUTS:
            raise ValueError(f"input must be one of {', '.join(INPUTS)}, got {self.input!r}")
        return self


class TrainingConfig(Section):
    """evaluate_every: epochs between evaluations, 0 for only after the last. workers: processes that load crops,
    0 for the training process itself. views: of every crop, that teachers describe; every epoch shows another one.
    """

    variant: Annotated[str, AfterValidator(_known_variant)]
    data: Annotated[tuple[DataConfig, ...], Field(min_length=1)]
    epochs: PositiveInt = 350
    input: InputConfig = InputConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    batch: BatchConfig = BatchConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    loss: LossConfig = LossConfig()
    teachers: tuple[TeacherConfig, ...] = ()
    views: PositiveInt = 4
    initial_weights: ExpandedPath | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    seed: int = 0
    evaluate_every: NonNegativeInt = 10
    workers: NonNegativeInt = 0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.loss.distils != bool(self.teachers):
            raise ValueError("loss.direction, relation, cosines and hints need teachers, and teachers need one of them")
        hinting = [teacher for teacher in self.teachers if teacher.hints]
        if len(hinting) > 1:
            raise ValueError("only one of the teachers can give hints")
        if bool(hinting) != (self.loss.hints > 0):
            raise ValueError("loss.hints needs a teacher with hints, and hints need it")
        if self.schedule.guided_epochs and not hinting:
            raise ValueError("schedule.guided_epochs needs a teacher with hints")
        if hinting and self.augmentation.erase:
            raise ValueError("augmentation.erase must be 0 with hints: no teacher has seen the erased picture")
        return self

    @model_validator(mode="after")
    def _of_one_size(self) -> Self:
        spec = spec_named(self.variant)
        if spec.pooling == "depthwise" and (self.input.height, self.input.width) != spec.input_hw:
            height, width = spec.input_hw
            raise ValueError(f"{self.variant} has weights for every place: input must be {height} high, {width} wide")
        return self

    @model_validator(mode="after")
    def _one_task(self) -> Self:
        labelled = [source.name for source in self.data if source.name in LABELLED_READERS]
        if labelled and (len(self.data) > 1 or self.teachers or self.batch.people or self.loss.triplet):
            raise ValueError(f"{labelled[0]} trains alone, without teachers, batch.people and loss.triplet")
        if (self.loss.attributes > 0) != ("pa100k" in labelled):
            raise ValueError("loss.attributes is for pa100k, which needs it")
        if self.loss.attributes and self.loss.identity:
            raise ValueError("pa100k knows nobody's identity: set loss.identity to 0")
        return self


def _faults(error: ValidationError) -> str:
    """Every wrong key and what it may be. A list whose entries are wrong is not also said to have too few of them."""
    places = [fault["loc"] for fault in error.errors()]
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}"
        for fault in error.errors()
        if not any(len(place) > len(fault["loc"]) and place[: len(fault["loc"])] == fault["loc"] for place in places)
    )


def load(path: Path) -> TrainingConfig:
    """Raises ReidError naming the file and, for every wrong key, its path and what it may be."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TrainingConfig.model_validate(content)
    except ValidationError as error:
        raise ReidError(f"{path}: {_faults(error)}") from error
    except OSError as error:
        raise ReidError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ReidError(f"{path}: cannot be read as YAML ({error})") from error
