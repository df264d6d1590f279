"""The calibrated cameras of a configuration, and the ground on which they follow people."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracker.core.settings import TrackerConfig
from tracker.crosscam.ground.site import GroundSite, mismatch, open_site
from tracker.crosscam.ground_plane import GroundCamera
from tracker.errors import OmnitrackError
from tracker.site.calibration import read_calibration
from tracker.site.ground_section import GroundSection

COARSE_METRES = 0.5
"""Nobody could be followed where the nearest ground is so coarse."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """cameras: the calibrated ones. site: those of them whose views overlap, None where none do."""

    cameras: Mapping[str, GroundCamera]
    site: GroundSite | None


def read_calibrations(files: Iterable[Path]) -> dict[str, GroundCamera]:
    """All cameras of some files, by name. Raises OmnitrackError for a file that is not usable, and for a camera that
    two files calibrate.
    """
    cameras: dict[str, GroundCamera] = {}
    origin: dict[str, Path] = {}
    for file in files:
        for name, camera in read_calibration(file).items():
            if name in cameras:
                raise OmnitrackError(f"{file}: camera {name} is calibrated in {origin[name]} already; keep one of them")
            cameras[name], origin[name] = camera, file
    return cameras


def calibrated(config: GroundSection, names: Sequence[str]) -> dict[str, GroundCamera]:
    """All cameras that the configuration's files know, by name. Raises OmnitrackError for a file that is not usable,
    and where there are names and they know none of these.
    """
    known = read_calibrations(config.calibration)
    if config.calibration and names and known.keys().isdisjoint(names):
        files = ", ".join(str(file) for file in config.calibration)
        raise OmnitrackError(
            f"{files}: calibrates {', '.join(known)}, but the cameras are {', '.join(names)}: give them the same names"
        )
    return known


def open_ground(
    config: GroundSection,
    names: Iterable[str],
    sizes: Mapping[str, tuple[int, int]],
    tracker: TrackerConfig,
    notify: Callable[[str], None],
    more_may_come: bool = False,
) -> Ground:
    """The ground under the calibrated ones among some cameras; more_may_come: under all that the files know, for those
    may be added later. A camera that gives no picture speaks neither for nor against anybody.

    sizes: (width, height) of their pictures, as far as that is known; the calibrated ones may be stretched to them.
    notify: takes lines for people, about cameras that cannot take part. Raises OmnitrackError for a file that is not
    usable, one that knows none of the cameras, and pictures of another shape.
    """
    if not config.calibration:
        return Ground({}, None)
    wanted = list(names)
    known = calibrated(config, wanted)
    here = [name for name in wanted if name in known]
    cameras = {}
    for name in known if more_may_come else here:
        size = sizes.get(name, known[name].image_size)
        if (complaint := mismatch(name, known[name], size)) is not None:
            raise OmnitrackError(complaint)
        cameras[name] = known[name].resized(size)
    for name, camera in cameras.items():
        if (doubt := coarse(name, camera)) is not None:
            notify(doubt)
    site = open_site(cameras, config.tracker, tracker, notify)
    together = site.cameras if site is not None else {}
    alone = [name for name in wanted if name not in together]
    if site is None:
        which = " and ".join(cameras)
        why = f"the views of {which} do not overlap" if len(cameras) > 1 else f"{which} is the only calibrated camera"
        if not cameras:
            why = "every camera moves, and a calibration is of one that stands still"
        notify(f"calibration: {why}; each camera is followed on its own")
    elif alone:
        reasons = [f"{name} ({'overlaps no other' if name in cameras else 'not calibrated'})" for name in alone]
        notify(f"calibration: followed on their own, not on the ground: {', '.join(reasons)}")
    return Ground(cameras, site)


def coarse(name: str, camera: GroundCamera) -> str | None:
    """What is doubtful where even the nearest ground is too coarse."""
    if (metres := finest_metres(camera)) <= COARSE_METRES:
        return None
    return (
        f"calibration: camera {name}: one pixel at the lower edge of the picture spans {metres:.1f} m of "
        "ground; is it in millimetres or centimetres? Metres are expected"
    )


def finest_metres(camera: GroundCamera) -> float:
    """How much ground a pixel spans in the middle of the picture's lower edge, in what the file takes for metres."""
    width, height = camera.image_size
    here, beside = camera.to_ground(np.array([[width / 2, height], [width / 2 + 1, height]]))
    return float(np.hypot(*(beside - here)))
