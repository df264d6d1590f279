"""People's decisions applied to what the matcher holds now."""

import itertools
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import IdentityEvent, IdentityEventKind, LinkEvidence, TrackletKey
from tracker.crosscam.constraints import Constraint, ConstraintKind, Constraints, Party, Withdrawal
from tracker.crosscam.identities import IdentityBook
from tracker.crosscam.memory import Memory
from tracker.crosscam.rulings import Ruling, rule
from tracker.crosscam.segments import Segment
from tracker.crosscam.track_log import TrackLog

MUST_LINK = ConstraintKind.MUST_LINK.value
WITHDRAWN = "withdrawn"
"""Rule of the events by which a decision is taken back."""


class Decisions:
    """Holds all decisions. What concerns tracks at rest is done on the spot: no round will look at them again; for the
    others every round asks for its ruling.
    """

    def __init__(self, constraints: Iterable[Constraint], book: IdentityBook, log: TrackLog, memory: Memory) -> None:
        self.constraints = Constraints(constraints)
        self._book = book
        self._log = log
        self._memory = memory
        self._about_nobody: set[Constraint] = set()

    def state(self) -> list[list[object]]:
        """All decisions as plain data, for restore()."""
        return [
            [
                *pack_constraint(decision),
                [pack_constraint(source) for source in self.constraints.sources(decision)],
                decision in self._about_nobody,
            ]
            for decision in self.constraints
        ]

    def restore(self, state: Iterable[Sequence[Any]]) -> None:
        for *packed, sources, is_about_nobody in state:
            decision = unpack_constraint(packed)
            self.constraints.add(decision, *map(unpack_constraint, sources))
            if is_about_nobody:
                self._about_nobody.add(decision)

    def forget(self, present: Container[int]) -> None:
        """Let go of decisions about nobody that were so at the call before, too: every round walks them all.
        present: the identities that are open, at rest, or of a track in the log.
        """
        about_nobody = {
            decision
            for decision in self.constraints
            if not any(i in present for party in (decision.one, decision.other) for i in self.identities_of(party))
        }
        self.constraints.let_go(about_nobody & self._about_nobody)
        self._about_nobody = about_nobody - self._about_nobody

    def add(self, t_seconds: float, decision: Constraint, unsettled: Sequence[Segment]) -> list[IdentityEvent]:
        """One more decision. unsettled: the segments that are not at rest. Returns what it changes at once."""
        for implied in self._implied(decision, unsettled):
            self.constraints.add(implied, decision)
            self._about_nobody.discard(implied)
        one, other = decision.one, decision.other
        if decision.kind is ConstraintKind.MUST_LINK:
            pairs = ((one, other), (other, one))
            self._rename({t: i for t, i in pairs if isinstance(t, tuple) and isinstance(i, int)}, unsettled)
        mine, theirs = self.identities_of(one), self.identities_of(other)
        if not mine or not theirs or self._is_open(one, unsettled) or self._is_open(other, unsettled):
            return []
        if decision.kind is ConstraintKind.CANNOT_LINK and not mine & theirs:
            return []
        if decision.kind is ConstraintKind.MUST_LINK and isinstance(one, tuple) is isinstance(other, tuple):
            return self._unite(t_seconds, sorted(mine | theirs), MUST_LINK)
        leaving, staying = (other, one) if isinstance(other, tuple) else (one, other)
        if isinstance(leaving, int):
            return []  # two ids that were merged stay one; people who know better name the tracks
        keys = {segment.key for segment in unsettled}
        moving = [
            key for key in self.constraints.linked(leaving, staying) if isinstance(key, tuple) and key not in keys
        ]
        new_id = self._book.issue() if decision.kind is ConstraintKind.CANNOT_LINK else min(self.identities_of(staying))
        return self._move(t_seconds, moving, new_id, decision.kind.value)

    def withdraw(self, t_seconds: float, said: Withdrawal, unsettled: Sequence[Segment]) -> list[IdentityEvent]:
        """A person takes decisions back; the rounds to come judge without them. unsettled: as for add()."""
        self.constraints.withdraw(said.decisions)
        before = {key: self.identities_of(key) for key, _ in said.whose}
        whose = dict(said.whose)
        for decision in said.decisions:
            if decision.kind is ConstraintKind.MUST_LINK:
                own = [whose.get(p) if isinstance(p, tuple) else p for p in (decision.one, decision.other)]
                self._part(*own)
        self._rename(whose, unsettled)
        events = []
        open_keys = {segment.key for segment in unsettled}
        for key, identity_id in whose.items():
            person = self._book.resolve(identity_id)
            if key not in open_keys and len(before[key]) == 1 and person not in before[key]:
                self._log.assign_all(key, person)
                self._memory.take_out(key, person)
            now = self.identities_of(key)
            if len(now) == 1 and now != before[key]:
                self._log.tell(key, min(now))
                events.append(_revised(t_seconds, key, min(now), WITHDRAWN, min(before[key], default=None)))
        if said.merged is None:
            return events
        gone, survivor = map(self._book.resolve, said.merged)
        return events + (self._unite(t_seconds, [survivor, gone], WITHDRAWN) if gone != survivor else [])

    def person(self, identity_id: int) -> int:
        """Whom an id stands for today."""
        return self._book.resolve(identity_id)

    def identities_of(self, party: Party) -> set[int]:
        """Who a party is today; several where a track is split, none for an unknown one."""
        if isinstance(party, int):
            return {self._book.resolve(party)}
        return {self._book.resolve(i) for _, i in self._log.stretches(party) if i is not None}

    def keep_apart(self, one: int, other: int) -> bool:
        """Whether people forbid that two identities become one."""
        return any(
            other in self.identities_of(partner)
            for party in self._parties_of(one)
            for partner in self.constraints.partners(party, ConstraintKind.CANNOT_LINK)
        )

    def linked_with(self, parties: Iterable[Party]) -> list[Party]:
        """All of whom something was said among these tracks and people of today, and whom people linked to them,
        through others too.
        """
        given = (p for party in parties for p in ([party] if isinstance(party, tuple) else self._parties_of(party)))
        found = dict.fromkeys(party for party in given if party in self.constraints)
        waiting, people = list(found), set[int]()
        while waiting:
            party = waiting.pop()
            fresh = self.constraints.partners(party, ConstraintKind.MUST_LINK)
            for identity_id in self.identities_of(party) - people:
                people.add(identity_id)
                fresh += self._parties_of(identity_id)
            waiting += [one for one in fresh if one not in found]
            found |= dict.fromkeys(fresh)
        return list(found)

    def _parties_of(self, identity_id: int) -> list[Party]:
        """All of whom something was said and who are that person today."""
        family = self._book.family(identity_id)
        parties: list[Party] = [*family, *(key for number in family for key in self._log.tracks_of(number))]
        return [party for party in parties if party in self.constraints]

    def ruling(self, segments: Sequence[Segment], start: NDArray[np.int64]) -> Ruling:
        """What the decisions mean for these segments. start: see rule()."""
        if not len(self.constraints):
            return Ruling(start)
        resting: dict[int, list[int]] = {}
        moving: dict[int, list[int]] = {}
        by_key: dict[TrackletKey, list[int]] = {}
        for row, segment in enumerate(segments):
            if segment.identity_id is not None:
                rows = resting if segment.resting else moving
                rows.setdefault(self._book.resolve(segment.identity_id), []).append(row)
            if not segment.resting:
                by_key.setdefault(segment.key, []).append(row)
        said = self.constraints.among(self.linked_with([*by_key, *resting, *moving]))
        here = {(s.key, s.since_seconds) for s in segments if not s.resting} if said else set()

        def rows_of(party: Party) -> Collection[int]:
            if isinstance(party, int):
                identity_id = self._book.resolve(party)
                return resting.get(identity_id) or moving.get(identity_id, [])
            settled = {
                self._book.resolve(identity_id)
                for since, identity_id in self._log.stretches(party)
                if identity_id is not None and (party, since) not in here
            }
            return [*by_key.get(party, []), *(row for i in sorted(settled) for row in resting.get(i, []))]

        return rule(said, start, rows_of, self.identities_of)

    def _implied(self, decision: Constraint, unsettled: Sequence[Segment]) -> Iterator[Constraint]:
        """Who speaks of an identity means the tracks, too, that it has at that moment; the machine may think again."""
        ones, others = ([*self._open_tracks(party, unsettled), party] for party in (decision.one, decision.other))
        if decision.kind is ConstraintKind.MUST_LINK:
            for one, other in itertools.pairwise([*ones, *others]):
                yield Constraint(decision.kind, one, other)
        else:
            for one, other in itertools.product(ones, others):
                yield Constraint(decision.kind, one, other)

    def _rename(self, whose: Mapping[TrackletKey, int], unsettled: Sequence[Segment]) -> None:
        """Open tracks are these people's at once, so that what is said next is understood; events follow in the next
        round. whose: identity ids by track.
        """
        for segment in unsettled:
            identity_id = whose.get(segment.key)
            if identity_id is not None and segment.identity_id is not None:
                segment.identity_id = self._book.resolve(identity_id)
                self._log.assign(segment.key, segment.since_seconds, segment.identity_id)

    def _open_tracks(self, party: Party, unsettled: Sequence[Segment]) -> list[TrackletKey]:
        """Keys of the open tracks of an identity, in order; none for a track."""
        if isinstance(party, tuple):
            return []
        identity_id = self._book.resolve(party)
        return sorted(
            {s.key for s in unsettled if s.identity_id is not None and self._book.resolve(s.identity_id) == identity_id}
        )

    def _is_open(self, party: Party, unsettled: Sequence[Segment]) -> bool:
        if isinstance(party, tuple):
            return any(segment.key == party for segment in unsettled)
        return bool(self._open_tracks(party, unsettled))

    def _part(self, one: int | None, other: int | None) -> None:
        """Two ids that were made one are two again; None: not known."""
        gone = None if one is None or other is None else self._book.part(one, other)
        if gone is not None:
            self._memory.take_out(gone, gone)

    def _unite(self, t_seconds: float, identities: Sequence[int], reason: str) -> list[IdentityEvent]:
        """The first identity survives."""
        survivor, *others = identities
        events = []
        for gone in others:
            self._book.merge(gone, survivor)
            self._memory.merge(gone, survivor, revocable=True)
            evidence = LinkEvidence(rule=reason, score=0.0)
            events.append(IdentityEvent(IdentityEventKind.MERGED, t_seconds, survivor, None, gone, evidence))
        return events

    def _move(
        self, t_seconds: float, keys: Iterable[TrackletKey], identity_id: int, reason: str
    ) -> list[IdentityEvent]:
        """All stretches of these tracks belong to a person. What is remembered of their looks stays where it is: it is
        mixed with that of the others.
        """
        events = []
        for key in keys:
            if self.identities_of(key) in (set(), {identity_id}):
                continue
            self._log.assign_all(key, identity_id)
            told = self._log.tell(key, identity_id)
            before = None if told is None else self._book.resolve(told)
            events.append(_revised(t_seconds, key, identity_id, reason, before))
        return events


def _revised(t_seconds: float, key: TrackletKey, identity_id: int, reason: str, before: int | None) -> IdentityEvent:
    evidence = LinkEvidence(rule=reason, score=0.0)
    return IdentityEvent(IdentityEventKind.REVISED, t_seconds, identity_id, key, before, evidence)


def pack_constraint(decision: Constraint) -> list[Any]:
    """As plain data."""
    return [decision.kind.value, decision.one, decision.other]


def unpack_constraint(given: Sequence[Any]) -> Constraint:
    """The constraint that pack_constraint() was given."""
    kind, one, other = given
    return Constraint(ConstraintKind(kind), _party(one), _party(other))


def _party(given: Any) -> Party:
    """As it was before it went through a format that knows no tuples."""
    return given if isinstance(given, int) else (given[0], given[1])
