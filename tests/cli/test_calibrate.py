"""`main.py calibrate`: points into a calibration, tracks into a clock offset."""

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.cli.test_detections import app as run_app
from tests.cli.test_detections import recorded, write_square
from tests.crosscam.ground_world import CAMERAS, SIZE, detections
from tests.crosscam.test_clock import STEP, walkers
from tests.crosscam.test_point_pairs import METRES, PIXELS
from tests.recorded.written import write_recording
from tracker.cli.calibrate import app
from tracker.core.types import Detections
from tracker.errors import OmnitrackError
from tracker.recorded.files import Recording, read_recording
from tracker.site.calibration import read_calibration

__all__ = ["recorded"]


def invoke(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def points_file(folder: Path, count: int = 6) -> Path:
    rows = np.column_stack([PIXELS, METRES])[:count]
    file = folder / "points.txt"
    file.write_text("# x y X Y\n\n" + "".join(", ".join(map(str, row)) + "  # a corner\n" for row in rows))
    return file


def test_points_become_a_calibration_beside_the_others(tmp_path: Path) -> None:
    out = tmp_path / "site.yaml"
    points = points_file(tmp_path)
    said = invoke("gate", "--points", points, "--size", "1000x800", "--out", out)
    assert "gate: error of the points 0.000 m, elsewhere about 0.000 m" in said
    said = invoke("camera", "yard", "--points", points_file(tmp_path, 4), "--size", "1000x800", "--out", out)
    assert "five points or more" in said
    invoke("--points", points, "--size", "1000x800", "--out", out, "hall")
    cameras = read_calibration(out)
    assert list(cameras) == ["gate", "yard", "hall"]
    np.testing.assert_allclose(cameras["gate"].to_ground(PIXELS), METRES, atol=1e-6)


def test_the_command_of_the_readme_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"`python main\.py calibrate (\w+ --points [^`]+)`", readme)
    points_file(tmp_path).rename(tmp_path / "gate.txt")
    monkeypatch.chdir(tmp_path)
    invoke(*command.split())
    assert "gate" in read_calibration(tmp_path / "calibration.yaml")


def test_the_help_tells_how_to_get_a_cameras_options() -> None:
    assert "calibrate camera --help" in " ".join(invoke("--help").split())
    assert "--size" in invoke("camera", "--help")


@pytest.mark.parametrize(
    ("content", "size", "out", "complaint"),
    [
        ("1 2 3\n", "10x10", "x.yaml", "points.txt: line 1: expected"),
        ("1 2 3 4\n1 2 3 x\n", "10x10", "x.yaml", "points.txt: line 2: expected"),
        ("1 2 3 nan\n", "10x10", "x.yaml", "points.txt: line 1: expected"),
        ("", "10x10", "x.yaml", "points.txt: at least 4 pairs"),
        (
            "0 0 0 0\n1 1 1 1\n2 2 2 2\n3 3 3 3\n",
            "10x10",
            "x.yaml",
            "points.txt: too many of the points lie .nearly. on one",
        ),
        ("1 1 0 0\n9 0 1 0\n0 9 0 1\n9 19 1 1\n", "10x10", "x.yaml", "line 4: pixel 9, 19 lies outside of a picture"),
        ("1 1 0 0\n9 0 1 0\n1 1 0 1\n9 9 1 1\n", "10x10", "x.yaml", "line 3: the same pixel as in line 1"),
        ("1 1 0 0\n9 0 1 0\n0 9 1 0\n9 9 1 1\n", "10x10", "x.yaml", "line 3: the same place as in line 2"),
        ("1 1 0 0\n9 0 1e300 0\n0 9 1 0\n9 9 1 1\n", "10x10", "x.yaml", "line 2: expected"),
        ("0 0 0 0\n9 0 1 0\n0 9 0 1\n9 9 1 1\n", "10", "x.yaml", "--size"),
        ("0 0 0 0\n9 0 1 0\n0 9 0 1\n9 9 1 1\n", "10x0", "x.yaml", "--size"),
        ("0 0 0 0\n9 0 1 0\n0 9 0 1\n9 9 1 1\n", "1920x²", "x.yaml", "--size"),
        ("0 0 0 0\n9 0 1 0\n0 9 0 1\n9 9 1 1\n", "10x10", "x.txt", "x.txt: .*yaml"),
        ("0 0 0 0\n9 0 1 0\n0 9 0 1\n9 9 1 1\n", "10x10", "broken.yaml", "broken.yaml: not a usable calibration"),
    ],
)
def test_bad_points_name_the_file_and_the_line(
    content: str, size: str, out: str, complaint: str, tmp_path: Path
) -> None:
    (tmp_path / "points.txt").write_text(content)
    (tmp_path / "broken.yaml").write_text("[]")
    arguments = ["gate", "--points", tmp_path / "points.txt", "--size", size, "--out", tmp_path / out]
    with pytest.raises(OmnitrackError, match=complaint):
        invoke(*arguments)


