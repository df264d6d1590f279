"""Global identities online: which tracks, in all cameras and at all times, are one person.

Every `round_seconds` of stream time the matcher solves afresh what is still open. Its nodes are segments: live tracks
and those that ended a moment ago, each alone, and what the known identities left behind in each camera, joined. Looks
are compared after removal of each camera's mean and judged by a calibration from the data itself; agglomerative
clustering under cannot-link finds the groups; each group keeps the identity of which it holds most.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import (
    IdentityEvent,
    IdentityEventKind,
    LinkEvidence,
    TrackletKey,
    TrackState,
    TrackUpdate,
)
from tracker.crosscam.clustering import cluster
from tracker.crosscam.comparison import Comparison, compare
from tracker.crosscam.evidence import Explainer
from tracker.crosscam.identities import IdentityBook, absorbed_identities, name_clusters
from tracker.crosscam.segments import Segment
from tracker.crosscam.splitting import SplitCheck


@dataclass(frozen=True, slots=True)
class MatcherConfig:
    """round_seconds: stream time between two rounds of matching.
    false_match_rate: probability at which a new person may be taken for one of the people known; sets the threshold
        on the data's own scale.
    min_embeddings, patience_seconds: a track takes part after so many embeddings, or after this time without them.
    split_seconds: length of the stretch that is compared with the rest of its track; split_log_odds: how strongly it
        must speak for a different person for the track to be split there (negative).
    stay_log_odds: advantage of the present identity, so that near ties do not flicker.
    open_seconds: a track that ended this long ago is decided; only its whole identity can still be merged.
    memory_seconds: an identity unseen for longer is not recognised any more: a person who returns later is a new one.
        Benchmarks whose annotators gave everybody a new id on return (PETS does) need a value of a few seconds.
    confirm_seconds: an identity counts once it was seen for this long.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    round_seconds: float = 0.5
    false_match_rate: float = 0.1
    min_embeddings: int = 3
    patience_seconds: float = 1.0
    split_seconds: float = 1.0
    split_log_odds: float = -2.0
    stay_log_odds: float = 0.5
    open_seconds: float = 10.0
    memory_seconds: float = 10.0
    confirm_seconds: float = 1.0

    def __post_init__(self) -> None:
        for name in ("round_seconds", "patience_seconds", "split_seconds", "open_seconds", "memory_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0 seconds, got {getattr(self, name)}")
        if not 0 < self.false_match_rate < 0.5:
            raise ValueError(f"false_match_rate must lie in (0, 0.5), got {self.false_match_rate}")
        if self.min_embeddings < 1:
            raise ValueError(f"min_embeddings must be at least 1, got {self.min_embeddings}")
        if self.split_log_odds > 0:
            raise ValueError(f"split_log_odds must be at most 0, got {self.split_log_odds}")
        if self.stay_log_odds < 0:
            raise ValueError(f"stay_log_odds must be at least 0, got {self.stay_log_odds}")
        if self.confirm_seconds < 0:
            raise ValueError(f"confirm_seconds must be at least 0, got {self.confirm_seconds}")


