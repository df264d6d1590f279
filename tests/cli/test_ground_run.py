"""`run --calibration`: people followed on the ground, from real videos and live cameras to the database."""

import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.cli.test_commands import ROOT, first_frames, omnitrack, tracklets_in
from tests.resources import DATA, MODELS, needs_data, needs_models
from tests.video.rtsp import RtspServer, need_rtsp_server
from tracker.evaluation.mot import read_mot
from tracker.store.explanation import explain
from tracker.store.queries import identities
from tracker.store.session import open_store
from tracker.store.stored_tracks import latest_run, tracklets

VIEWS = ("View_001", "View_006")


@needs_data
@needs_models
def test_people_in_overlapping_videos_are_linked_by_the_ground(tmp_path: Path) -> None:
    """A third camera, not calibrated, takes part; files and database agree, and links say where they come from."""
    pets = DATA / "pets2009"
    videos = [first_frames(pets / f"{view}.mp4", tmp_path / f"{view}.mp4", 45) for view in VIEWS]
    third = first_frames(pets / "View_001.mp4", tmp_path / "third.mp4", 20)
    calibration = [part for view in VIEWS for part in ("--calibration", pets / f"{view}.xml")]
    out = tmp_path / "out"
    environment = {"OMNITRACK_MODELS": os.fspath(MODELS)}
    done = omnitrack("run", *videos, third, "--fps", 7, *calibration, "--out", out, env=environment)
    assert done.returncode == 0, done.stderr
    assert "third (not calibrated)" in done.stderr
    assert all((out / f"{view}.mp4").stat().st_size > 10_000 for view in VIEWS)
    with open_store(out / "omnitrack.db") as store, store.read() as connection:
        run_id = latest_run(connection)
        assert run_id is not None
        rows = list(tracklets(connection, run_id))
        links = [link for person in identities(connection).rows for link in explain(connection, person.id).links]
    in_view = {view: {row.identity_id for row in rows if row.camera == view} for view in VIEWS}
    assert len(in_view["View_001"] & in_view["View_006"] - {None}) >= 2, "people whom both see"
    on_ground = [link for link in links if link.rule == "ground"]
    assert on_ground
    assert all(link.parts["metres"] < 5 for link in on_ground)
    for view in VIEWS:
        assert set(read_mot(out / f"{view}.txt").ids) == in_view[view] - {None}
    assert any(row.camera == "third" and row.identity_id is not None for row in rows)


def at_rate(source: Path, target: Path, frames_per_second: int) -> Path:
    """The same pictures at another rate, copied without decoding."""
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        video = given.streams.video[0]
        stream = made.add_stream_from_template(video)
        assert video.average_rate is not None
        slower = Fraction(video.average_rate) / frames_per_second
        for packet in given.demux(video):
            if packet.dts is not None and packet.pts is not None:
                packet.pts, packet.dts = round(packet.pts * slower), round(packet.dts * slower)
                packet.stream = stream
                made.mux(packet)
    return target


@pytest.mark.slow
@needs_data
@need_rtsp_server()
def test_people_in_overlapping_live_cameras_are_linked_by_the_ground(tmp_path: Path) -> None:
    pets, out, config = DATA / "pets2009", tmp_path / "out", tmp_path / "site.yaml"
    server = RtspServer({view: at_rate(pets / f"{view}.mp4", tmp_path / f"{view}.ts", 7) for view in VIEWS})
    config.write_text(
        "models: {download: false}\n"
        f"ground: {{calibration: [{', '.join(str(pets / f'{view}.xml') for view in VIEWS)}]}}\ncameras:\n"
        + "".join(f"- {{name: {view}, source: '{server.url(view)}', process_fps: 3.5}}\n" for view in VIEWS),
        encoding="utf-8",
    )
    command = [sys.executable, str(ROOT / "main.py"), "run", "--config", str(config), "--out", str(out), "--quiet"]
    environment = {key: value for key, value in os.environ.items() if key != "OMNITRACK_MODELS"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and tracklets_in(out / "omnitrack.db") < 16 and process.poll() is None:
            time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=300)
    finally:
        process.kill()
        server.stop()
    assert process.returncode == 0, complaints
    with open_store(out / "omnitrack.db") as store, store.read() as connection:
        run_id = latest_run(connection)
        assert run_id is not None
        rows = list(tracklets(connection, run_id))
        links = [link for person in identities(connection).rows for link in explain(connection, person.id).links]
    one, other = ({row.identity_id for row in rows if row.camera == view} - {None} for view in VIEWS)
    assert len(one & other) >= 2, "people whom both see"
    on_ground = [link for link in links if link.rule == "ground"]
    assert on_ground
    assert all(link.parts["metres"] < 5 for link in on_ground)


def test_a_calibration_of_other_cameras_is_one_line_before_anything_is_processed(tmp_path: Path) -> None:
    east = Path(__file__).parents[2] / "sample_videos" / "east.mp4"
    identity = "[[1, 0, 0], [0, 1, 0], [0, 0, 1]]"
    (tmp_path / "site.yaml").write_text(f"cameras: {{gate: {{size: [1280, 960], image_to_ground: {identity}}}}}")
    done = omnitrack("run", east, "--calibration", tmp_path / "site.yaml", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.strip().endswith(
        "site.yaml: calibrates gate, but the cameras are east: give them the same names"
    )
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
