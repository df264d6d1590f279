"""A made-up crowd as the steps of a run, for measuring what stores them."""

from collections.abc import Iterator

import numpy as np

from tracker.core.types import IdentityEvent, IdentityEventKind, LinkEvidence, TrackState, TrackUpdate
from tracker.ports import Step
from tracker.video.frame import Frame, FrameBatch

IMAGE = np.zeros((1, 1, 3), np.uint8)


def crowd(
    names: list[str],
    people: int,
    fps: float,
    seconds: float,
    stay_seconds: float,
    *,
    dimension: int,
    first_identity_id: int = 1,
) -> Iterator[Step]:
    """Everybody stays for stay_seconds, then a new track takes the place; each is confirmed in its third frame."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(256, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    stay = round(stay_seconds * fps)
    for index in range(round(seconds * fps)):
        t_seconds = index / fps
        generation, age = divmod(index, stay)
        frames = {name: Frame(name, index, t_seconds, IMAGE) for name in names}
        updates, events = {}, []
        for number, name in enumerate(names):
            corners = rng.random((people, 2), np.float32) * 1000
            boxes = np.concatenate([corners, corners + 80], axis=1)
            updates[name] = [
                TrackUpdate(
                    name,
                    generation * people + person + 1,
                    t_seconds,
                    TrackState.ENDED if age == stay - 1 else TrackState.CONFIRMED,
                    boxes[person],
                    0.8,
                    person,
                    vectors[(index + person) % 256],
                    0.5,
                    confirmed=age >= 2,
                )
                for person in range(people)
            ]
            if age == 2:
                for person, update in enumerate(updates[name]):
                    identity_id = (generation * len(names) + number) * people + person + first_identity_id
                    evidence = LinkEvidence("appearance", 0.8, 0.8, None, None, {"cosine": 0.8})
                    kind = IdentityEventKind.ASSIGNED
                    events.append(IdentityEvent(kind, t_seconds, identity_id, update.key, None, evidence))
        yield Step(FrameBatch(t_seconds, frames), updates, events)
