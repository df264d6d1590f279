"""What the files of calibrated cameras may hold: our own YAML and WILDTRACK's JSON."""

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

ROTATION_TOLERANCE = 1e-3
"""Of R R^T against 1: files round to three digits and more."""

Pixels = Annotated[int, Field(gt=0)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Row = tuple[Number, Number, Number]


def _shaped(*shape: int) -> Callable[[Any], Any]:
    """Passes on lists of this shape. Raises ValueError for others."""
    expected = " rows of ".join(map(str, shape)) + " numbers"

    def check(value: Any) -> Any:
        if np.array(value, dtype=object).shape != shape:
            raise ValueError(f"expected {expected}")
        return value

    return check


def _intrinsic(matrix: tuple[Row, Row, Row]) -> tuple[Row, Row, Row]:
    """Raises ValueError for what is no K."""
    (fx, _, _), (zero, fy, _), last = matrix
    if not (fx > 0 and fy > 0 and zero == 0 and last == (0.0, 0.0, 1.0)):
        raise ValueError("expected [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] in pixels, fx and fy above zero")
    return matrix


def _rotating(matrix: tuple[Row, Row, Row]) -> tuple[Row, Row, Row]:
    """Raises ValueError for what is no rotation."""
    rotation = np.array(matrix)
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > ROTATION_TOLERANCE:
        raise ValueError("not a rotation: its rows must have length one and stand at right angles to each other")
    if np.linalg.det(rotation) < 0:
        raise ValueError("not a rotation but a mirror (determinant -1): check the signs of its rows")
    return matrix


Matrix = Annotated[tuple[Row, Row, Row], BeforeValidator(_shaped(3, 3))]
Intrinsics = Annotated[Matrix, AfterValidator(_intrinsic)]
Rotation = Annotated[Matrix, AfterValidator(_rotating)]
Translation = Annotated[Row, BeforeValidator(_shaped(3))]


class OwnCamera(BaseModel):
    """size: (width, height) of its pictures. image_to_ground: undistorted pixels to metres; or points, each pixel x,
    pixel y, X, Y; or K, R and t, x_cam = R X + t in metres, of undistorted pictures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: tuple[Pixels, Pixels]
    image_to_ground: Matrix | None = None
    points: tuple[tuple[Number, Number, Number, Number], ...] | None = None
    K: Intrinsics | None = None
    R: Rotation | None = None
    t: Translation | None = None

    @property
    def pose(self) -> tuple[Intrinsics, Rotation, Translation] | None:
        """K, R and t, if it is calibrated by them."""
        return None if self.K is None or self.R is None or self.t is None else (self.K, self.R, self.t)

    @model_validator(mode="after")
    def has_one_calibration(self) -> "OwnCamera":
        posed = {"K": self.K, "R": self.R, "t": self.t}
        missing = [name for name, value in posed.items() if value is None]
        if 0 < len(missing) < len(posed):
            raise ValueError(f"K, R and t belong together: {' and '.join(missing)} missing")
        if sum(given is not None for given in (self.image_to_ground, self.points, self.pose)) != 1:
            raise ValueError("give either points, or image_to_ground, or K, R and t")
        return self


class OwnFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    cameras: dict[str, OwnCamera]


class WildtrackCamera(BaseModel):
    """Undistorted pictures; x_cam = R X + t, in metres. Other keys are passed over."""

    model_config = ConfigDict(frozen=True)

    K: Intrinsics
    R: Rotation
    t: Translation
    width: Pixels
    height: Pixels


class WildtrackFile(BaseModel):
    model_config = ConfigDict(frozen=True)

    cameras: dict[str, WildtrackCamera]


def first_problem(error: ValidationError) -> str:
    """`where: what`, on one line."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    what = str(first["msg"]).removeprefix("Value error, ").partition(" or instance of ")[0]
    return f"{where}: {what}" if where else what
