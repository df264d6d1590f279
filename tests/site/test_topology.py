"""The ways between cameras as configuration, as a file, and on the command line."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from tests.cli.test_commands import ROOT
from tests.cli.test_detections import app, invoke, recorded
from tests.crosscam.ground_world import DIMENSION, look
from tests.recorded.written import write_recording
from tests.video.clips import write_clip
from tracker.bootstrap import build_run
from tracker.cli.check import check
from tracker.config import CameraConfig, Config, ModelsConfig, load_config
from tracker.core.types import Detections
from tracker.crosscam.topology import GIVEN_WALKS
from tracker.errors import OmnitrackError
from tracker.ports import Step
from tracker.recorded.files import Recording
from tracker.site.topology import SAVE_SECONDS, TopologyConfig, learning_sinks, load_topology, read_topology
from tracker.store.models import Run
from tracker.store.session import open_store
from tracker.video.frame import FrameBatch

__all__ = ["recorded"]

BY_HAND = """
connections:
- {from: gate, to: yard, seconds: [20, 30, 60]}
- {from: yard, to: hall, mean: 12, std: 3, both_ways: false}
- {from: hall, to: hall, walks: [4, 5.5]}
"""


def silent(line: str) -> None:
    raise AssertionError(line)


def config(text: str, folder: Path) -> TopologyConfig:
    (folder / "site.yaml").write_text(text)
    return read_topology(folder / "site.yaml")


def test_three_ways_of_saying_how_long(tmp_path: Path) -> None:
    topology = load_topology(config(BY_HAND, tmp_path), ["gate", "yard", "hall"], silent)
    assert topology is not None
    walks = topology.walks
    assert set(walks) == {("gate", "yard"), ("yard", "gate"), ("yard", "hall"), ("hall", "hall")}
    assert walks["hall", "hall"] == (4.0, 5.5)
    assert len(walks["gate", "yard"]) == GIVEN_WALKS


def test_a_way_back_with_an_entry_of_its_own_keeps_its_time(tmp_path: Path) -> None:
    given = """
    connections:
    - {from: yard, to: gate, walks: [9]}
    - {from: gate, to: yard, walks: [2]}
    """
    topology = load_topology(config(given, tmp_path), ["gate", "yard"], silent)
    assert topology is not None
    assert topology.walks == {("gate", "yard"): (2.0,), ("yard", "gate"): (9.0,)}


def test_nothing_said_is_no_topology() -> None:
    assert load_topology(TopologyConfig(), ["gate"], silent) is None


def step_at(t_seconds: float) -> Step:
    return Step(FrameBatch(t_seconds, {}), {}, [])


def test_what_is_learnt_is_written_and_found_again(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "learnt.yaml"
    learning = TopologyConfig(file=file, learn=True)
    for gap_seconds in (12.3456, 15.0):
        topology = load_topology(learning, ["gate", "yard"], silent)
        assert topology is not None
        (keeping,) = learning_sinks(learning, topology)
        topology.observe(("gate", "yard"), gap_seconds)
        keeping.close()
    known = TopologyConfig(file=file)
    topology = load_topology(known, ["gate", "yard"], silent)
    assert topology is not None
    assert topology.walks == {("gate", "yard"): (12.35, 15.0)}
    assert learning_sinks(known, topology) == [], "only a run that learns writes"


def test_what_is_learnt_is_written_while_the_run_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also after the file could not be written for a while; what has not changed is not written."""
    learning = TopologyConfig(file=tmp_path / "learnt.yaml", learn=True)
    topology = load_topology(learning, ["gate", "yard"], silent)
    assert topology is not None
    assert learning.file is not None
    (keeping,) = learning_sinks(learning, topology)
    keeping.write(step_at(0.0))
    topology.observe(("gate", "yard"), 12.0)
    keeping.write(step_at(SAVE_SECONDS - 0.1))
    assert read_topology(learning.file).connections == ()
    keeping.write(step_at(SAVE_SECONDS))
    assert read_topology(learning.file).connections[0].walks == (12.0,)
    learning.file.unlink()
    keeping.write(step_at(2 * SAVE_SECONDS))
    assert not learning.file.exists()
    learning.file.mkdir()
    topology.observe(("gate", "yard"), 13.0)
    keeping.write(step_at(3 * SAVE_SECONDS))
    assert "learnt.yaml: cannot be written (Is a directory); what is learnt is written later" in caplog.text
    learning.file.rmdir()
    keeping.write(step_at(4 * SAVE_SECONDS))
    assert read_topology(learning.file).connections[0].walks == (12.0, 13.0)


@pytest.mark.parametrize("known", [None, "connections: [{from: x, to: moon, mean: 2, std: 1}]"])
def test_a_file_that_cannot_be_used_is_told_before_a_run_begins(tmp_path: Path, known: str | None) -> None:
    """No run in the history that never ends, no recording that is begun."""
    clip = str(write_clip(tmp_path / "x.mp4", [0.0, 0.1, 0.2]))
    (tmp_path / "text").write_text("")
    file = tmp_path / ("text/site.yaml" if known is None else "site.yaml")
    if known is not None:
        file.write_text(known)
    cameras, models = (CameraConfig(name="x", source=clip),), ModelsConfig(download=False)
    settings = Config(cameras=cameras, models=models, topology=TopologyConfig(file=file, learn=True))
    out = tmp_path / "out"
    with pytest.raises(OmnitrackError, match=r"site\.yaml: (cannot be written|.*moon)"):
        build_run(settings, out, str(tmp_path / "x.db"), notify=lambda line: None, record=True)
    with open_store(tmp_path / "x.db") as store, store.read() as connection:
        assert list(connection.execute(select(Run.id))) == []
    assert list(out.iterdir()) == []


