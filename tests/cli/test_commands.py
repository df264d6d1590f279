"""Commands as a user starts them: exit codes, one-line errors, nothing lost."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import av
import pytest

from tracker.cli.doctor import storage

ROOT = Path(__file__).resolve().parents[2]
WEST, EAST = (ROOT / "sample_videos" / f"{name}.mp4" for name in ("west", "east"))


def omnitrack(*arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """main.py without models and without downloads, unless env says otherwise."""
    clean = {key: value for key, value in os.environ.items() if key != "OMNITRACK_MODELS"}
    command = [sys.executable, str(ROOT / "main.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=clean | (env or {}), check=False)


def first_frames(source: Path, target: Path, count: int) -> Path:
    """The first frames of a video, copied without decoding."""
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        for number, packet in enumerate(given.demux(given.streams.video[0])):
            if number >= count or packet.dts is None:
                break
            packet.stream = stream
            made.mux(packet)
    return target


def tracklets_in(database: Path) -> int:
    """Rows that are safely stored; 0 while the database is not there or not ready."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM tracklets").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


@pytest.fixture
def offline(tmp_path: Path) -> Path:
    file = tmp_path / "offline.yaml"
    file.write_text("models: {download: false}\noutput: {video: false}\n", encoding="utf-8")
    return file