class CrossCameraMatcher:
    """Gives every confirmed track, of any camera, a global identity, and revises it when more is known.

    issue_id: a new identity id for every call, where others draw ids too; None: 1, 2, 3 ...
    """

    def __init__(self, config: MatcherConfig | None = None, *, issue_id: Callable[[], int] | None = None) -> None:
        self._config = config or MatcherConfig()
        self._book = IdentityBook(issue_id or itertools.count(1).__next__)
        self._live: dict[TrackletKey, Segment] = {}
        self._ended: list[Segment] = []
        self._resting: dict[tuple[int, str], Segment] = {}
        self._stretches: dict[TrackletKey, list[Segment]] = {}
        self._told: dict[TrackletKey, int] = {}
        self._last_step: dict[str, float] = {}
        self._next_round_seconds = -np.inf
        self._split_check = SplitCheck(self._config.split_log_odds)

    def update(self, t_seconds: float, updates: Sequence[TrackUpdate]) -> list[IdentityEvent]:
        """Take one step of all cameras; updates may come in any order. Returns what changed, in order."""
        previous = dict(self._last_step)
        for update in sorted(updates, key=lambda u: (u.t_seconds, u.key)):
            self._observe(update, previous.get(update.camera_id))
        if t_seconds < self._next_round_seconds:
            return []
        self._next_round_seconds = t_seconds + self._config.round_seconds
        return self._round(t_seconds)

    def finish(self, t_seconds: float) -> list[IdentityEvent]:
        """The last round: every confirmed track takes part, however little is known of it."""
        return self._round(t_seconds, final=True)

    def join_tracks(self, t_seconds: float, kept: TrackletKey, gone: TrackletKey) -> list[IdentityEvent]:
        """A tracker found that two of its tracks are one person: `gone` ends, its identity joins that of `kept`."""
        segment = self._live.pop(gone, None)
        if segment is None:
            return []
        before, after = self.identity_of(gone), self.identity_of(kept)
        if after is None and kept in self._live:
            self._live[kept].identity_id = before
        if before is None or after is None or before == after:
            return []
        self._book.merge(before, after)
        evidence = LinkEvidence(rule="same-track", score=0.0)
        return [IdentityEvent(IdentityEventKind.MERGED, t_seconds, after, None, before, evidence)]

    def identity_of(self, key: TrackletKey) -> int | None:
        """The identity that a track has now; None for a track that is unknown or not yet matched."""
        return self.identity_at(key, np.inf)

    def identity_at(self, key: TrackletKey, t_seconds: float) -> int | None:
        """The identity that a track had at an instant, as far as is known today: a split changes it midway."""
        stretches = self._stretches.get(key, [])
        held = [s for s in stretches if s.since_seconds <= t_seconds] or stretches
        return self._identity(held[-1]) if held else None

    def _identity(self, segment: Segment) -> int | None:
        return None if segment.identity_id is None else self._book.resolve(segment.identity_id)

    def _observe(self, update: TrackUpdate, previous_step: float | None) -> None:
        key = update.key
        self._last_step[update.camera_id] = update.t_seconds
        if update.detection_index is not None:
            if key not in self._live:
                self._live[key] = Segment(key, update.t_seconds)
                self._stretches[key] = [self._live[key]]
            self._live[key].see(update, previous_step)
        if update.state is TrackState.ENDED and key in self._live:
            segment = self._live.pop(key)
            if segment.confirmed:
                segment.settle()
                self._ended.append(segment)
            else:
                del self._stretches[key]

    def _round(self, t_seconds: float, final: bool = False) -> list[IdentityEvent]:
        self._rest(t_seconds)
        nodes = self._nodes(t_seconds, final)
        if not nodes:
            return []
        comparison = self._compare(nodes)
        if self._settle_or_split(t_seconds, nodes, comparison):
            nodes = self._nodes(t_seconds, final)
            comparison = self._compare(nodes)
        held = [self._identity(node) for node in nodes]
        decided = [identity if node.resting else None for identity, node in zip(held, nodes, strict=True)]
        start = np.array([-1 if identity is None else identity for identity in decided], np.int64)
        log_odds = comparison.log_odds + self._config.stay_log_odds * _alike(held)
        groups = cluster(log_odds, comparison.weights, comparison.forbidden, start)
        return self._name(t_seconds, nodes, groups, comparison)

    def _compare(self, nodes: Sequence[Segment]) -> Comparison:
        """With many known people, chance finds somebody alike: each of them gets its share of the false matches."""
        known = {self._identity(node) for node in nodes}
        return compare(nodes, self._config.false_match_rate / len(known))

    def _nodes(self, t_seconds: float, final: bool) -> list[Segment]:
        """Everything that takes part in a round, in an order that does not depend on that of arrival."""
        config = self._config
        live = [
            segment
            for _, segment in sorted(self._live.items())
            if segment.confirmed
            and (
                final
                or segment.gallery.count + segment.recent.count >= config.min_embeddings
                or t_seconds - segment.since_seconds >= config.patience_seconds
            )
        ]
        return [segment for _, segment in sorted(self._resting.items())] + self._ended + live

    def _rest(self, t_seconds: float) -> None:
        """Tracks that ended long ago are decided; identities unseen for too long are let go."""
        config = self._config
        decided_before = t_seconds - min(config.open_seconds, config.memory_seconds)
        due = [s for s in self._ended if s.presence.last_seconds < decided_before]
        self._ended = [s for s in self._ended if s.presence.last_seconds >= decided_before]
        for segment in due:
            identity_id = self._identity(segment)
            if identity_id is not None:
                self._put_to_rest(identity_id, segment)
        for gone, camera in [key for key in self._resting if self._book.resolve(key[0]) != key[0]]:
            self._put_to_rest(self._book.resolve(gone), self._resting.pop((gone, camera)))
        last_seen: dict[int, float] = {}
        for (identity_id, _), segment in self._resting.items():
            last_seen[identity_id] = max(last_seen.get(identity_id, -np.inf), segment.presence.last_seconds)
        for segment in (*self._ended, *self._live.values()):
            identity_id = self._identity(segment)
            if identity_id is not None:
                last_seen[identity_id] = np.inf
        horizon = t_seconds - config.memory_seconds
        for key in [key for key in self._resting if last_seen[key[0]] < horizon]:
            self._resting.pop(key).forget_looks()

    def _put_to_rest(self, identity_id: int, segment: Segment) -> None:
        segment.resting = True
        known = self._resting.setdefault((identity_id, segment.camera_id), segment)
        if known is not segment:
            known.absorb(segment)
            segment.forget_looks()

    def _settle_or_split(self, t_seconds: float, nodes: Sequence[Segment], comparison: Comparison) -> bool:
        """Judge the recent stretch of every live track that has a long enough one; True if a track was split.

        A track on the ground is not judged: its looks change with the cameras that see it, its place does not lie.
        """
        config = self._config
        ready = [
            row
            for row, node in enumerate(nodes)
            if node.recent.count >= config.min_embeddings
            and t_seconds - node.recent_since_seconds >= config.split_seconds
        ]
        in_picture = [row for row in ready if nodes[row].entry_metres is None]
        changed = self._split_check.changed(nodes, in_picture, comparison)
        for row in changed:
            key = nodes[row].key
            self._ended.append(nodes[row])
            self._live[key] = nodes[row].split_off()
            self._stretches[key].append(self._live[key])
        for row in ready:
            nodes[row].settle()
        return bool(changed)

    def _name(
        self, t_seconds: float, nodes: Sequence[Segment], clusters: Sequence[list[int]], comparison: Comparison
    ) -> list[IdentityEvent]:
        """Every cluster keeps the identity of which it holds most; returns what that changes."""
        holdings = self._holdings(nodes, clusters)
        names = [name or self._book.issue() for name in name_clusters(holdings)]
        groups = dict(zip(names, clusters, strict=True))
        explainer = Explainer(groups, comparison)
        events: list[IdentityEvent] = []
        for gone, survivor in absorbed_identities(holdings, names):
            moved = [row for row in groups[survivor] if self._identity(nodes[row]) == gone]
            self._book.merge(gone, survivor)
            evidence = explainer.evidence(moved, survivor)
            events.append(IdentityEvent(IdentityEventKind.MERGED, t_seconds, survivor, None, gone, evidence))
        for name, rows in groups.items():
            for row in rows:
                kind, before = self._move(nodes[row], name)
                if kind is not None:
                    key, evidence = nodes[row].key, explainer.evidence([row], name)
                    since = nodes[row].since_seconds if len(self._stretches[key]) > 1 else None
                    events.append(IdentityEvent(kind, t_seconds, name, key, before, evidence, since))
            seconds = sum(nodes[row].presence.seconds for row in rows)
            if seconds >= self._config.confirm_seconds and self._book.confirm(name):
                events.append(IdentityEvent(IdentityEventKind.CONFIRMED, t_seconds, name))
        return events

    def _holdings(self, nodes: Sequence[Segment], clusters: Sequence[list[int]]) -> list[dict[int, float]]:
        """Seconds seen of every identity, per cluster. An identity at rest belongs to the cluster of its past alone."""
        home = {
            self._identity(nodes[row]): number
            for number, rows in enumerate(clusters)
            for row in rows
            if nodes[row].resting
        }
        holdings: list[dict[int, float]] = []
        for number, rows in enumerate(clusters):
            held: dict[int, float] = {}
            for row in rows:
                identity_id = self._identity(nodes[row])
                if identity_id is not None and home.get(identity_id, number) == number:
                    held[identity_id] = held.get(identity_id, 0.0) + nodes[row].presence.seconds
            holdings.append(held)
        return holdings

    def _move(self, segment: Segment, name: int) -> tuple[IdentityEventKind | None, int | None]:
        """Give a segment its identity. Returns the kind of change for its track, None if it changes nothing today."""
        segment.identity_id = name
        if segment is not self._stretches[segment.key][-1] or segment.resting:
            return None, None
        told = self._told.get(segment.key)
        before = None if told is None else self._book.resolve(told)
        self._told[segment.key] = name
        if before is None:
            return IdentityEventKind.ASSIGNED, None
        return (None, None) if before == name else (IdentityEventKind.REVISED, before)


def _alike(held: Sequence[int | None]) -> NDArray[np.bool_]:
    """(n, n): whether two nodes hold the same identity."""
    number = np.array([-1 - i if identity is None else identity for i, identity in enumerate(held)], np.int64)
    alike: NDArray[np.bool_] = number[:, None] == number[None]
    return alike
