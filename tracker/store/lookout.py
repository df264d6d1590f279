"""Who is on the watchlist, asked while a run goes on."""

from time import monotonic

import numpy as np
from sqlalchemy import Connection, select
from sqlalchemy.orm import aliased

from tracker.core.types import FloatArray
from tracker.errors import OmnitrackError
from tracker.store.models import Identity, Wanted, WantedVector
from tracker.store.packing import unpack_vector
from tracker.store.runs import ActiveRun
from tracker.store.session import Store

REFRESH_SECONDS = 5.0


class Lookout:
    """Knows the watchlist: people chosen by number, also under numbers merged with theirs, and what everybody on it
    looks like. The list is read again every few seconds; while the database cannot be read, the last one counts.
    """

    def __init__(self, store: Store, run: ActiveRun) -> None:
        self._store = store
        self._run = run
        self._names: dict[int, str] = {}
        self._looks = np.zeros((0, 0), np.float32)
        self._looks_of: list[str] = []
        self._due = 0.0

    def by_identity(self, identity_id: int) -> str | None:
        """The entry's name, None for somebody who is not on the list."""
        self._refresh()
        return self._names.get(self._run.people.present(identity_id))

    def by_look(self, embedding: FloatArray) -> tuple[str, float] | None:
        """(d,) unit vector -> the entry that looks most like it, and the cosine; None while nobody is looked for."""
        self._refresh()
        if self._looks.shape[1] != len(embedding):
            return None
        cosines = self._looks @ embedding
        best = int(np.argmax(cosines))
        return self._looks_of[best], float(cosines[best])

    def _refresh(self) -> None:
        if monotonic() < self._due:
            return
        self._due = monotonic() + REFRESH_SECONDS
        try:
            with self._store.read() as connection:
                self._names = names_by_identity(connection)
                looks = [(name, unpack_vector(vector)) for name, vector in self._vectors(connection)]
        except OmnitrackError:
            return
        self._looks_of = [name for name, _ in looks]
        self._looks = np.stack([look for _, look in looks]) if looks else np.zeros((0, 0), np.float32)

    def _vectors(self, connection: Connection) -> list[tuple[str, bytes]]:
        query = select(Wanted.name, WantedVector.vector).join(WantedVector, WantedVector.wanted_id == Wanted.id)
        rows = connection.execute(query.where(WantedVector.embedder_id == self._run.embedder_id))
        return [(row.name, row.vector) for row in rows]


def names_by_identity(connection: Connection) -> dict[int, str]:
    """Every number of people on the list, merged ones included, with the entry's name."""
    chosen = aliased(Identity)
    query = (
        select(Identity.id, Wanted.name)
        .join(chosen, chosen.survivor_id == Identity.survivor_id)
        .join(Wanted, Wanted.identity_id == chosen.id)
    )
    return {row.id: row.name for row in connection.execute(query)}
