"""The wall clock is set back and forth by an hour while a camera runs: nothing happens."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import time_machine

from tests.store.walk import begin
from tests.test_pipeline import FakeEmbedder
from tests.video.clips import write_clip
from tests.video.rtsp import RtspServer, need_rtsp_server
from tests.video.watching import PATIENT
from tracker.core.single_camera import SingleCameraTracker
from tracker.core.types import Detections
from tracker.crosscam.matcher import CrossCameraMatcher
from tracker.pipeline import Pipeline
from tracker.store.session import open_store
from tracker.store.sink import StoreSink
from tracker.store.stored_tracks import tracklets
from tracker.video.frame import Image
from tracker.video.live import LiveCamera
from tracker.video.live_batching import LiveBatcher


class SomebodyStands:
    """One person in every picture (a fake network, named so)."""

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        person = Detections(np.array([[10, 10, 40, 100]], np.float32), np.array([0.9], np.float32))
        return [person for _ in images]


def until(condition: Callable[[], bool], seconds: float = 240.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


@need_rtsp_server()
def test_a_clock_that_jumps_neither_loses_a_camera_nor_splits_a_track(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.ts", [n / 10 for n in range(1200)], gop=10)
    server = RtspServer({"one": clip})
    origin = time.monotonic()
    camera = LiveCamera("one", server.url("one"), origin, PATIENT)
    batcher = LiveBatcher([camera], origin)
    store = open_store(tmp_path / "omnitrack.db")
    run = begin(store, ["one"])
    pipeline = Pipeline(
        detector=SomebodyStands(),
        embedder=FakeEmbedder(),
        trackers={"one": SingleCameraTracker("one")},
        matcher=CrossCameraMatcher(),
        sinks=[StoreSink(store, run)],
    )
    times: list[float] = []

    def follow() -> None:
        times.extend(step.batch.t_seconds for step in pipeline.steps(batcher))

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        for jump in (timedelta(), timedelta(hours=1), timedelta(hours=-1), timedelta()):
            taken = camera.health.taken
            with time_machine.travel(datetime.now(UTC) + jump):
                assert until(lambda seen=taken: camera.health.taken > seen + 20)  # type: ignore[misc]
        losses, elapsed = camera.health.losses, time.monotonic() - origin
    finally:
        batcher.close()
        thread.join()
        pipeline.finish()
        pipeline.close()
        server.stop()
    assert losses == 0
    assert times == sorted(times)
    assert times[-1] < elapsed
    with store.read() as connection:
        stretches = sorted(tracklets(connection, run.id), key=lambda row: float(row.t_seconds[0]))
    store.close()
    assert {stretch.track_id for stretch in stretches} == {1}
    seen = np.concatenate([stretch.t_seconds for stretch in stretches])
    assert (np.diff(seen) > 0).all()
    assert seen[-1] - seen[0] == pytest.approx(times[-1] - times[0], abs=2.0)
