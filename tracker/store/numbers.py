"""Numbers of identities: who gives them out, so that no two programs ever give the same one, and none returns."""

from contextlib import suppress

from sqlalchemy import Connection, insert, select, update

from tracker.store.location import StoreWaitError
from tracker.store.models import Sequence
from tracker.store.session import Store

BLOCK = 20

_IDENTITY = "identity"


def next_identity_id(connection: Connection) -> int:
    """The number that new_identity_id() would give. Makes the sequence in a new database."""
    found = connection.scalar(select(Sequence.next_value).where(Sequence.name == _IDENTITY))
    if found is None:
        connection.execute(insert(Sequence).values(name=_IDENTITY, next_value=1))
    return found or 1


def new_identity_id(connection: Connection, count: int = 1) -> int:
    """The first of `count` numbers that no identity ever had; taken for good once the transaction commits."""
    taken = update(Sequence).where(Sequence.name == _IDENTITY).values(next_value=Sequence.next_value + count)
    return connection.execute(taken.returning(Sequence.next_value)).scalar_one() - count


def never_give_out(connection: Connection, identity_id: int) -> None:
    """The number is in use, wherever it came from."""
    is_behind = (Sequence.name == _IDENTITY) & (Sequence.next_value <= identity_id)
    connection.execute(update(Sequence).where(is_behind).values(next_value=identity_id + 1))


class IdentityNumbers:
    """Gives numbers to new identities, one per call. They are taken from the database in blocks, so that the caller
    rarely waits for the disk; what is left of a block is given back, or lost if the program is killed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next = self._end = 0

    def __call__(self) -> int:
        """Waits while the disk is full or another program holds the database, as all writing of a run does. Raises
        StoreError when the run is to end.
        """
        while self._next == self._end:
            try:
                with self._store.write() as connection:
                    first = new_identity_id(connection, BLOCK)
            except StoreWaitError as reason:
                self._store.patience.wait(reason)
            else:
                self._next, self._end = first, first + BLOCK
        self._next += 1
        return self._next - 1

    def give_back(self) -> None:
        """Return the numbers not used, unless somebody else took later ones, or nothing can be written just now."""
        ours_is_last = (Sequence.name == _IDENTITY) & (Sequence.next_value == self._end)
        with suppress(StoreWaitError), self._store.write() as connection:
            connection.execute(update(Sequence).where(ours_is_last).values(next_value=self._next))
        self._end = self._next


class RunPeople:
    """The identities that a run has told the database of. One that was erased meanwhile goes on under a new number,
    for numbers never return.
    """

    def __init__(self) -> None:
        self._told: set[int] = set()
        self._renamed: dict[int, int] = {}
        self._told_now: set[int] = set()
        self._renamed_now: dict[int, int] = {}

    def begin(self) -> None:
        """A transaction begins; what was said since the last settle() never happened."""
        self._told_now, self._renamed_now = set(), {}

    def settle(self) -> None:
        """The transaction was committed."""
        self._told |= self._told_now
        self._renamed |= self._renamed_now
        self.begin()

    def present(self, identity_id: int) -> int:
        """The number under which the database knows an identity of the matcher."""
        return self._renamed_now.get(identity_id, self._renamed.get(identity_id, identity_id))

    def knows(self, identity_id: int) -> bool:
        """Whether it was told before."""
        return identity_id in self._told or identity_id in self._told_now

    def tell(self, identity_id: int) -> None:
        self._told_now.add(identity_id)

    def rename(self, identity_id: int, new_id: int) -> None:
        self._renamed_now[identity_id] = new_id
