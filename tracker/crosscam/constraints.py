"""What people said about who is who. Their word outranks everything that cameras saw, vetoes included."""

from collections.abc import Callable, Collection, Container, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tracker.core.types import TrackletKey

Party = TrackletKey | int
"""A local track of this run with all its stretches, or whoever an identity id stands for today."""


class ConstraintKind(StrEnum):
    MUST_LINK = "must-link"
    CANNOT_LINK = "cannot-link"


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
        self._linked: dict[Party, dict[Party, None]] = {}
        self._apart: dict[Party, dict[Party, None]] = {}
        for decision in decisions:
            self.add(decision)

    def __iter__(self) -> Iterator[Constraint]:
        """Oldest first."""
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def add(self, decision: Constraint, *sources: Constraint) -> None:
        """One more decision; one that is repeated counts as new. sources: what people said, if it follows from that."""
        known = self._sources.pop(decision, ())
        self._sources[decision] = (*known, *(sources or (decision,)))
        self._index(decision)

    def sources(self, decision: Constraint) -> tuple[Constraint, ...]:
        """What people said that the decision is, or follows from."""
        return self._sources[decision]

    def withdraw(self, said: Iterable[Constraint]) -> None:
        """People take back what they said; what follows from nothing else ends with it."""
        gone = set(said)
        left = {one: tuple(s for s in sources if s not in gone) for one, sources in self._sources.items()}
        self._reset({one: sources for one, sources in left.items() if sources})

    def let_go(self, decisions: Container[Constraint]) -> None:
        """These mean nobody any more."""
        self._reset({one: sources for one, sources in self._sources.items() if one not in decisions})

    def _reset(self, sources: dict[Constraint, tuple[Constraint, ...]]) -> None:
        self._sources, self._linked, self._apart = sources, {}, {}
        for decision in self._sources:
            self._index(decision)

    def _index(self, decision: Constraint) -> None:
        partners = self._linked if decision.kind is ConstraintKind.MUST_LINK else self._apart
        partners.setdefault(decision.one, {})[decision.other] = None
        partners.setdefault(decision.other, {})[decision.one] = None

    def partners(self, party: Party) -> list[Party]:
        """Everybody of whom something was said together with this party."""
        return [*self._linked.get(party, ()), *self._apart.get(party, ())]

    def is_linked(self, party: Party) -> bool:
        return party in self._linked

    def linked(self, party: Party, without: Party) -> list[Party]:
        """The party and all who are linked to it, through others too, but not through `without`."""
        found, seen = [party], {party, without}
        for one in found:
            fresh = [other for other in self._linked.get(one, ()) if other not in seen]
            found += fresh
            seen.update(fresh)
        return found

    def keep_apart(self, one: int, other: int, identities_of: Callable[[Party], Collection[int]]) -> bool:
        """Whether anything forbids that two identities become one. identities_of: whom a party is today."""
        return any(
            (one in identities_of(party) and other in identities_of(partner))
            for party, partners in self._apart.items()
            for partner in partners
        )
