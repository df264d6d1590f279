"""What a configuration says of the ground that cameras share."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tracker.crosscam.ground.config import GroundConfig


class GroundSection(BaseModel):
    """calibration: files that place cameras on one ground, by the names of the cameras. tracker: how people are
    followed there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    calibration: tuple[Path, ...] = ()
    tracker: GroundConfig = GroundConfig()


def under(folder: Path, config: GroundSection) -> GroundSection:
    """Relative files count from a folder."""
    return config.model_copy(update={"calibration": tuple(folder / file for file in config.calibration)})