def test_a_file_of_points_that_is_no_text_and_a_name_that_no_camera_can_have(tmp_path: Path) -> None:
    (tmp_path / "points.txt").write_bytes(bytes(range(256)))
    with pytest.raises(OmnitrackError, match=r"points\.txt: not a text file"):
        invoke("gate", "--points", tmp_path / "points.txt", "--size", "1000x800")
    with pytest.raises(OmnitrackError, match=r"none\.txt: cannot be read \(No such file or directory\)"):
        invoke("gate", "--points", tmp_path / "none.txt", "--size", "1000x800")
    with pytest.raises(OmnitrackError, match="cannot be named 'north gate'"):
        invoke("north gate", "--points", points_file(tmp_path), "--size", "1000x800")


def doubted(tmp_path: Path, rows: np.ndarray, size: str = "1000x800") -> str:
    file = tmp_path / "points.txt"
    file.write_text("".join(" ".join(map(str, row)) + "\n" for row in rows))
    result = CliRunner().invoke(
        app, ["gate", "--points", str(file), "--size", size, "--out", str(tmp_path / "x.yaml")], catch_exceptions=False
    )
    assert result.exit_code == 0, "what is doubtful is written all the same"
    assert "gate" in read_calibration(tmp_path / "x.yaml")
    return result.stderr


def test_what_is_doubtful_about_points_is_said(tmp_path: Path) -> None:
    good = np.column_stack([PIXELS, METRES])
    assert doubted(tmp_path, good) == ""
    wrong = good.copy()
    wrong[4, 2:] += [3.0, -2.0]
    assert "point 5 does not fit: without it the error of the others is 0.000 m" in doubted(tmp_path, wrong)
    assert "spans" in doubted(tmp_path, good * [1, 1, 1000, 1000])
    assert "the points cover 0." in doubted(tmp_path, good, "10000x8000")


def test_a_maps_coordinates_are_metres_like_others(tmp_path: Path) -> None:
    far = np.array([456_789.0, 5_412_345.0])
    assert doubted(tmp_path, np.column_stack([PIXELS, METRES + far])) == ""
    camera = read_calibration(tmp_path / "x.yaml")["gate"]
    np.testing.assert_allclose(camera.to_ground(PIXELS) - far, METRES, atol=1e-4)
    np.testing.assert_allclose(camera.to_image(METRES + far), PIXELS, atol=1e-2)


def test_a_calibration_that_puts_feet_behind_the_camera_is_refused_by_a_run(
    recorded: list[str], tmp_path: Path
) -> None:
    rows = np.eye(3)
    rows[2] = [0.0015, 0, -1]
    cameras = {name: f"  {name}: {{size: [1280, 960], image_to_ground: {rows.tolist()}}}" for name in CAMERAS}
    (tmp_path / "site.yaml").write_text("\n".join(["cameras:", *cameras.values()]))
    arguments = ["--detections", *recorded, "--calibration", str(tmp_path / "site.yaml")]
    result = CliRunner().invoke(run_app, arguments)
    assert isinstance(result.exception, OmnitrackError)
    assert "site.yaml" in str(result.exception)
    assert "behind the camera" in str(result.exception)


