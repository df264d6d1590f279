"""Who takes part in a round: everybody, or where that would be too many, those of whom something new is known."""

import heapq
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray
from tracker.crosscam.affinity import Walks
from tracker.crosscam.comparison import Comparison
from tracker.crosscam.constraints import Party
from tracker.crosscam.decisions import Decisions
from tracker.crosscam.memory import Memory
from tracker.crosscam.segments import Segment
from tracker.crosscam.settings import MatcherConfig

HOMES = 4
"""Cameras for which a person at rest is compared, the latest ones; where they might meet a track comes in addition."""
MORE_EVIDENCE = 3.0
"""It is news, and look-alikes are sought again, when so many times more is known of a track's looks than last time."""
PATIENCE_SECONDS = 5.0
"""After so long it is news that a track has a stretch to be judged."""
PLAUSIBLE = -1.0
"""Log odds above which somebody remains a candidate between two searches."""
REACH_SECONDS, MOST_EXITS = 300.0, 3000
"""How long ago, and how many, people may have left other cameras to be sought by the time that they walked."""
BACKGROUND = 100
"""Segments that calibrate the scale well enough; a company of fewer is filled up."""
_Looking = tuple[Sequence[Segment], FloatArray]
"""Segments, and their looks (n, d)."""
LATE_SECONDS = 3.0
"""So long after the beginning of a track its first turn comes, whatever it costs."""
WORTH_OF_LOOKS, MOST_WORTH = 100.0, 20.0
"""Log odds that whitened looks are worth by the square of their cosine, and at most: near enough for choosing whom to
compare; what they are worth indeed is calibrated then."""


class Company:
    """Forms companies of about round_segments segments.

    Where more are open or remembered, every segment with news leads a company, or shares one: it brings whatever is
    open of its own identity and of those that it may be, the latest that these left behind, and whomever people named
    beside it. A company of less than BACKGROUND takes in the open segments that have waited longest: the scale is
    calibrated on all of them.
    """

    def __init__(self, config: MatcherConfig, memory: Memory, decisions: Decisions, walks: Walks | None) -> None:
        self._config = config
        self._memory = memory
        self._decisions = decisions
        self._walks = walks
        self._share = math.ceil(config.candidates / 2)
        self.is_chosen = False
        """Whether the latest company was not everybody."""
        self.known = 0
        """Of how many people the latest company was chosen."""

    def form(self, t_seconds: float, ready: Sequence[Segment], final: bool = False) -> Iterator[list[Segment]]:
        """Companies, each formed when the one before is solved. ready: the segments not at rest that may take part.
        final: no other round will come.
        """
        most = self._config.round_segments
        self.is_chosen = len(ready) + self._memory.size > most
        if not self.is_chosen:
            self.known = _Open(ready, self._memory, self._decisions).known
            yield sorted([*self._memory.everyone(), *ready], key=_order)
            return
        news: list[Segment] = []
        others: list[Segment] = []
        for segment in ready:
            (news if self._has_news(t_seconds, segment) else others).append(segment)
        news.sort(key=lambda s: (s.identity_id is not None, s.looked_at_seconds, s.since_seconds, s.order))
        described = [s for s in ready if s.identity_id is not None and s.weight > 0]
        present, is_first = self._memory.tints.looks(described), True
        while news and (is_first or final or self._is_late(t_seconds, news[0])):
            self._seek(t_seconds, news[:most], described, present)
            gathering = _Gathering(_Open(ready, self._memory, self._decisions), self._memory, self._decisions)
            led = 0
            for leader in itertools.chain(news, _longest_waiting(others)):
                if len(gathering.members) >= (most if led < len(news) else min(most, BACKGROUND)):
                    break
                gathering.bring(leader)
                leader.due, leader.looked_at_seconds = False, t_seconds
                led += 1
            news, is_first = news[led:], False
            self.known = gathering.open.known
            yield sorted(gathering.members.values(), key=_order)

    def _is_late(self, t_seconds: float, segment: Segment) -> bool:
        """Whether somebody whom nobody knows has waited so long that they could be at rest before their turn."""
        return segment.identity_id is None and t_seconds - segment.since_seconds > LATE_SECONDS

    def note(self, segments: Sequence[Segment], comparison: Comparison, held: Sequence[int | None]) -> None:
        """Remember for every open segment whom it may be. held: the present identity of each segment."""
        rows_of: dict[int | None, list[int]] = {}
        for row, identity_id in enumerate(held):
            rows_of.setdefault(identity_id, []).append(row)
        for row, segment in enumerate(segments):
            if segment.could_be:
                alike = (comparison.log_odds[row] > PLAUSIBLE).tolist()
                segment.could_be = tuple(i for i in segment.could_be if any(alike[k] for k in rows_of.get(i, ())))

    def _has_news(self, t_seconds: float, segment: Segment) -> bool:
        if segment.due or segment.identity_id is None or segment.evidence >= MORE_EVIDENCE * segment.sought_weight:
            return True
        waited = t_seconds - segment.looked_at_seconds >= PATIENCE_SECONDS
        return waited and segment.is_long_enough(t_seconds, self._config)

    def _seek(
        self, t_seconds: float, news: Sequence[Segment], described: Sequence[Segment], present: FloatArray
    ) -> None:
        """Whom may those be whose looks have become clearer? Look-alikes at rest, and who can have come from where they
        were seen last, or where nothing is known of ways: look-alikes among the open ones. present: the looks of those
        who are described.
        """
        seekers = [s for s in news if s.weight > 0 and s.evidence >= MORE_EVIDENCE * s.sought_weight]
        if not seekers:
            return
        sought = self._memory.tints.looks(seekers)
        present = present if len(described) else np.zeros((0, sought.shape[1]), np.float32)
        resting = self._memory.look_alikes(sought, self._share)
        about = self._about(t_seconds, (seekers, sought), (described, present))
        for segment, remembered, others in zip(seekers, resting, about, strict=True):
            segment.could_be = tuple(dict.fromkeys([*segment.could_be, *others, *remembered]))
            segment.sought_weight = segment.evidence

    def _about(self, t_seconds: float, seeking: _Looking, open_: _Looking) -> list[list[int]]:
        """For each seeker the people about whose last visit, way and looks together fit best."""
        (seekers, sought), (described, present) = seeking, open_
        if self._walks is None:
            best = nearest_rows(sought @ present.T, self._share)
            return [[described[row].identity_id or 0 for row in rows] for rows in best]
        exits = self._memory.just_left(t_seconds - REACH_SECONDS, MOST_EXITS)
        people, origins, seconds = map(list, zip(*exits, strict=True)) if exits else ([], [], [])
        resting = self._memory.looks_of(people, sought.shape[1])
        people += [segment.identity_id for segment in described]
        origins += [segment.exit_camera for segment in described]
        seconds += [segment.presence.runs[-1][1] for segment in described]
        likeness = np.concatenate([sought @ resting.T, sought @ present.T], axis=1)
        fit = self._walks.ratios(
            origins,
            np.array(seconds),
            [seeker.entry_camera for seeker in seekers],
            np.array([seeker.since_seconds for seeker in seekers]),
        )
        worth = np.minimum(WORTH_OF_LOOKS * np.maximum(likeness, 0.0) ** 2, MOST_WORTH)
        best = nearest_rows(fit + worth, self._share)
        return [[people[row] for row in rows] for rows in best]


