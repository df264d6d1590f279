"""Who takes part in a round: everybody, or where that would be too many, those of whom something new is known."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray
from tracker.crosscam.affinity import Walks
from tracker.crosscam.comparison import Comparison
from tracker.crosscam.constraints import Party
from tracker.crosscam.decisions import Decisions
from tracker.crosscam.memory import Exit, Memory
from tracker.crosscam.segments import Segment
from tracker.crosscam.settings import MatcherConfig

HOMES = 4
"""Cameras for which a person at rest is compared, the latest ones; where they might meet a track comes in addition."""
MORE_EVIDENCE = 3.0
"""It is news, and look-alikes are sought again, when so many times more is known of a track's looks than last time."""
PATIENCE_SECONDS = 5.0
"""After so long it is news that a track has a stretch to be judged."""
PLAUSIBLE = -2.0
"""Log odds above which somebody remains a candidate between two searches."""
REACH_SECONDS, MOST_EXITS = 300.0, 3000
"""How long ago, and how many, people may have left other cameras to be sought by the time that they walked."""
BACKGROUND = 100
"""Segments that calibrate the scale well enough; a company of fewer is filled up."""
WORTH_OF_LOOKS = 10.0
"""Log odds that a cosine of 1 is worth, about: enough for choosing candidates."""


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
        self._share = math.ceil(config.candidates / (2 if walks is None else 3))
        self.is_chosen = False
        """Whether the latest company was not everybody."""

    def form(self, t_seconds: float, ready: Sequence[Segment]) -> Iterator[list[Segment]]:
        """Companies, each formed when the one before is solved. ready: the segments not at rest that may take part."""
        self.is_chosen = len(ready) + self._memory.size > self._config.round_segments
        if not self.is_chosen:
            yield [*self._memory.everyone(), *ready]
            return
        news = [segment for segment in ready if self._has_news(t_seconds, segment)]
        self._seek(t_seconds, news, ready)
        waiting = sorted(ready, key=lambda s: (not self._has_news(t_seconds, s), s.looked_at_seconds, s.order))
        first, most = 0, self._config.round_segments
        least = min(most, BACKGROUND)
        while first < len(news):
            gathering = _Gathering(ready, self._memory, self._decisions)
            while first < len(waiting) and len(gathering.members) < (most if first < len(news) else least):
                leader = waiting[first]
                gathering.bring(leader)
                leader.due, leader.looked_at_seconds = False, t_seconds
                first += 1
            yield sorted(gathering.members.values(), key=lambda s: s.order)

    def note(self, segments: Sequence[Segment], comparison: Comparison, held: Sequence[int | None]) -> None:
        """Remember for every open segment whom it may be. held: the present identity of each segment."""
        for row, segment in enumerate(segments):
            if segment.could_be:
                alike = np.flatnonzero(comparison.log_odds[row] > PLAUSIBLE)
                plausible = {held[other] for other in alike.tolist()}
                segment.could_be = tuple(i for i in segment.could_be if i in plausible)

    def _has_news(self, t_seconds: float, segment: Segment) -> bool:
        if segment.due or segment.identity_id is None or segment.evidence >= MORE_EVIDENCE * segment.sought_weight:
            return True
        waited = t_seconds - segment.looked_at_seconds >= PATIENCE_SECONDS
        return waited and segment.is_long_enough(t_seconds, self._config)

    def _seek(self, t_seconds: float, news: Sequence[Segment], ready: Sequence[Segment]) -> None:
        """Whom may those be whose looks have become clearer? Look-alikes at rest and among the open ones, and who can
        have come from where they were seen last.
        """
        seekers = [s for s in news if s.weight > 0 and s.evidence >= MORE_EVIDENCE * s.sought_weight]
        if not seekers:
            return
        described = [s for s in ready if s.identity_id is not None and s.weight > 0]
        looks = self._memory.tints.looks([*seekers, *described])
        sought, present = looks[: len(seekers)], looks[len(seekers) :]
        resting = self._memory.look_alikes(sought, self._share)
        alike = nearest_rows(sought @ present.T, self._share)
        walked = self._in_reach(t_seconds, seekers, described, looks)
        for segment, remembered, rows, others in zip(seekers, resting, alike, walked, strict=True):
            here = [i for row in rows if (i := described[row].identity_id) is not None]
            segment.could_be = tuple(dict.fromkeys([*segment.could_be, *others, *remembered, *here]))
            segment.sought_weight = segment.evidence

    def _in_reach(
        self, t_seconds: float, seekers: Sequence[Segment], described: Sequence[Segment], looks: FloatArray
    ) -> list[list[int]]:
        """For each seeker the people whose last visit, way and looks together fit best. looks: of all segments."""
        if self._walks is None:
            return [[] for _ in seekers]
        exits = self._memory.just_left(t_seconds - REACH_SECONDS, MOST_EXITS)
        resting = self._memory.looks_of([leaving.identity_id for leaving in exits], looks.shape[1])
        exits += [Exit(s.identity_id or 0, s.exit_camera, s.presence.last_seconds) for s in described]
        likeness = looks[: len(seekers)] @ np.concatenate([resting, looks[len(seekers) :]]).T
        fit = self._walks.ratios(
            [leaving.camera_id for leaving in exits],
            np.array([leaving.t_seconds for leaving in exits]),
            [seeker.entry_camera for seeker in seekers],
            np.array([seeker.since_seconds for seeker in seekers]),
        )
        best = nearest_rows(fit + WORTH_OF_LOOKS * likeness, self._share)
        return [[exits[row].identity_id for row in rows] for rows in best]


class _Gathering:
    """One company while it comes together."""

    def __init__(self, ready: Sequence[Segment], memory: Memory, decisions: Decisions) -> None:
        self.members: dict[int, Segment] = {}
        self._memory = memory
        self._decisions = decisions
        self._families: set[int] = set()
        self._open: dict[int, list[Segment]] = defaultdict(list)
        self._by_key: dict[Party, list[Segment]] = defaultdict(list)
        self._since: dict[str, float] = {}
        for segment in ready:
            self._by_key[segment.key].append(segment)
            if segment.identity_id is not None:
                self._open[self._resolve(segment.identity_id)].append(segment)
            since = self._since.get(segment.camera_id, segment.since_seconds)
            self._since[segment.camera_id] = min(since, segment.since_seconds)

    def bring(self, leader: Segment) -> None:
        """A segment and all whom it has to be seen with."""
        self._add([leader])
        for identity_id in (leader.identity_id, *leader.could_be):
            if identity_id is not None:
                self._bring_family(self._resolve(identity_id))
        self._bring_partners(leader.key)

    def _bring_family(self, identity_id: int) -> None:
        """Everybody of one identity: what is open, and what is at rest in the latest cameras or where they might meet
        an open track.
        """
        if identity_id in self._families:
            return
        self._families.add(identity_id)
        self._add(self._open.get(identity_id, []))
        latest = sorted(self._memory.of(identity_id), key=lambda s: -s.presence.last_seconds)
        self._add(latest[:HOMES])
        self._add(s for s in latest[HOMES:] if s.presence.last_seconds >= self._since.get(s.camera_id, np.inf))
        self._bring_partners(identity_id)

    def _bring_partners(self, party: Party) -> None:
        for partner in self._decisions.constraints.partners(party):
            for segment in self._by_key.get(partner, []):
                self._add([segment])
            for identity_id in self._decisions.identities_of(partner):
                self._bring_family(identity_id)

    def _resolve(self, identity_id: int) -> int:
        (resolved,) = self._decisions.identities_of(identity_id)
        return resolved

    def _add(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self.members[id(segment)] = segment


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
