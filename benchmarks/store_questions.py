"""The questions whose speed is measured, each with arguments drawn at random."""

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Connection

from tracker.store import presence, queries
from tracker.store.runs import utc
from tracker.store.scope import restrict
from tracker.store.session import Store

Questions = dict[str, Callable[[Connection], object]]


def questions_of(store: Store, seed: int) -> Questions:
    with store.read() as connection:
        first, last = connection.exec_driver_sql("SELECT min(start_us), max(end_us) FROM tracklets").one()
        people = connection.exec_driver_sql("SELECT max(id) FROM identities").scalar_one()
        cameras = connection.exec_driver_sql("SELECT name FROM cameras").scalars().all()
    return _questions(np.random.default_rng(seed), first, last, people, list(cameras))


def _questions(rng: np.random.Generator, first_us: int, last_us: int, people: int, cameras: list[str]) -> Questions:
    def moment() -> datetime:
        return utc(int(rng.integers(first_us, last_us)))

    def camera() -> str:
        return str(rng.choice(cameras))

    def span(hours: float) -> tuple[datetime, datetime]:
        since = moment()
        return since, since + timedelta(hours=hours)

    def where(camera: str | None, hours: float) -> queries.IdentityFilter:
        return queries.IdentityFilter(camera, *span(hours))

    return {
        "identities, first page": lambda c: queries.identities(c),
        "identities, any page": lambda c: queries.identities(c, after=int(rng.integers(people))),
        "identities of a camera in an hour": lambda c: queries.identities(c, where(camera(), 1)),
        "identities in an hour": lambda c: queries.identities(c, where(None, 1)),
        "identities since a moment": lambda c: queries.identities(c, queries.IdentityFilter(since=moment())),
        "identities seen often": lambda c: queries.identities(c, queries.IdentityFilter(min_sightings=5)),
        "history": lambda c: queries.history(c, int(rng.integers(1, people + 1))),
        "who was at a camera in an hour": lambda c: presence.present(c, camera(), *span(1)),
        "together": lambda c: presence.together(c, int(rng.integers(1, people + 1))),
        "transitions of a day": lambda c: presence.transitions(c, *span(24)),
        "transitions of all time": lambda c: presence.transitions(c),
        "occupancy of a camera, a day": lambda c: presence.occupancy(
            c, *span(24), timedelta(minutes=15), camera=camera()
        ),
        "last seen, everybody": lambda c: presence.last_seen(c),
    }


def of_one_camera(connection: Connection) -> object:
    restrict(connection, ("camera-1",))
    return presence.last_seen(connection)
