"""How long the history is kept, enforced by a run: when it begins, when a rule changes, and daily while it goes on."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from threading import Event as Signal
from threading import Thread

from sqlalchemy import exists, select

from tracker.errors import OmnitrackError
from tracker.store.filmed import clips_before
from tracker.store.models import Camera, Tracklet
from tracker.store.privacy import Erased, retain
from tracker.store.runs import micros
from tracker.store.session import Store
from tracker.store.windows import camera_id

DAY_SECONDS = 86_400.0

_LOG = logging.getLogger(__name__)


def keep(store: Store, days: float | None, camera_days: Mapping[str, float], now: datetime) -> Erased:
    """Erase what is older than its camera allows. days: for cameras without a rule of their own, None: for ever.

    camera_days: by camera, whatever days says. now: aware datetime.
    """
    with store.read() as connection:
        names = connection.scalars(select(Camera.name).order_by(Camera.name)).all()
    rules = {name: camera_days.get(name, days) for name in names}
    erased = Erased()
    for name, limit in rules.items():
        if limit is not None and _has_older(store, name, now - timedelta(days=limit)):
            erased += retain(store, now - timedelta(days=limit), camera=name)
    longest = [limit for limit in rules.values() if limit is not None]
    if erased.tracklets and len(longest) == len(rules):
        erased += retain(store, now - timedelta(days=max(longest)))  # events that no sighting is left of
    return erased


def _has_older(store: Store, camera: str, keep_from: datetime) -> bool:
    older = select(Tracklet.id).join(Camera, Camera.id == Tracklet.camera_id)
    with store.read() as connection:
        found = connection.scalar(
            select(exists(older.where(Camera.name == camera, Tracklet.end_us < micros(keep_from))))
        )
        return bool(found) or bool(clips_before(connection, keep_from, camera_id(connection, camera)))


class Keeper:
    """Does it in a thread of its own, so that no run waits for it. Use as a context manager."""

    def __init__(self, store: Store, days: float | None, camera_days: Mapping[str, float]) -> None:
        self._store = store
        self._days = days
        self._camera_days = dict(camera_days)
        self._news = Signal()
        self._ended = False
        self._thread = Thread(target=self._work, name="keeper", daemon=True)

    def __enter__(self) -> "Keeper":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._news.set()
        self._thread.join()

    def change(self, camera_days: Mapping[str, float]) -> None:
        """From now on these cameras have rules of their own; what that makes too old goes soon. From any thread."""
        if camera_days != self._camera_days:
            self._camera_days = dict(camera_days)
            self._news.set()

    def _work(self) -> None:
        while True:
            self._news.clear()
            if self._days is not None or self._camera_days:
                self._erase()
            if not self._ended:
                self._news.wait(DAY_SECONDS)
            if self._ended:
                return

    def _erase(self) -> None:
        try:
            erased = keep(self._store, self._days, self._camera_days, datetime.now(UTC))
            if erased.tracklets:
                _LOG.info("erased %d sightings that were kept long enough", erased.tracklets)
        except OmnitrackError as error:  # thread boundary: the run goes on, and the next day has another chance
            _LOG.warning("%s; old sightings could not all be erased", error)
