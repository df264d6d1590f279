"""Calibrations of a configuration: which cameras share a ground, and everything that can be wrong with the files."""

from pathlib import Path

import pytest
import yaml

from tests.crosscam.ground_world import CAMERAS, SIZE
from tracker.core.settings import TrackerConfig
from tracker.crosscam.ground.overlap import overlapping
from tracker.crosscam.ground.site import GroundSite
from tracker.crosscam.ground_plane import GroundCamera
from tracker.errors import OmnitrackError
from tracker.site.ground import open_ground
from tracker.site.ground_section import GroundSection


def written(file: Path, **cameras: object) -> Path:
    file.write_text(yaml.safe_dump({"cameras": cameras}))
    return file


def camera(name: str) -> dict[str, object]:
    return {"size": list(SIZE), "image_to_ground": CAMERAS[name].image_to_ground.tolist()}


def opened(
    files: list[Path], names: list[str], sizes: dict[str, tuple[int, int]] | None = None
) -> tuple[GroundSite | None, list[str]]:
    told: list[str] = []
    section = GroundSection(calibration=tuple(files))
    return open_ground(section, names, sizes or {}, TrackerConfig(), told.append).site, told


def test_cameras_that_see_one_ground_share_a_site_and_the_others_are_named(tmp_path: Path) -> None:
    far = CAMERAS["c2"].image_to_ground.copy()
    far[:2] += 1000 * far[2]  # the same camera a kilometre away
    file = written(
        tmp_path / "site.yaml",
        c0=camera("c0"),
        c1=camera("c1"),
        c2={"size": list(SIZE), "image_to_ground": far.tolist()},
    )
    site, told = opened([file], ["c0", "c1", "c2", "yard"])
    assert site is not None
    assert sorted(site.cameras) == ["c0", "c1"]
    assert told == [
        "calibration: followed on their own, not on the ground: c2 (overlaps no other), yard (not calibrated)"
    ]


def test_cameras_that_may_come_later_take_part_once_they_are_there(tmp_path: Path) -> None:
    file = written(tmp_path / "site.yaml", **{name: camera(name) for name in ("c0", "c1", "c2")})
    told: list[str] = []
    section = GroundSection(calibration=(file,))
    site = open_ground(section, ["c0"], {}, TrackerConfig(), told.append, more_may_come=True).site
    assert site is not None
    assert sorted(site.cameras) == ["c0", "c1", "c2"]
    assert told == []
    site.leave("c1")
    assert sorted(site.cameras) == ["c0", "c2"]
    site.leave("c1")
    with pytest.raises(OmnitrackError, match="calibrates c0, c1, c2, but the cameras are yard"):
        open_ground(section, ["yard"], {}, TrackerConfig(), told.append, more_may_come=True)


def test_without_overlap_there_is_no_site(tmp_path: Path) -> None:
    site, told = opened([written(tmp_path / "site.yaml", c0=camera("c0"))], ["c0", "c1"])
    assert site is None
    assert told == ["calibration: c0 is the only calibrated camera; each camera is followed on its own"]
    far = CAMERAS["c2"].image_to_ground.copy()
    far[:2] += 1000 * far[2]
    apart = written(tmp_path / "apart.yaml", c0=camera("c0"), c2={"size": list(SIZE), "image_to_ground": far.tolist()})
    site, told = opened([apart], ["c0", "c2"])
    assert site is None
    assert told == ["calibration: the views of c0 and c2 do not overlap; each camera is followed on its own"]


def test_without_a_camera_that_stands_still_there_is_no_site(tmp_path: Path) -> None:
    site, told = opened([written(tmp_path / "site.yaml", c0=camera("c0"))], [])
    assert site is None
    assert told == [
        "calibration: every camera moves, and a calibration is of one that stands still; each camera is followed on "
        "its own"
    ]


def test_pictures_of_another_size_are_taken_for_stretched(tmp_path: Path) -> None:
    file = written(tmp_path / "site.yaml", c0=camera("c0"), c1=camera("c1"))
    site, _ = opened([file], ["c0", "c1"], {"c0": (640, 480)})
    assert site is not None
    assert site.cameras["c0"].image_size == (640, 480)


