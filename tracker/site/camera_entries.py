"""What the files of calibrated cameras may hold: our own YAML and WILDTRACK's JSON."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Pixels = Annotated[int, Field(gt=0)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Row = tuple[Number, Number, Number]
Matrix = tuple[Row, Row, Row]


class OwnCamera(BaseModel):
    """size: (width, height) of its pictures. image_to_ground: undistorted pixels to metres; or points, each pixel x,
    pixel y, X, Y.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: tuple[Pixels, Pixels]
    image_to_ground: Matrix | None = None
    points: tuple[tuple[Number, Number, Number, Number], ...] | None = None

    @model_validator(mode="after")
    def has_one_calibration(self) -> "OwnCamera":
        if (self.image_to_ground is None) == (self.points is None):
            raise ValueError("give either points or image_to_ground")
        return self


class OwnFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    cameras: dict[str, OwnCamera]


class WildtrackCamera(BaseModel):
    """Undistorted pictures; x_cam = R X + t, in metres. Other keys are passed over."""

    model_config = ConfigDict(frozen=True)

    K: Matrix
    R: Matrix
    t: Row
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
