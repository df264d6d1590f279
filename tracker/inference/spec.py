"""What is known about a model: one row of configs/models.yaml."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Precision = Literal["auto", "f32", "bf16", "f16"]
"""Arithmetic of the layers that are not quantised; "auto" is what the engine holds for the fastest on this CPU."""

Triple = tuple[float, float, float]


class ModelKind(StrEnum):
    DETECTOR = "detector"
    EMBEDDER = "embedder"


class ModelFormat(StrEnum):
    OPENVINO = "openvino"
    ONNX = "onnx"
    ULTRALYTICS_PT = "ultralytics_pt"
    TORCHREID_PTH = "torchreid_pth"
    SAFETENSORS = "safetensors"
    BUILT_IN = "built_in"


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelInput(_Row):
    """What the network expects: (pixel * scale - mean) / std, pixels 0..255, channels in the order of colour."""

    height: Annotated[int, Field(gt=0)]
    width: Annotated[int, Field(gt=0)]
    colour: Literal["rgb", "bgr"] = "rgb"
    scale: Annotated[float, Field(gt=0)] = 1 / 255
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.height, self.width


class ModelFile(_Row):
    """path: relative to a directory of models. sha256 None: unknown. url None: cannot be downloaded."""

    path: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    url: str | None = None
    size: int | None = None


class ModelSpec(_Row):
    """One model.

    variant: name of the network, for formats that hold only its weights. dimension: length of the embedding, None for
    detectors and where nothing but the network itself tells. fallback: what to tell the user when this one, which
    needs no file, has to serve.
    """

    name: str
    kind: ModelKind
    format: ModelFormat
    licence: str
    variant: str
    input: ModelInput
    precision: Precision = "auto"
    dimension: int | None = None
    files: tuple[ModelFile, ...] = ()
    fallback: str | None = None

    @property
    def runs_on_cuda(self) -> bool:
        """Weights for torch do; exported networks run on the CPU, wherever they are."""
        return self.format in (ModelFormat.ULTRALYTICS_PT, ModelFormat.TORCHREID_PTH, ModelFormat.SAFETENSORS)

    @model_validator(mode="after")
    def _complete(self) -> "ModelSpec":
        if (self.format is ModelFormat.BUILT_IN) != (not self.files):
            raise ValueError(f"{self.name}: every model but a built-in one has files")
        return self
