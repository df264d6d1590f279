"""A run with a matcher that another process kills: python -m tests.store.restarted DATABASE FIRST_FRAME.

Six people stand before two cameras all the time. Prints how many batches are committed, each time that it changes.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from tests.store.walk import DIMENSION, EPOCH, FPS, Stay, steps
from tracker.core.types import FloatArray, TrackUpdate
from tracker.crosscam.matcher import CrossCameraMatcher, MatcherConfig
from tracker.ports import Step
from tracker.store.memory import known_people, standing_decisions
from tracker.store.numbers import IdentityNumbers
from tracker.store.runs import CameraOrigin, begin_run
from tracker.store.session import Store, open_store
from tracker.store.sink import StoreSink

CAMERAS = ("west", "east")
PEOPLE = 6
CONFIG = MatcherConfig(memory_seconds=60.0, confirm_seconds=0.5)


def person_of(update: TrackUpdate) -> int:
    """Who a track is in truth, whatever its number in this run."""
    return (update.track_id - 1) % PEOPLE


def look(update: TrackUpdate) -> FloatArray:
    """A person's own direction, and a little of the moment."""
    moment = np.random.default_rng(round(update.t_seconds * FPS)).normal(size=DIMENSION)
    vector = np.eye(DIMENSION)[person_of(update)] + 0.1 * moment
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def crowd(frames: int) -> Iterator[Step]:
    """Steps of a run; three people per camera."""
    stays = [Stay(CAMERAS[number % 2], number + 1, number, 0, frames) for number in range(PEOPLE)]
    for step in steps(CAMERAS, stays):
        looks = {
            camera: [replace(u, embedding=look(u)) if u.embedding is not None else u for u in seen]
            for camera, seen in step.updates.items()
        }
        yield replace(step, updates=looks, events=[])


def follow(store: Store, first_frame: int, frames: int) -> Iterator[int]:
    """A run as the program makes it: yields the number of batches committed, step by step."""
    epoch = EPOCH + timedelta(seconds=first_frame / FPS)
    origins = {camera: CameraOrigin(camera, epoch) for camera in CAMERAS}
    run = begin_run(store, origins, embedder_name="osnet", embedder_dimension=DIMENSION)
    with store.read() as connection:
        known = known_people(connection, epoch, CONFIG.memory_seconds)
        said = standing_decisions(connection, {person.identity_id for person in known})
    matcher = CrossCameraMatcher(CONFIG, issue_id=IdentityNumbers(store), known=known, constraints=said)
    sink = StoreSink(store, run)
    for step in crowd(frames):
        everybody = [update for seen in step.updates.values() for update in seen]
        sink.write(replace(step, events=matcher.update(step.batch.t_seconds, everybody)))
        yield sink.counters.batches_committed
    sink.close()


def main(path: Path, first_frame: int) -> None:
    acknowledged = 0
    with open_store(path) as store:
        for committed in follow(store, first_frame, 100_000):
            if committed > acknowledged:
                acknowledged = committed
                print(acknowledged, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
