"""Who is on the watchlist, asked while a run goes on."""

from time import monotonic

from sqlalchemy import select
from sqlalchemy.orm import aliased

from tracker.errors import OmnitrackError
from tracker.store.models import Identity, Wanted
from tracker.store.runs import ActiveRun
from tracker.store.session import Store

REFRESH_SECONDS = 5.0


class Lookout:
    """Knows the people on the watchlist that were chosen by their number, also under numbers merged with theirs. The
    list is read again every few seconds; while the database cannot be read, the last one counts.
    """

    def __init__(self, store: Store, run: ActiveRun) -> None:
        self._store = store
        self._run = run
        self._names: dict[int, str] = {}
        self._due = 0.0

    def __call__(self, identity_id: int) -> str | None:
        """The entry's name, None for somebody who is not on the list."""
        if monotonic() >= self._due:
            self._due = monotonic() + REFRESH_SECONDS
            self._refresh()
        return self._names.get(self._run.people.present(identity_id))

    def _refresh(self) -> None:
        chosen = aliased(Identity)
        query = (
            select(Identity.id, Wanted.name)
            .join(chosen, chosen.survivor_id == Identity.survivor_id)
            .join(Wanted, Wanted.identity_id == chosen.id)
        )
        try:
            with self._store.read() as connection:
                self._names = {row.id: row.name for row in connection.execute(query)}
        except OmnitrackError:
            return