def test_a_file_that_cannot_be_written_is_told_before_anything_is_learnt(recorded: list[str], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("")
    file = tmp_path / "text" / "site.yaml"
    result = CliRunner().invoke(app, ["--detections", *recorded, "--topology", str(file), "--learn-topology"])
    assert isinstance(result.exception, OmnitrackError)
    assert str(result.exception) == f"{file}: cannot be written (Not a directory)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("connections: [{from: gate, to: yrad, seconds: [1, 2, 3]}]", "site.yaml: connections.0: .*'yrad'.*'yard'"),
        ("connections: [{from: gate, to: yard}]", "site.yaml: connections.0: the time is given as one of"),
        ("connections: [{from: gate, to: yard, mean: 3}]", "site.yaml: connections.0: the time is given as one of"),
        ("connections: [{from: gate, to: yard, seconds: [3, 2, 1]}]", "shortest, usual, longest"),
        ("connections: [{from: gate, to: yard, mean: 3, std: 0}]", "std must be above 0"),
        ("connections: [{from: gate, to: yard, walks: [.nan]}]", "site.yaml: connections.0.walks.0: .*finite"),
        ("conections: []", "site.yaml: conections: Extra inputs"),
        ("connections: [", "site.yaml: not valid YAML"),
        ("learn: true", "learn needs a file"),
    ],
)
def test_bad_files_name_the_place(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(text)
    with pytest.raises(OmnitrackError, match=message):
        load_topology(TopologyConfig(file=tmp_path / "site.yaml"), ["gate", "yard"], silent)


def test_a_file_in_the_configuration_counts_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("topology: {file: site.yaml}\n")
    assert load_config(tmp_path / "run.yaml").topology.file == tmp_path / "site.yaml"


def test_a_run_writes_what_it_learns_and_another_reads_it(recorded: list[str], tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    invoke(*recorded, "--out", tmp_path, "--topology", file, "--learn-topology")
    assert read_topology(file).complete is False
    invoke(*recorded, "--out", tmp_path, "--topology", file)


def test_check_names_a_camera_that_is_not_there(tmp_path: Path) -> None:
    cameras = "cameras: [{name: gate, source: gate.mp4}]"
    (tmp_path / "run.yaml").write_text(
        f"{cameras}\ntopology: {{connections: [{{from: gate, to: attic, seconds: [1, 2, 3]}}]}}"
    )
    with pytest.raises(OmnitrackError, match=r"topology: .* no camera is named 'attic'"):
        check(tmp_path / "run.yaml")


def test_the_command_line_refuses_a_topology_of_other_cameras(recorded: list[str], tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("connections: [{from: c0, to: attic, seconds: [1, 2, 3]}]")
    result = CliRunner().invoke(app, ["--detections", *recorded, "--topology", str(tmp_path / "site.yaml")])
    assert isinstance(result.exception, OmnitrackError)
    assert "no camera is named 'attic'" in str(result.exception)
    result = CliRunner().invoke(app, ["--detections", *recorded, "--learn-topology"])
    assert "--topology" in str(result.exception)


def corridor(people: int) -> list[Recording]:
    """Everybody walks past the gate, and past the yard 8 s later; two at a time, so that looks can be told apart."""
    rate, frames = 4, {"gate": dict[int, list[int]](), "yard": dict[int, list[int]]()}
    for person in range(people):
        for camera, delay in (("gate", 0.0), ("yard", 8.0)):
            begin = round((5 * (person // 2) + delay) * rate)
            for number in range(begin, begin + 3 * rate):
                frames[camera].setdefault(number, []).append(person)
    last = max(frames["yard"]) + 1
    times = np.arange(last) / rate
    return [
        Recording(camera, tuple(crowd(seen.get(k, []), k) for k in range(last)), (640, 480), t_seconds=times)
        for camera, seen in frames.items()
    ]


def crowd(people: list[int], number: int) -> Detections:
    """Two people at most, side by side."""
    left = np.array([50.0 + 300 * (person % 2) + number % 12 for person in people])
    boxes = np.column_stack([left, left * 0 + 100, left + 60, left * 0 + 280])
    rng = np.random.default_rng(number)
    looks = [look(person) + rng.normal(0, 0.4 / np.sqrt(DIMENSION), DIMENSION) for person in people]
    units = np.array(looks).reshape(-1, DIMENSION)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    scores = np.full(len(people), 0.9)
    return Detections(boxes.reshape(-1, 4).astype(np.float32), scores.astype(np.float32), units.astype(np.float32))


def test_a_killed_run_has_written_what_it_learnt(tmp_path: Path) -> None:
    for recording in corridor(800):
        write_recording(tmp_path / f"{recording.camera_id}.npz", recording, together=500)
    sources = [f"{camera}={tmp_path / camera}.npz" for camera in ("gate", "yard")]
    file = tmp_path / "site.yaml"
    command = [sys.executable, str(ROOT / "main.py"), "run", "--detections", *sources, "--out", str(tmp_path)]
    with subprocess.Popen([*command, "--learn-topology", "--topology", str(file)]) as process:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and process.poll() is None:
            if file.exists() and any(len(way.times()) >= 20 for way in read_topology(file).connections):
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, "it was over before it could be killed"
    topology = load_topology(TopologyConfig(file=file), ["gate", "yard"], silent)
    assert topology is not None
    assert np.median(topology.walks["gate", "yard"]) == pytest.approx(5.0, abs=0.6)