class _Open:
    """The segments that are not at rest. of: by person. since: the earliest beginning in each camera. by_key: only
    where people have decided something. known: people, open or at rest; all whom nobody knows yet count as one.
    """

    def __init__(self, ready: Sequence[Segment], memory: Memory, decisions: Decisions) -> None:
        self.of: dict[int, list[Segment]] = {}
        self.since: dict[str, float] = {}
        self.by_key: dict[Party, list[Segment]] = {}
        unknown = 0
        for segment in ready:
            camera, since = segment.key[0], segment.since_seconds
            if self.since.setdefault(camera, since) > since:
                self.since[camera] = since
            if segment.identity_id is None:
                unknown = 1
            else:
                self.of.setdefault(decisions.person(segment.identity_id), []).append(segment)
        if len(decisions.constraints):
            for segment in ready:
                self.by_key.setdefault(segment.key, []).append(segment)
        self.known = unknown + len(memory) + sum(person not in memory for person in self.of)


class _Gathering:
    """One company while it comes together."""

    def __init__(self, open_: _Open, memory: Memory, decisions: Decisions) -> None:
        self.members: dict[int, Segment] = {}
        self.open = open_
        self._memory = memory
        self._decisions = decisions
        self._families: set[int] = set()

    def bring(self, leader: Segment) -> None:
        """A segment and all whom it has to be seen with."""
        self._add([leader])
        for identity_id in (leader.identity_id, *leader.could_be):
            if identity_id is not None:
                self._bring_family(self._decisions.person(identity_id))
        self._bring_partners(leader.key)

    def _bring_family(self, identity_id: int) -> None:
        """Everybody of one identity: what is open, and what is at rest in the latest cameras or where they might meet
        an open track.
        """
        self._bring_home(identity_id)
        self._bring_partners(identity_id)

    def _bring_home(self, identity_id: int) -> None:
        """As _bring_family(), without whom people linked to them."""
        if identity_id in self._families:
            return
        self._families.add(identity_id)
        self._add(self.open.of.get(identity_id, ()))
        home = self._memory.of(identity_id)
        if len(home) > HOMES:
            home.sort(key=lambda s: -s.presence.last_seconds)
        self._add(home[:HOMES])
        self._add(s for s in home[HOMES:] if s.presence.last_seconds >= self.open.since.get(s.camera_id, np.inf))

    def _bring_partners(self, party: Party) -> None:
        """All whom people linked to a track or person. Whoever is kept apart from them need not be here."""
        for partner in self._decisions.linked_with([party]):
            self._add(self.open.by_key.get(partner, ()))
            for identity_id in self._decisions.identities_of(partner):
                self._bring_home(identity_id)

    def _add(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self.members[id(segment)] = segment


def _order(segment: Segment) -> tuple[int, int, str, int]:
    return segment.order


def _longest_waiting(segments: Sequence[Segment]) -> Iterator[Segment]:
    """Those who were not looked at for longest; found only when somebody asks."""
    yield from heapq.nsmallest(BACKGROUND, segments, key=lambda s: (s.looked_at_seconds, s.order))


def nearest_rows(likeness: NDArray[np.floating], k: int) -> list[list[int]]:
    """Columns of the up to k largest values of each row of (m, n), the largest first, equal ones in order."""
    found = min(k, likeness.shape[1])
    if not found:
        return [[] for _ in likeness]
    least = np.partition(likeness, -found, axis=1)[:, [-found]]
    rows = []
    for values, here in zip(likeness, likeness >= least, strict=True):
        columns = np.flatnonzero(here)
        rows.append(columns[np.argsort(-values[columns], kind="stable")[:found]].tolist())
    return rows
