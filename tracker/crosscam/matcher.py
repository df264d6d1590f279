"""Global identities online: which tracks, in all cameras and at all times, are one person.

Every `round_seconds` of stream time the matcher solves afresh what is still open. Its nodes are segments: live tracks
and those that ended a moment ago, each alone, and what the known identities left behind in each camera, joined. Looks
are compared after removal of each camera's mean and judged by a calibration from the data itself; agglomerative
clustering under cannot-link finds the groups; each group keeps the identity of which it holds most. What people
decided holds before all that.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Self

import numpy as np

from tracker.core.types import (
    IdentityEvent,
    IdentityEventKind,
    TrackletKey,
    TrackUpdate,
)
from tracker.crosscam.affinity import Walks
from tracker.crosscam.appearances import Appearances
from tracker.crosscam.clustering import cluster
from tracker.crosscam.company import Company
from tracker.crosscam.comparison import Comparison, compare
from tracker.crosscam.competition import alike, contested
from tracker.crosscam.constraints import Constraint, Veto, Withdrawal
from tracker.crosscam.decisions import MUST_LINK, Decisions
from tracker.crosscam.identities import IdentityBook
from tracker.crosscam.joining import Joiner
from tracker.crosscam.known import KnownPerson
from tracker.crosscam.memory import Memory
from tracker.crosscam.naming import Namer
from tracker.crosscam.open_tracks import OpenTracks
from tracker.crosscam.presence import Presence
from tracker.crosscam.search import Neighbours
from tracker.crosscam.segments import Segment
from tracker.crosscam.settings import MatcherConfig
from tracker.crosscam.splitting import SplitCheck
from tracker.crosscam.standing import ON_GROUND, standing_log_odds
from tracker.crosscam.state import State
from tracker.crosscam.track_log import TrackLog

__all__ = ["CrossCameraMatcher", "MatcherConfig"]

SHARE_AMONG_MANY = 0.5
"""Power of the number of people known by which the rate of false matches is divided where not all are compared; chosen
on eight minutes of benchmarks/city.py, seed 0: with .35 purity falls to 95 %, .75 links fewer people."""

BOOK_SLACK = 5
"""The book of identities is cleared up when it has so many times more entries than can be asked for."""


class CrossCameraMatcher:
    """Gives every confirmed track, of any camera, a global identity, and revises it when more is known.

    issue_id: a new identity id for every call, where others draw ids too; None: 1, 2, 3 ...
    known: people from before, as long as memory_seconds reaches back. constraints: what people decided, oldest first.
    neighbours: index for finding look-alikes among very many people. walks: judges the times of ways between cameras.
    """

    def __init__(
        self,
        config: MatcherConfig | None = None,
        *,
        issue_id: Callable[[], int] | None = None,
        known: Iterable[KnownPerson] = (),
        constraints: Iterable[Constraint] = (),
        neighbours: Neighbours | None = None,
        walks: Walks | None = None,
    ) -> None:
        self._config = config or MatcherConfig()
        self._book = IdentityBook(issue_id)
        self._log = TrackLog()
        self._memory = Memory(neighbours)
        self._decisions = Decisions(constraints, self._book, self._log, self._memory)
        self._company = Company(self._config, self._memory, self._decisions, walks)
        self._namer = Namer(self._book, self._log, self._config.confirm_seconds, self._decisions.keep_apart)
        self._split_check = SplitCheck(self._config.split_log_odds)
        self._walks = walks
        self._open = OpenTracks(self._log)
        self._joiner = Joiner(self._book, self._log, self._memory, self._open, self._decisions)
        self._next_round_seconds = -np.inf
        self._next_review_seconds = -np.inf
        for person in known:
            self._remember(person)

    def update(self, t_seconds: float, updates: Sequence[TrackUpdate]) -> list[IdentityEvent]:
        """Take one step of all cameras; updates may come in any order. Returns what changed, in order.

        Raises ValueError for an embedding of another dimension than those known before.
        """
        self._open.observe(updates)
        if t_seconds < self._next_round_seconds:
            return []
        self._next_round_seconds = t_seconds + self._config.round_seconds
        return self._round(t_seconds)

    def finish(self, t_seconds: float) -> list[IdentityEvent]:
        """The last round: every confirmed track takes part, however little is known of it."""
        return self._round(t_seconds, final=True)

    def constrain(self, t_seconds: float, decisions: Iterable[Constraint | Withdrawal]) -> list[IdentityEvent]:
        """Take decisions of people, and what they take back, oldest first. Those about open tracks show from the next
        round on.
        """
        unsettled = list(self._open)
        events: list[IdentityEvent] = []
        for said in decisions:
            if isinstance(said, Withdrawal):
                events += self._decisions.withdraw(t_seconds, said, unsettled)
            else:
                events += self._decisions.add(t_seconds, said, unsettled)
        for segment in unsettled:
            segment.due = True
        return events

    def still_counts(self) -> Collection[Constraint]:
        """What people decided, as they said it, but for what was let go because it means nobody any more."""
        return self._decisions.constraints.said()

    def join_tracks(
        self, t_seconds: float, kept: TrackletKey, gone: TrackletKey, rest: Presence | None = None
    ) -> list[IdentityEvent]:
        """A tracker found that two of its tracks are one person: `gone` ends, its identity joins that of `kept`. Where
        one camera saw both identities at one instant, only the track joins; where it did not fit either, nothing does.
        rest: when that of `gone` was seen which is somebody else all the same; with any, the identities stay two.
        """
        return self._joiner.join(t_seconds, kept, gone, rest)

    def identity_of(self, key: TrackletKey) -> int | None:
        """The identity that a track has now; None for a track that is unknown or not yet matched."""
        return self.identity_at(key, np.inf)

    def identity_at(self, key: TrackletKey, t_seconds: float) -> int | None:
        """The identity that a track had at an instant, as far as is known today: a split changes it midway."""
        identity_id = self._log.identity_at(key, t_seconds)
        return None if identity_id is None else self._book.resolve(identity_id)

    def present(self, identity_id: int) -> int:
        """Whom an id stands for today."""
        return self._book.resolve(identity_id)

    @classmethod
    def restored(cls, config: MatcherConfig | None, state: State, **others: Any) -> Self:
        """A matcher that goes on where another one was when it gave its state(). others: as for a new one, but for
        known and constraints, which are part of the state. Walks are not: topology and matcher are saved apart.
        """
        made = cls(config, **others)
        made._book.restore(state["book"])
        made._log.restore(state["log"])
        made._memory.restore(state["memory"])
        made._decisions.restore(state["decisions"])
        made._split_check.restore(state["split_check"])
        made._open.restore(state["open"])
        made._next_round_seconds = state["next_round_seconds"]
        made._next_review_seconds = state["next_review_seconds"]
        return made

    def state(self) -> State:
        """All that this matcher knows as strings, numbers, lists, dictionaries and numpy arrays, for restored()."""
        return {
            "book": self._book.state(),
            "log": self._log.state(),
            "memory": self._memory.state(),
            "decisions": self._decisions.state(),
            "split_check": self._split_check.state(),
            "open": self._open.state(),
            "next_round_seconds": self._next_round_seconds,
            "next_review_seconds": self._next_review_seconds,
        }

    def _identity(self, segment: Segment) -> int | None:
        return None if segment.identity_id is None else self._book.resolve(segment.identity_id)

    def _remember(self, person: KnownPerson) -> None:
        """Begin with a person from before."""
        if person.embedding is not None:
            self._open.require_dimension(
                person.embedding, f"identity {person.identity_id} of camera {person.camera_id}"
            )
        if person.confirmed:
            self._book.confirm(person.identity_id)
        self._memory.put(self._book.resolve(person.identity_id), person.segment())

    def _round(self, t_seconds: float, final: bool = False) -> list[IdentityEvent]:
        self._rest(t_seconds)
        live = [s for s in self._open.live.values() if s.confirmed]
        ready = self._open.ended + [s for s in live if final or s.takes_part(t_seconds, self._config)]
        events: list[IdentityEvent] = []
        for company in self._company.form(t_seconds, ready, final):
            if company:
                events += self._solve(t_seconds, company)
        return events

    def _solve(self, t_seconds: float, company: list[Segment]) -> list[IdentityEvent]:
        """Who of the company are one person? Returns what that changes."""
        seen = self._appearances(company)
        ready, leaving = self._judged(t_seconds, seen)
        if leaving and not self._company.is_chosen:  # else they lead a company of the next round
            company = sorted(company + self._settle_or_split(ready, leaving), key=lambda s: s.order)
            held = [self._identity(segment) for segment in company]
            comparison = self._compare(self._appearances(company), held)
        else:
            held = [self._identity(segment) for segment in company]
            comparison = self._compare(seen, held)
            self._settle_or_split(ready, leaving)
        decided = [i if s.resting and i is not None else -1 for i, s in zip(held, company, strict=True)]
        ruling = self._decisions.ruling(company, np.array(decided, np.int64))
        log_odds = contested(comparison, held) if self._company.is_chosen else comparison.log_odds
        log_odds = log_odds + self._config.stay_log_odds * alike(held)

        def veto(a: int, b: int) -> Veto | None:
            return Veto.BY_PEOPLE if (a, b) in ruling.apart else comparison.veto(a, b)

        groups = cluster(log_odds, comparison.weights, veto, ruling.start)
        events = self._namer.name(t_seconds, company, groups, comparison, ruling, veto)
        for event in events:
            if event.kind is IdentityEventKind.MERGED and event.previous_identity_id is not None:
                decided_by_people = event.evidence is not None and event.evidence.rule == MUST_LINK
                self._memory.merge(event.previous_identity_id, event.identity_id, revocable=decided_by_people)
        held = [self._identity(segment) for segment in company]
        self._company.note(company, comparison, held)
        if self._walks is not None:
            self._walks.learn(t_seconds, company, held, comparison)
        return events

    def _appearances(self, company: Sequence[Segment]) -> Appearances:
        return Appearances.of(company, self._memory.tints if self._company.is_chosen else None)

    def _compare(self, seen: Appearances, held: Sequence[int | None]) -> Comparison:
        """With many known people, chance finds somebody alike: each of them gets its share of the false matches.

        Where only those who could be meant are compared, what speaks for one of them speaks against the others, too; to
        divide by everybody would count the crowd twice, and to leave it uncounted trusts too few rivals.
        """
        beyond_looks = {} if self._walks is None else self._walks.parts(seen.segments, held)
        standing = standing_log_odds(seen.segments)
        if standing is not None:
            beyond_looks[ON_GROUND] = standing
        known = self._company.known
        shares = known**SHARE_AMONG_MANY if self._company.is_chosen else known
        return compare(seen, self._config.false_match_rate / shares, beyond_looks)

    def _rest(self, t_seconds: float) -> None:
        """Tracks that ended long ago are decided; identities unseen for too long are let go."""
        config = self._config
        decided_before = t_seconds - min(config.open_seconds, config.memory_seconds)
        for segment in self._open.take_before(decided_before):
            identity_id = self._identity(segment)
            if identity_id is not None:
                self._memory.put(identity_id, segment, revocable=self._decisions.constraints.is_linked(segment.key))

        def held() -> set[int]:
            return {i for s in self._open if (i := self._identity(s)) is not None}

        self._memory.forget(t_seconds - config.memory_seconds, held)
        forgotten = self._log.forget(min(t_seconds - config.answer_seconds, decided_before))
        if forgotten and len(self._book) > BOOK_SLACK * (len(self._log) + len(self._memory) + 1):
            self._book.keep(self._log.identities() | self._memory.identities | held())
        if len(self._decisions.constraints) and t_seconds >= self._next_review_seconds:
            self._next_review_seconds = t_seconds + config.answer_seconds
            present = self._log.identities() | self._memory.identities | held()
            self._decisions.forget({self._book.resolve(identity_id) for identity_id in present})

    def _judged(self, t_seconds: float, seen: Appearances) -> tuple[list[Segment], list[Segment]]:
        """The live tracks whose recent stretch is long enough to be judged, and those of them that hold somebody else.

        A track on the ground is not judged: its looks change with the cameras that see it, its place does not lie.
        """
        company = seen.segments
        ready = [row for row, segment in enumerate(company) if segment.is_long_enough(t_seconds, self._config)]
        leaving = self._split_check.changed(seen, [row for row in ready if not company[row].views])
        return [company[row] for row in ready], [company[row] for row in leaving]

    def _settle_or_split(self, ready: Sequence[Segment], leaving: Sequence[Segment]) -> list[Segment]:
        """Returns the segments that are split off those who leave."""
        tails = [self._open.split(segment) for segment in leaving]
        for segment in ready:
            segment.settle()
        return tails
