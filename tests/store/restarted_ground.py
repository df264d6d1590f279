"""A run on the ground that another process kills: python -m tests.store.restarted_ground DATABASE TINT.

Five people walk in circles before four calibrated cameras all the time. Prints how many batches are committed, each
time that it changes.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from tests.crosscam.ground_world import CAMERAS, DIMENSION, SIZE, STEP_SECONDS, detections
from tests.store.walk import EPOCH
from tracker.bootstrap import build_matcher
from tracker.config import Config
from tracker.core.single_camera import SingleCameraTracker
from tracker.core.types import Detections
from tracker.crosscam.following import Followers
from tracker.crosscam.ground.linking import SiteMatcher
from tracker.crosscam.ground.site import GroundSite
from tracker.recorded.associator import Associator
from tracker.store.runs import CameraOrigin, begin_run
from tracker.store.session import Store, open_store
from tracker.store.sink import StoreSink
from tracker.video.frame import Frame, FrameBatch

PEOPLE = 5
IMAGE = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
CONFIG = Config()


def places(seconds: float) -> dict[int, tuple[float, float]]:
    """Metres of everybody, so long after EPOCH. They walk 1 m/s, each on a circle of its own."""
    found = {}
    for person in range(PEOPLE):
        radius = 0.8 + 0.8 * person
        angle = 2.4 * person + seconds / radius
        found[person] = radius * np.cos(angle), radius * np.sin(angle)
    return found


def tinted(seen: Detections, camera: str, tint: float) -> Detections:
    """Looks as a network gives them: people of one camera have much in common."""
    assert seen.embeddings is not None
    common = np.random.default_rng(list(CAMERAS).index(camera)).normal(0, tint / np.sqrt(DIMENSION), DIMENSION)
    everywhere = np.random.default_rng(77).normal(0, tint / np.sqrt(DIMENSION), DIMENSION)
    looks = seen.embeddings + 0.4 * common + everywhere
    return replace(seen, embeddings=(looks / np.linalg.norm(looks, axis=1, keepdims=True)).astype(np.float32))


def batches(first_seconds: float, steps: int, tint: float) -> Iterator[tuple[FrameBatch, dict[str, Detections]]]:
    """A run that begins so long after EPOCH; its own clock counts from 0."""
    rng = np.random.default_rng(round(first_seconds * 10))
    for number in range(steps):
        t = number * STEP_SECONDS
        found, _ = detections(places(first_seconds + t), rng)
        frames = {camera: Frame(camera, number, t, IMAGE) for camera in CAMERAS}
        yield FrameBatch(t, frames), {camera: tinted(seen, camera, tint) for camera, seen in found.items()}


def follow(store: Store, first_seconds: float, steps: int, tint: float) -> Iterator[int]:
    """A run as the program makes it: yields the number of batches committed, step by step."""
    epoch = EPOCH + timedelta(seconds=first_seconds)
    origins = {camera: CameraOrigin(camera, epoch) for camera in CAMERAS}
    run = begin_run(store, origins, embedder_name="osnet", embedder_dimension=DIMENSION)
    sink, site = StoreSink(store, run), GroundSite(CAMERAS)
    followers = Followers({name: SingleCameraTracker(name) for name in CAMERAS}, site)
    with build_matcher(CONFIG, store, epoch=epoch) as matcher:
        linked = SiteMatcher(matcher, site, CONFIG.matcher.answer_seconds)
        associator = Associator(followers, linked, [sink])
        for batch, found in batches(first_seconds, steps, tint):
            associator.step(batch, found)
            yield sink.counters.batches_committed
        associator.finish()
        sink.close()


def main(path: Path, tint: float) -> None:
    acknowledged = 0
    with open_store(path) as store:
        for committed in follow(store, 0.0, 100_000, tint):
            if committed > acknowledged:
                acknowledged = committed
                print(acknowledged, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
