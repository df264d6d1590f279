"""The ways between cameras as configuration, as a file, and on the command line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.cli.test_detections import app, invoke, recorded
from tracker.cli.check import check
from tracker.config import load_config
from tracker.crosscam.topology import GIVEN_WALKS
from tracker.errors import OmnitrackError
from tracker.site.topology import TopologyConfig, open_topology, read_topology

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
    with open_topology(config(BY_HAND, tmp_path), ["gate", "yard", "hall"], silent) as topology:
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
    with open_topology(config(given, tmp_path), ["gate", "yard"], silent) as topology:
        assert topology is not None
        assert topology.walks == {("gate", "yard"): (2.0,), ("yard", "gate"): (9.0,)}


def test_nothing_said_is_no_topology() -> None:
    with open_topology(TopologyConfig(), ["gate"], silent) as topology:
        assert topology is None


def test_what_is_learnt_is_written_and_found_again(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "learnt.yaml"
    learning = TopologyConfig(file=file, learn=True)
    with open_topology(learning, ["gate", "yard"], silent) as topology:
        assert topology is not None
        topology.observe(("gate", "yard"), 12.3456)
    with open_topology(learning, ["gate", "yard"], silent) as topology:
        assert topology is not None
        topology.observe(("gate", "yard"), 15.0)
    with open_topology(TopologyConfig(file=file), ["gate", "yard"], silent) as topology:
        assert topology is not None
        assert topology.walks == {("gate", "yard"): (12.35, 15.0)}
        topology.observe(("gate", "yard"), 99.0)
    assert "99" not in file.read_text(), "only a run that learns writes"


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
    with (
        pytest.raises(OmnitrackError, match=message),
        open_topology(TopologyConfig(file=tmp_path / "site.yaml"), ["gate", "yard"], silent),
    ):
        pass


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