def test_two_videos_in_identities_out_asked_from_the_database(tmp_path: Path, offline: Path) -> None:
    west, east = (first_frames(f, tmp_path / f.name, 60) for f in (WEST, EAST))
    out = tmp_path / "out"
    done = omnitrack("run", west, east, "--config", offline, "--out", out, "--video")
    assert done.returncode == 0, done.stderr
    assert "person" in done.stdout
    assert "120 frames" in done.stdout
    assert "Traceback" not in done.stderr
    names = {path.name for path in out.iterdir()}
    assert {"west.mp4", "east.mp4", "west.txt", "east.txt", "timeline.png", "omnitrack.db"} <= names
    with av.open(str(out / "east.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 60

    listed = omnitrack("identities", "--db", out / "omnitrack.db", "--csv")
    assert listed.returncode == 0
    header, first = listed.stdout.splitlines()[:2]
    identity = dict(zip(header.split(","), first.split(","), strict=False))["id"]
    assert omnitrack("history", identity, "--db", out / "omnitrack.db", "--json").returncode == 0
    assert omnitrack("history", 999999, "--db", out / "omnitrack.db").returncode == 2


def test_recorded_detections_can_be_associated_again_without_video(tmp_path: Path, offline: Path) -> None:
    east = first_frames(EAST, tmp_path / "east.mp4", 40)
    done = omnitrack("run", east, "--config", offline, "--out", tmp_path / "out", "--record")
    assert done.returncode == 0, done.stderr
    recorded = tmp_path / "out" / "east.npz"
    again = omnitrack("run", "--detections", f"east={recorded}", "--fps", 7, "--out", tmp_path / "again")
    assert again.returncode == 0, again.stderr
    boxes = [len((tmp_path / folder / "east.txt").read_text().splitlines()) for folder in ("out", "again")]
    assert boxes[1] > 0.8 * boxes[0] > 0


def test_what_a_killed_run_recorded_can_be_used(tmp_path: Path, offline: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, str(ROOT / "main.py"), "run", str(WEST), str(EAST), "--config", str(offline)]
    clean = {key: value for key, value in os.environ.items() if key != "OMNITRACK_MODELS"}
    growing = [out / f"{name}.npz.unfinished" for name in ("west", "east")]
    with subprocess.Popen([*command, "--record", "--out", str(out)], stderr=subprocess.DEVNULL, env=clean) as process:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and not all(p.exists() and p.stat().st_size > 20_000 for p in growing):
            time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    sources = [f"west={out}/west.npz", f"east={growing[1]}"]
    for lines in (2, 0):
        done = omnitrack("run", "--detections", *sources, "--out", tmp_path / "again")
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("was killed, or could not finish it; what it saw is here") == lines
        assert len(done.stderr.splitlines()) == lines
        assert all((tmp_path / "again" / f"{name}.txt").stat().st_size > 0 for name in ("west", "east"))


def test_same_input_same_bytes(tmp_path: Path, offline: Path) -> None:
    west, east = (first_frames(f, tmp_path / f.name, 40) for f in (WEST, EAST))
    for folder in ("one", "two"):
        assert omnitrack("run", west, east, "--config", offline, "--out", tmp_path / folder).returncode == 0
    for name in ("west.txt", "east.txt"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert (tmp_path / "one" / "east.txt").stat().st_size > 0


def test_ctrl_c_saves_what_was_done(tmp_path: Path, offline: Path) -> None:
    command = [sys.executable, str(ROOT / "main.py"), "run", str(WEST), str(EAST), "--config", str(offline)]
    clean = {key: value for key, value in os.environ.items() if key != "OMNITRACK_MODELS"}
    with subprocess.Popen(
        [*command, "--out", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean,
    ) as process:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and not tracklets_in(tmp_path / "out" / "omnitrack.db"):
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert "Stopped; everything up to here is saved." in stdout
    assert (tmp_path / "out" / "east.txt").stat().st_size > 0
    assert "Traceback" not in stderr


def test_a_truncated_video_is_processed_up_to_its_end(tmp_path: Path, offline: Path) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(WEST.read_bytes()[:150_000])
    done = omnitrack("run", cut, "--config", offline, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "frames lost (damaged" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "gone.mp4"], "gone.mp4"),
        (["run", "text.mp4"], "text.mp4"),
        (["run", "empty.mp4"], "empty.mp4"),
        (["run", "truncated.mp4"], "truncated.mp4"),
        (["run", "a/cam.mp4", "b/cam.mp4"], "two cameras are named 'cam'"),
        (["run", "good.mp4", "--db", "a"], "database a"),
        (["run", "good.mp4", "--db", "/proc/x.db"], "/proc/x.db"),
        (["run", "good.mp4", "--out", "text.mp4/out"], "text.mp4/out"),
        (["run", "good.mp4", "--config", "unknown.yaml"], "detector.confidnce: unknown key"),
        (["run", "good.mp4", "--config", "typed.yaml"], "detector.confidence"),
        (["run", "good.mp4", "--out", ".", "--video"], "good.mp4 is an input and would be overwritten"),
        (["demo", "--out", "text.mp4"], "text.mp4"),
        (["check", "gone.yaml"], "gone.yaml"),
        (["check", "live.yaml"], "camera gate"),
        (["check", "twins.yaml"], "two cameras are named 'a'"),
        (["evaluate", "gone", "gone"], "gone"),
        (["identities", "--db", "gone.db"], "gone.db"),
        (["track", "gone.txt"], "gone.txt"),
        (["run", "--detections", "a=gone.npz"], "gone.npz"),
        (["run", "--detections", "text.mp4"], "name files as CAMERA=FILE, got 'text.mp4'; write text=text.mp4"),
        (["run", "--detections"], "name files as CAMERA=FILE"),
        (["run", "--detections", "a=text.mp4", "a=text.mp4"], "two files are named 'a'"),
        (["run", "--detections", "a=text.mp4", "--record"], "leave out --video and --record"),
        (["run", "good.mp4", "--offline"], "belong to --detections"),
    ],
)
def test_bad_input_is_one_line_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.mp4").write_text("this is no video\n")
    Path("empty.mp4").touch()
    first_frames(WEST, Path("good.mp4"), 5)
    Path("truncated.mp4").write_bytes(WEST.read_bytes()[:20_000])
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "cam.mp4").write_bytes(Path("good.mp4").read_bytes())
    Path("unknown.yaml").write_text("detector: {confidnce: 1}\n")
    Path("typed.yaml").write_text("detector: {confidence: high}\n")
    Path("twins.yaml").write_text("cameras: [{name: a, source: good.mp4}, {name: a, source: good.mp4}]\n")
    Path("live.yaml").write_text("cameras: [{name: gate, source: 'rtsp://eve:canary@127.0.0.1:1/x'}]\n")
    done = omnitrack(*arguments)
    assert done.returncode == 2
    assert "canary" not in done.stderr
    notes = [line for line in done.stderr.splitlines() if line.startswith("No ") and " model is at hand " in line]
    others = [line for line in done.stderr.splitlines() if line not in notes]
    assert len(others) == 1, done.stderr
    assert others[0].startswith("error: ")
    assert complaint in others[0]
    assert done.stdout == ""


def test_check_and_doctor_say_what_is_there(tmp_path: Path) -> None:
    config = tmp_path / "site.yaml"
    config.write_text(f"cameras: [{{name: door, source: {WEST}}}]\n", encoding="utf-8")
    checked = omnitrack("check", config)
    assert checked.returncode == 0, checked.stderr
    assert "330x576" in checked.stdout
    healthy = omnitrack("doctor", "--out", tmp_path / "out")
    assert healthy.returncode == 0, healthy.stdout
    assert "codec h264" in healthy.stdout
    assert not (tmp_path / "out").exists()


def test_doctor_leaves_no_folder_behind(tmp_path: Path) -> None:
    assert {finding.state for finding in storage(tmp_path / "a" / "b")} <= {"ok", "fail"}
    assert list(tmp_path.iterdir()) == []


def test_doctor_refuses_a_folder_on_a_network_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.store.location.file_system", lambda _: "nfs4")
    states = {finding.what: (finding.state, finding.detail) for finding in storage(tmp_path)}
    state, detail = states["database folder"]
    assert state == "fail"
    assert "network share (nfs4)" in detail
