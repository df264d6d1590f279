"""Camera calibration files -> GroundCamera: own YAML, Tsai XML (PETS) and WILDTRACK JSON."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar
from xml.etree import ElementTree

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import ValidationError

from tracker.crosscam.ground_plane import GroundCamera, RadialLens
from tracker.crosscam.point_pairs import calibrate
from tracker.errors import OmnitrackError
from tracker.site.camera_entries import OwnCamera, OwnFile, WildtrackCamera, WildtrackFile, first_problem
from tracker.site.pose import posed_camera, tsai_rotation
from tracker.site.unique_keys import UniqueKeyLoader
from tracker.whole_files import written_whole

MILLIMETRES = 1000.0
Entry = TypeVar("Entry")


def read_calibration(path: Path, image_size: tuple[int, int] | None = None) -> dict[str, GroundCamera]:
    """Cameras by name. The kind of file follows from its suffix: .xml (Tsai), .json (WILDTRACK), .yaml (ours).

    image_size: (width, height) of the tracked pictures, where they are stretched against the calibrated ones.
    Raises OmnitrackError for a file that is missing, unreadable, or maps the picture nowhere.
    """
    readers = {".xml": _read_tsai, ".json": _read_wildtrack, ".yaml": _read_own, ".yml": _read_own}
    if path.suffix not in readers:
        raise OmnitrackError(f"{path}: a calibration file ends in {', '.join(readers)}")
    try:
        return readers[path.suffix](path, image_size)
    except OSError as error:
        raise OmnitrackError(f"{path}: cannot be read ({error.strerror})") from error
    except KeyError as error:
        raise OmnitrackError(f"{path}: {error} is missing") from error
    except ValidationError as error:
        raise OmnitrackError(f"{path}: not a usable calibration ({first_problem(error)})") from None
    except (ValueError, ElementTree.ParseError, yaml.YAMLError) as error:
        raise OmnitrackError(f"{path}: not a usable calibration ({' '.join(str(error).split())})") from error


def _read_tsai(path: Path, image_size: tuple[int, int] | None) -> dict[str, GroundCamera]:
    """One camera as in PETS 2009; world in millimetres. R. Tsai, IEEE J. Robotics and Automation 3(4), 1987."""
    root = ElementTree.parse(path).getroot()
    parts = {part.tag: part.attrib for part in root}
    geometry, intrinsic, extrinsic = (
        {name: float(value) for name, value in parts[tag].items()} for tag in ("Geometry", "Intrinsic", "Extrinsic")
    )
    size = (int(geometry["width"]), int(geometry["height"]))
    per_pixel = np.array([geometry["dpx"] / intrinsic["sx"], geometry["dpy"]])
    centre = np.array([intrinsic["cx"], intrinsic["cy"]])
    camera_matrix = np.diag([*(intrinsic["focal"] / per_pixel), 1.0])
    camera_matrix[:2, 2] = centre
    rotation = tsai_rotation(extrinsic["rx"], extrinsic["ry"], extrinsic["rz"])
    translation = np.array([extrinsic["tx"], extrinsic["ty"], extrinsic["tz"]]) / MILLIMETRES
    lens = RadialLens(centre, per_pixel, intrinsic["kappa1"])
    return {
        root.attrib.get("name", path.stem): posed_camera(camera_matrix, rotation, translation, size, image_size, lens)
    }


def _read_wildtrack(path: Path, image_size: tuple[int, int] | None) -> dict[str, GroundCamera]:
    """All cameras of a JSON file with K, R, t (metres, x_cam = R X + t) per camera; undistorted pictures."""
    entries = WildtrackFile.model_validate_json(path.read_bytes()).cameras

    def built(entry: WildtrackCamera) -> GroundCamera:
        camera_matrix, rotation, translation = map(np.array, (entry.K, entry.R, entry.t))
        return posed_camera(camera_matrix, rotation, translation, (entry.width, entry.height), image_size)

    return _each(entries.items(), built)


def _read_own(path: Path, image_size: tuple[int, int] | None) -> dict[str, GroundCamera]:
    """cameras: NAME: {size: [w, h], and image_to_ground: 3x3, or points: [[pixel x, pixel y, X, Y], ...], or K: 3x3,
    R: 3x3 and t: [x, y, z]}.
    """
    entries = OwnFile.model_validate(yaml.load(path.read_text(encoding="utf-8"), UniqueKeyLoader)).cameras

    def built(entry: OwnCamera) -> GroundCamera:
        if entry.pose is not None:
            camera_matrix, rotation, translation = map(np.array, entry.pose)
            return posed_camera(camera_matrix, rotation, translation, entry.size, image_size)
        if entry.image_to_ground is not None:
            homography = np.array(entry.image_to_ground)
        else:
            points = np.array(entry.points, np.float64).reshape(-1, 4)
            homography = calibrate(points[:, :2], points[:, 2:], entry.size).image_to_ground
        return GroundCamera(homography, image_size or entry.size, entry.size)

    return _each(entries.items(), built)


def _each(entries: Iterable[tuple[str, Entry]], built: Callable[[Entry], GroundCamera]) -> dict[str, GroundCamera]:
    """The cameras of a file. Raises ValueError naming the one that is not usable."""
    cameras = {}
    for name, entry in entries:
        try:
            cameras[name] = built(entry)
        except ValueError as error:
            raise ValueError(f"camera {name}: {error}") from error
    return cameras


def write_points(path: Path, name: str, pairs: NDArray[np.float64], image_size: tuple[int, int]) -> None:
    """Put a camera, by its pairs of points (n, 4) pixel x, pixel y, X, Y, into a .yaml file; other cameras in it stay.

    Raises OmnitrackError for a file that holds something else, or cannot be written.
    """
    if path.suffix not in (".yaml", ".yml"):
        raise OmnitrackError(f"{path}: a calibration is written to a .yaml file")
    if path.exists():
        read_calibration(path)
    with written_whole(path) as file:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {"cameras": {}}
        content["cameras"][name] = {"size": list(image_size), "points": pairs.tolist()}
        file.write_text(yaml.safe_dump(content, sort_keys=False, default_flow_style=None), encoding="utf-8")
