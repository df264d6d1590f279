"""After a kill, whoever is still there keeps their number: the same for people who are followed on the ground."""

import random
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection, func, select

from tests.crosscam.ground_world import CAMERAS
from tests.store.killing import kill_a_run
from tests.store.restarted_ground import PEOPLE, follow, places
from tests.store.walk import EPOCH
from tracker.store.models import Identity, Tracklet
from tracker.store.session import open_store
from tracker.store.stored_tracks import tracklets


def identities_by_person(connection: Connection, run_id: int, first_seconds: float) -> dict[int, set[int | None]]:
    """Who each true person is in a run, told by where the boxes stand."""
    found: dict[int, set[int | None]] = {}
    for row in tracklets(connection, run_id):
        votes = []
        for t_seconds, box in zip(row.t_seconds.tolist(), row.boxes_xyxy, strict=True):
            foot = CAMERAS[row.camera].to_ground(np.array([[(box[0] + box[2]) / 2, box[3]]]))[0]
            here = places(first_seconds + t_seconds)
            votes.append(min(here, key=lambda person: float(np.hypot(*(foot - here[person])))))
        found.setdefault(max(set(votes), key=votes.count), set()).add(row.identity_id)
    return found


@pytest.mark.parametrize("tint", [0.0, 1.5])
@pytest.mark.parametrize("seed", range(2))
def test_after_a_kill_the_same_people_keep_their_numbers_on_the_ground(tmp_path: Path, seed: int, tint: float) -> None:
    """tint: what the people of one camera have in common weighs so much more than what makes each of them special."""
    moments = random.Random(seed)
    path = tmp_path / "omnitrack.db"
    kill_a_run("tests.store.restarted_ground", [path, tint], moments.randrange(30, 60), moments.uniform(0, 0.1))
    with open_store(path) as store:
        with store.read() as connection:
            last_us = connection.scalar(select(func.max(Tracklet.end_us))) or 0
            before = identities_by_person(connection, 1, 0.0)
            counted = connection.scalar(select(func.count()).select_from(Identity))
        # of tracks in view the database hears every five seconds, and people are remembered for ten
        again_seconds = last_us / 1e6 - EPOCH.timestamp() + moments.uniform(1, 4)
        for _ in follow(store, again_seconds, 60, tint):
            pass
        with store.read() as connection:
            after = identities_by_person(connection, 2, again_seconds)
            assert connection.scalar(select(func.count()).select_from(Identity)) == counted
    assert after == before
    assert sorted(after) == list(range(PEOPLE))
    assert all(len(numbers) == 1 for numbers in after.values())