def test_facing_cameras_overlap_and_opposite_ones_do_not() -> None:
    away = CAMERAS["c1"].image_to_ground.copy()
    away[:2] *= -1.0
    away[:2] += 40 * away[2]
    assert overlapping({"a": CAMERAS["c0"], "b": CAMERAS["c2"], "c": GroundCamera(away, SIZE)}) == ["a", "b"]
    assert overlapping({}) == []


IDENTITY = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
NOT_A_NUMBER = [[1, 0, 0], [0, 1, 0], [0, 0, float("nan")]]
ONTO_A_LINE = [[1, 0, 0], [2, 0, 0], [0, 0, 1]]
HORIZON_BELOW = [[1, 0, 0], [0, 1, 0], [-0.01, 0, 1]]
MILLIMETRES = [[10.0, 0, 0], [0, 10.0, 0], [0, 0, 1]]
BAD = {
    "empty": ("", "not a usable calibration"),
    "no cameras": ("a: 1", "cameras: Field required"),
    "a list": ("[1, 2]", "not a usable calibration"),
    "half a camera": ({"gate": {"size": [1280, 960]}}, "cameras.gate: give either points"),
    "nan": ({"gate": {"size": [1280, 960], "image_to_ground": NOT_A_NUMBER}}, "finite"),
    "singular": ({"gate": {"size": [1280, 960], "image_to_ground": ONTO_A_LINE}}, "singular"),
    "behind": ({"gate": {"size": [1280, 960], "image_to_ground": HORIZON_BELOW}}, "behind the camera"),
    "another shape": ({"gate": {"size": [960, 960], "image_to_ground": IDENTITY}}, "another shape"),
    "other cameras": ({"yard": {"size": [1280, 960], "image_to_ground": IDENTITY}}, "calibrates yard, but the cameras"),
    "size of one number": ({"gate": {"size": [1280], "image_to_ground": IDENTITY}}, "not a usable calibration"),
    "too few points": ({"gate": {"size": [1280, 960], "points": [[0, 0, 1, 1]]}}, "at least 4 pairs"),
    "points on a line": ({"gate": {"size": [1280, 960], "points": [[k, k, k, k] for k in range(5)]}}, "on one line"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, kind: str) -> None:
    content, complaint = BAD[kind]
    file = tmp_path / "site.yaml"
    file.write_text(content if isinstance(content, str) else yaml.safe_dump({"cameras": content}))
    with pytest.raises(OmnitrackError, match=complaint) as raised:
        opened([file], ["gate"], {"gate": (1280, 960)})
    assert "\n" not in str(raised.value)
    assert "site.yaml" in str(raised.value) or "camera gate" in str(raised.value)


def test_a_camera_that_two_files_calibrate_is_named(tmp_path: Path) -> None:
    files = [written(tmp_path / name, c0=camera("c0")) for name in ("one.yaml", "two.yaml")]
    with pytest.raises(OmnitrackError, match=r"two.yaml: camera c0 is calibrated in .*one.yaml already"):
        opened(files, ["c0"])


def test_a_camera_that_stands_twice_in_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    entry = f"gate: {{size: [1280, 960], image_to_ground: {IDENTITY}}}"
    file.write_text(f"cameras:\n  {entry}\n  {entry}\n")
    with pytest.raises(OmnitrackError, match=r"site.yaml: .*'gate' stands twice"):
        opened([file], ["gate"])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match=r"none.yaml: cannot be read"):
        opened([tmp_path / "none.yaml"], ["gate"])


def test_millimetres_are_suspected(tmp_path: Path) -> None:
    file = written(tmp_path / "site.yaml", gate={"size": [1280, 960], "image_to_ground": MILLIMETRES})
    _, told = opened([file], ["gate"])
    assert told[0].startswith("calibration: camera gate: one pixel at the lower edge of the picture spans 10.0 m")
    assert "millimetres" in told[0]
