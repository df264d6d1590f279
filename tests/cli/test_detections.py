"""`run --detections`: recorded detections into MOT files, the ground, and a database."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
import yaml
from typer.testing import CliRunner

from tests.crosscam.ground_world import CAMERAS, look
from tests.recorded.test_recorded import square
from tests.recorded.written import write_recording
from tracker.cli.run import run
from tracker.core.types import Detections
from tracker.errors import OmnitrackError
from tracker.evaluation.ground import ground_steps, read_ground
from tracker.evaluation.metrics import score
from tracker.evaluation.mot import read_mot
from tracker.store.explanation import explain
from tracker.store.queries import identities
from tracker.store.session import open_store
from tracker.store.stored_tracks import latest_run, tracklets

app = typer.Typer()
app.command()(run)


def write_square(file: Path) -> None:
    """The calibration of the recorded cameras."""
    cameras = {
        name: {"size": list(camera.image_size), "image_to_ground": camera.image_to_ground.tolist()}
        for name, camera in CAMERAS.items()
    }
    file.write_text(yaml.safe_dump({"cameras": cameras}))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """CAM=FILE of every camera."""
    folder = tmp_path_factory.mktemp("recorded")
    sources = []
    for recording in square()[0]:
        write_recording(folder / f"{recording.camera_id}.npz", replace(recording, embedder="osnet"))
        sources.append(f"{recording.camera_id}={folder / recording.camera_id}.npz")
    return sources


def invoke(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["--detections", *map(str, arguments), "--fps", "2"], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_the_database_tells_what_the_files_tell(recorded: list[str], tmp_path: Path) -> None:
    database = tmp_path / "omnitrack.db"
    said = invoke(*recorded, "--out", tmp_path, "--db", database, "--offline")
    assert said.strip().endswith(f"written to {tmp_path} and {database}")
    with open_store(database) as store, store.read() as connection:
        run_id = latest_run(connection)
        assert run_id is not None
        rows = list(tracklets(connection, run_id))
        people = [person.id for person in identities(connection).rows]
    files = {camera: read_mot(tmp_path / f"{camera}.txt") for camera in ("c0", "c1", "c2", "c3")}
    assert people == sorted({int(i) for found in files.values() for i in found.ids})
    for camera, found in files.items():
        told = {(int(f), int(i)) for f, i in zip(found.frames, found.ids, strict=True)}
        stored = {(int(f) + 1, row.identity_id) for row in rows if row.camera == camera for f in row.frames}
        assert told == stored != set()


def test_without_a_database_none_is_made(recorded: list[str], tmp_path: Path) -> None:
    invoke(*recorded, "--out", tmp_path / "out")
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".txt"}


def test_a_database_holds_the_vectors_of_one_network(recorded: list[str], tmp_path: Path) -> None:
    write_recording(tmp_path / "x.npz", replace(square()[0][0], embedder="other"))
    database = tmp_path / "omnitrack.db"
    with pytest.raises(OmnitrackError, match=r"the recordings hold embeddings of osnet .* and other"):
        invoke(recorded[0], f"x={tmp_path / 'x.npz'}", "--out", tmp_path, "--db", database)
    invoke(recorded[0], "--out", tmp_path, "--db", database)
    with pytest.raises(OmnitrackError, match="holds embeddings of osnet"):
        invoke(f"x={tmp_path / 'x.npz'}", "--out", tmp_path, "--db", database)


def test_the_database_tells_of_people_on_the_ground(recorded: list[str], tmp_path: Path) -> None:
    """Everybody has one identity in all cameras, and links say that they come from the ground."""
    write_square(tmp_path / "site.yaml")
    database = tmp_path / "omnitrack.db"
    invoke(*recorded, "--out", tmp_path, "--calibration", tmp_path / "site.yaml", "--db", database)
    assert np.loadtxt(tmp_path / "ground.txt", delimiter=",").shape[1] == 4
    with open_store(database) as store, store.read() as connection:
        people = [person.id for person in identities(connection).rows]
        run_id = latest_run(connection)
        assert run_id is not None
        rows = list(tracklets(connection, run_id))
        rules = [link.rule for person in people for link in explain(connection, person).links]
    assert len(people) == 3
    assert {(row.camera, row.identity_id) for row in rows} == {(c, i) for c in ("c0", "c1", "c2", "c3") for i in people}
    assert rules.count("ground") == 9


def test_a_clock_that_is_known_to_be_wrong_is_put_right(recorded: list[str], tmp_path: Path) -> None:
    """Of c1 the first two seconds are missing, which it does not know: its people are found on the ground elsewhere."""
    late = square()[0][1]
    write_recording(tmp_path / "c1.npz", replace(late, frames=late.frames[4:], embedder="osnet"))
    write_square(tmp_path / "site.yaml")
    (tmp_path / "run.yaml").write_text("cameras: [{name: c1, source: c1.mp4, time_offset_seconds: 2}]")
    sources = [
        recorded[0],
        f"c1={tmp_path}/c1.npz",
        *recorded[2:],
        "--calibration",
        tmp_path / "site.yaml",
        "--offline",
    ]
    invoke(*sources, "--out", tmp_path / "wrong")
    invoke(*sources, "--out", tmp_path / "right", "--config", tmp_path / "run.yaml")
    invoke(*recorded, "--calibration", tmp_path / "site.yaml", "--offline", "--out", tmp_path / "whole")
    whole, right, wrong = (read_ground(tmp_path / name / "ground.txt") for name in ("whole", "right", "wrong"))
    score_of = {
        name: score(ground_steps(whole, found, range(1, 21), 0.1), 0.5).idf1
        for name, found in (("right", right), ("wrong", wrong))
    }
    assert score_of["right"] > 98 > 90 > score_of["wrong"]
    rows = read_mot(tmp_path / "right" / "c1.txt")
    assert rows.frames.max() == 16, "pictures keep their own numbers"


def test_who_left_early_is_told_at_the_end(recorded: list[str], tmp_path: Path) -> None:
    """For longer than the matcher is asked to answer, with a database as without."""
    early = square()[0][0]
    nobody = (Detections.empty(),) * 40
    write_recording(tmp_path / "c0.npz", replace(early, frames=early.frames + nobody, embedder="osnet"))
    (tmp_path / "run.yaml").write_text("matcher: {answer_seconds: 3}")
    arguments = [f"c0={tmp_path}/c0.npz", "--config", tmp_path / "run.yaml", "--offline"]
    invoke(*arguments, "--out", tmp_path / "files")
    invoke(*arguments, "--out", tmp_path / "stored", "--db", tmp_path / "omnitrack.db")
    files, stored = (read_mot(tmp_path / name / "c0.txt") for name in ("files", "stored"))
    assert len(stored) == len(files) > 40


def test_places_of_an_earlier_run_do_not_stay(recorded: list[str], tmp_path: Path) -> None:
    write_square(tmp_path / "site.yaml")
    ground = tmp_path / "out" / "ground.txt"
    invoke(*recorded, "--out", tmp_path / "out", "--calibration", tmp_path / "site.yaml")
    before = ground.read_text()
    invoke(recorded[0], "--out", tmp_path / "out", "--calibration", tmp_path / "site.yaml")
    assert before != ground.read_text() != "", "of one camera"
    invoke(*recorded, "--out", tmp_path / "out")
    assert not ground.exists()


@pytest.mark.parametrize("name", ["../a", "a/b", ".a", "", "ground"])
def test_a_camera_whose_name_cannot_be_a_files_is_refused(recorded: list[str], name: str, tmp_path: Path) -> None:
    file = recorded[0].partition("=")[2]
    with pytest.raises(OmnitrackError, match=r"=.*c0\.npz"):
        invoke(f"{name}={file}", "--out", tmp_path / "out")
    assert not (tmp_path / "a.txt").exists()


@pytest.mark.parametrize("file", ["", "/", ".", ".."])
def test_a_name_without_a_file_is_one_clear_error(file: str, tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match=rf"--detections: no such file: {re.escape(file or 'west=')}$"):
        invoke(f"west={file}", "--out", tmp_path / "out")


def test_a_ground_file_that_cannot_be_written_is_named(recorded: list[str], tmp_path: Path) -> None:
    write_square(tmp_path / "site.yaml")
    (tmp_path / "ground.txt").mkdir()
    with pytest.raises(OmnitrackError, match=r"ground\.txt: cannot be written"):
        invoke(*recorded, "--out", tmp_path, "--calibration", tmp_path / "site.yaml")


def test_text_with_a_folder_of_embeddings_ends_at_the_picture_that_is_calibrated(tmp_path: Path) -> None:
    """Somebody stands half outside of a picture, whose size text does not tell."""
    sources, vectors = [], tmp_path / "vectors"
    vectors.mkdir()
    for recording in square()[0]:
        lines, looks = [], []
        for number, seen in enumerate(recording.frames, 1):
            boxes = seen.boxes_xyxy.tolist() + [[-90, 400, 60, 600]] * (recording.camera_id == "c0")
            lines += [f"{number},-1,{x1},{y1},{x2 - x1},{y2 - y1},0.9" for x1, y1, x2, y2 in boxes]
            assert seen.embeddings is not None
            looks += [*seen.embeddings, look(9)][: len(boxes)]
        (tmp_path / f"{recording.camera_id}_det.txt").write_text("\n".join(lines))
        np.savez(vectors / f"{recording.camera_id}.npz", emb=np.array(looks))
        sources.append(f"{recording.camera_id}={tmp_path / recording.camera_id}_det.txt")
    write_square(tmp_path / "site.yaml")
    options = ["--embeddings", vectors, "--calibration", tmp_path / "site.yaml", "--offline"]
    assert invoke(*sources, *options, "--out", tmp_path / "cut").startswith("4 people in 4 cameras")
    invoke(*sources, "--embeddings", vectors, "--offline", "--out", tmp_path / "uncut")
    least = {name: read_mot(tmp_path / name / "c0.txt").boxes_xyxy.min() for name in ("cut", "uncut")}
    assert least["cut"] > -10 > -80 > least["uncut"], "the tracker smooths"
    (vectors / "c2.npz").unlink()
    write_recording(tmp_path / "c2.npz", replace(square()[0][2], embedder="unknown"))
    mixed = [f"c2={tmp_path / 'c2.npz'}" if source.startswith("c2=") else source for source in sources]
    assert invoke(*mixed, *options, "--out", tmp_path / "mixed").startswith("4 people in 4 cameras")
    assert invoke(mixed[2], *options, "--out", tmp_path / "none").endswith(f"written to {tmp_path}/none\n")
    with pytest.raises(OmnitrackError, match=r"--embeddings: no such file: .*vectors/c2\.npz"):
        invoke(*sources, *options, "--out", tmp_path / "cut")


def test_recordings_of_two_networks_are_refused_with_and_without_a_database(tmp_path: Path) -> None:
    one, other = (
        replace(recording, embedder=name) for recording, name in zip(square()[0], ("osnet", "x"), strict=False)
    )
    short = [
        None if seen.embeddings is None else replace(seen, embeddings=seen.embeddings[:, :8]) for seen in other.frames
    ]
    write_recording(tmp_path / "c0.npz", one)
    write_recording(tmp_path / "c1.npz", replace(other, frames=tuple(filter(None, short))))
    sources = [f"{name}={tmp_path / name}.npz" for name in ("c0", "c1")]
    for where in ([], ["--db", tmp_path / "x.db"]):
        with pytest.raises(OmnitrackError, match=r"osnet \(dimension 32\) and x \(dimension 8\)"):
            invoke(*sources, "--out", tmp_path / "out", *where)
