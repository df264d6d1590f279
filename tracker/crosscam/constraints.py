"""What people said about who is who. Their word outranks everything that cameras saw, vetoes included."""

from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tracker.core.types import TrackletKey

Party = TrackletKey | int
"""A local track of this run with all its stretches, or whoever an identity id stands for today."""


class ConstraintKind(StrEnum):
    MUST_LINK = "must-link"
    CANNOT_LINK = "cannot-link"


class Veto(StrEnum):
    """Why two are never one person, whatever their looks say; the rule of a link whose likelier rival was vetoed.

    BY_PEOPLE: somebody said so. SAME_INSTANT: one camera saw both at once. OUT_OF_REACH: nobody walks so fast.
    Histories of earlier versions say cannot-link for all three.
    """

    BY_PEOPLE = "cannot-link"
    SAME_INSTANT = "same-instant"
    OUT_OF_REACH = "out-of-reach"


@dataclass(frozen=True, slots=True)
class Constraint:
    """One decision of a person about two parties. A later decision outranks an earlier one that it contradicts.

    A must-link of a track with an identity also names: the track's person keeps that id, even where the matcher has
    never met it (a correction in another program may have created it a moment ago).
    """

    kind: ConstraintKind
    one: Party
    other: Party


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A person takes decisions back: those who were one person only by them are two again, each under its own number.

    whose: the identities of these tracks from now on, until a round knows better. merged: (gone, survivor) where one of
    the two numbers existed only by the decisions.
    """

    decisions: tuple[Constraint, ...]
    whose: tuple[tuple[TrackletKey, int], ...] = ()
    merged: tuple[int, int] | None = None


class Constraints:
    """All decisions so far."""

    def __init__(self, decisions: Iterable[Constraint] = ()) -> None:
        self._sources: dict[Constraint, tuple[Constraint, ...]] = {}
        self._turns: dict[Constraint, int] = {}
        self._about: dict[Party, dict[Constraint, None]] = {}
        self._next_turn = 0
        for decision in decisions:
            self.add(decision)

    def __iter__(self) -> Iterator[Constraint]:
        """Oldest first."""
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def __contains__(self, party: Party) -> bool:
        """Whether anything was said of this party."""
        return party in self._about

    def add(self, decision: Constraint, *sources: Constraint) -> None:
        """One more decision; one that is repeated counts as new. sources: what people said, if it follows from that."""
        known = self._sources.pop(decision, ())
        self._sources[decision] = (*known, *(sources or (decision,)))
        self._index(decision)

    def sources(self, decision: Constraint) -> tuple[Constraint, ...]:
        """What people said that the decision is, or follows from."""
        return self._sources[decision]

    def said(self) -> set[Constraint]:
        """All that people said and that still means anybody."""
        return {source for sources in self._sources.values() for source in sources}

    def withdraw(self, said: Iterable[Constraint]) -> None:
        """People take back what they said; what follows from nothing else ends with it."""
        gone = set(said)
        left = {one: tuple(s for s in sources if s not in gone) for one, sources in self._sources.items()}
        self._reset({one: sources for one, sources in left.items() if sources})

    def let_go(self, decisions: Container[Constraint]) -> None:
        """These mean nobody any more."""
        self._reset({one: sources for one, sources in self._sources.items() if one not in decisions})

    def _reset(self, sources: dict[Constraint, tuple[Constraint, ...]]) -> None:
        self._sources, self._turns, self._about = sources, {}, {}
        for decision in self._sources:
            self._index(decision)

    def _index(self, decision: Constraint) -> None:
        self._next_turn += 1
        self._turns[decision] = self._next_turn
        for party in (decision.one, decision.other):
            self._about.setdefault(party, {})[decision] = None

    def among(self, parties: Collection[Party]) -> list[Constraint]:
        """What was said of two of these parties, oldest first."""
        here = set(parties)
        found = {d for party in here for d in self._about.get(party, ()) if d.one in here and d.other in here}
        return sorted(found, key=self._turns.__getitem__)

    def partners(self, party: Party, kind: ConstraintKind) -> list[Party]:
        """Everybody to whom people linked this party, or from whom they parted it."""
        about = [decision for decision in self._about.get(party, ()) if decision.kind is kind]
        return [decision.other if decision.one == party else decision.one for decision in about]

    def is_linked(self, party: Party) -> bool:
        return any(decision.kind is ConstraintKind.MUST_LINK for decision in self._about.get(party, ()))

    def linked(self, party: Party, without: Party) -> list[Party]:
        """The party and all who are linked to it, through others too, but not through `without`."""
        found, seen = [party], {party, without}
        for one in found:
            fresh = [other for other in self.partners(one, ConstraintKind.MUST_LINK) if other not in seen]
            found += fresh
            seen.update(fresh)
        return found