@pytest.mark.parametrize("late", [1.5, -0.8])
def test_a_late_clock_is_told_from_people_whom_both_cameras_see(late: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    paths = walkers(0, 60.0) - 10  # about the middle of the square that the cameras watch
    frames = [detections({person: (x, y) for person, (x, y) in enumerate(places)}, rng)[0] for places in paths]
    seconds = np.asarray(100 + np.arange(len(frames)) * STEP, np.float64)
    tracks = []
    for name, clock in (("c0", seconds), ("c1", np.asarray(seconds + late, np.float64))):
        seen = Recording(name, tuple(frame[name] for frame in frames), SIZE, t_seconds=clock)
        write_recording(tmp_path / f"{name}.npz", seen)
        tracks.append(f"{name}={tmp_path / name}.npz")
    write_square(tmp_path / "site.yaml")
    said = invoke("clock", *tracks, "--calibration", tmp_path / "site.yaml")
    assert "c1 shows" in said
    assert float(said.split("c1 shows ")[1].split()[0]) == pytest.approx(late, abs=STEP / 2 + 0.02)
    assert float(said.split("time_offset_seconds: ")[1].split()[0]) == pytest.approx(-late, abs=STEP / 2 + 0.02)


def test_a_shift_of_one_view_is_recovered(tmp_path: Path) -> None:
    """View_006 begins some frames late and does not know it."""
    missed = 12
    folder = os.environ.get("OMNITRACK_DATA")
    if not folder:
        pytest.skip("OMNITRACK_DATA is not set: it names the folder with pets2009/")
    data = Path(folder).resolve() / "pets2009"
    tracks = []
    for view, name in (("view001", "View_001"), ("view006", "View_006")):
        whole = read_recording(name, data / f"frozen_yolo11n_int8_{view}.npz", "emb_intel_0287")
        first = missed if name == "View_006" else 0
        write_recording(tmp_path / f"{name}.npz", replace(whole, frames=whole.frames[first:300]))
        tracks.append(f"{name}={tmp_path / name}.npz")
    calibration = [a for name in ("View_001", "View_006") for a in ("--calibration", data / f"{name}.xml")]
    said = invoke("clock", *tracks, *calibration, "--fps", 7, "--longest", 4)
    offset = float(said.split("time_offset_seconds: ")[1].split()[0])
    assert offset == pytest.approx(missed / 7, abs=0.2)


def test_a_clock_needs_two_calibrated_cameras(recorded: list[str], tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(
        "cameras: {c0: {size: [1280, 960], image_to_ground: [[1, 0, 0], [0, 1, 0], [0, 0, 1]]}}"
    )
    calibration = ["--calibration", tmp_path / "one.yaml"]
    with pytest.raises(OmnitrackError, match="two cameras are needed, got 1"):
        invoke("clock", recorded[0], *calibration)
    with pytest.raises(OmnitrackError, match="camera c1: the calibration does not know it"):
        invoke("clock", *recorded[:2], *calibration)
    with pytest.raises(OmnitrackError, match=r"one\.yaml: camera c0 is calibrated in .*one\.yaml already"):
        invoke("clock", *recorded[:2], *calibration, *calibration)


def test_recordings_that_tell_no_clock_are_named(recorded: list[str], tmp_path: Path) -> None:
    write_square(tmp_path / "site.yaml")
    calibration = ["--calibration", tmp_path / "site.yaml", "--fps", 2]
    for name, frames in (("empty", ()), ("nobody", (Detections.empty(),) * 30)):
        write_recording(tmp_path / f"{name}.npz", Recording("c1", frames, (1280, 960)))
        with pytest.raises(OmnitrackError, match=rf"{name}\.npz: nobody is followed on the ground"):
            invoke("clock", recorded[0], f"c1={tmp_path / name}.npz", *calibration)
    whole = read_recording("c1", Path(recorded[1].partition("=")[2]))
    write_recording(tmp_path / "wide.npz", replace(whole, image_size=(1280, 500)))
    with pytest.raises(OmnitrackError, match="camera c1: calibrated for pictures of 1280 x 960, but these have 1280 x"):
        invoke("clock", recorded[0], f"c1={tmp_path / 'wide.npz'}", *calibration)


def test_an_offset_that_the_recordings_hardly_tell_is_not_told(tmp_path: Path) -> None:
    """Three pictures beside a long recording: some lag always stands out."""
    folder = os.environ.get("OMNITRACK_DATA")
    if not folder:
        pytest.skip("OMNITRACK_DATA is not set: it names the folder with pets2009/")
    data = Path(folder).resolve() / "pets2009"
    tracks = []
    for view, name, count in (("view001", "View_001", 300), ("view006", "View_006", 3)):
        whole = read_recording(name, data / f"frozen_yolo11n_int8_{view}.npz", "emb_intel_0287")
        write_recording(tmp_path / f"{name}.npz", whole.first(count))
        tracks.append(f"{name}={tmp_path / name}.npz")
    calibration = [a for name in ("View_001", "View_006") for a in ("--calibration", data / f"{name}.xml")]
    with pytest.raises(OmnitrackError, match=r"View_001 and View_006: what both saw leaves the offset uncertain by"):
        invoke("clock", *tracks, *calibration, "--fps", 7)


def test_the_picture_of_recorded_detections_and_of_a_database(recorded: list[str], tmp_path: Path) -> None:
    database, picture = tmp_path / "history.db", tmp_path / "looks.png"
    run = CliRunner().invoke(
        run_app, ["--detections", *recorded, "--fps", "2", "--db", str(database), "--out", str(tmp_path)]
    )
    assert run.exit_code == 0
    for source in (recorded, ["--db", database]):
        said = invoke("appearance", *source, "--fps", 2, "--out", picture)
        assert "one person: cosine" in said
        assert "with one person known" in said
        with Image.open(picture) as image:
            colours = np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)
        assert [192, 57, 43] in colours.tolist(), "the strangers' curve"
        assert [26, 127, 90] in colours.tolist(), "the curve of one person"
        picture.unlink()


@pytest.mark.parametrize("embedding", ["emb_osnet_x0_25", "emb_intel_0287"])
def test_any_network_finds_its_own_threshold(embedding: str, tmp_path: Path) -> None:
    folder = os.environ.get("OMNITRACK_DATA")
    if not folder:
        pytest.skip("OMNITRACK_DATA is not set: it names the folder with pets2009/")
    data = Path(folder).resolve() / "pets2009"
    files = [f"{view}={data}/frozen_yolo11n_int8_{view}.npz" for view in ("view001", "view006")]
    said = invoke("appearance", *files, "--fps", 7, "--embedding", embedding, "--out", tmp_path / "looks.png")
    threshold = float(said.split("known, ")[1].split()[0])
    same, different = (float(line.split("cosine ")[1].split()[0]) for line in said.splitlines()[:2])
    assert different + 0.2 < threshold < same


def test_nothing_to_learn_from_is_said(tmp_path: Path) -> None:
    write_recording(tmp_path / "x.npz", Recording("x", (Detections.empty(),)))
    with pytest.raises(OmnitrackError, match="nothing to learn from"):
        invoke("appearance", f"x={tmp_path}/x.npz", "--out", tmp_path / "x.png")
