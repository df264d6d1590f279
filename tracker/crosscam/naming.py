"""From the clusters of a round to identities, and to the events that tell what changed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf

from tracker.core.types import IdentityEvent, IdentityEventKind, LinkEvidence
from tracker.crosscam.comparison import Comparison
from tracker.crosscam.constraints import ConstraintKind
from tracker.crosscam.evidence import Explainer, Vetoing
from tracker.crosscam.identities import IdentityBook, absorbed_identities, name_clusters
from tracker.crosscam.rulings import Ruling
from tracker.crosscam.segments import Segment
from tracker.crosscam.track_log import TrackLog

MUST_LINK = ConstraintKind.MUST_LINK.value

Cluster = Sequence[int]
"""Rows of the segments of one person."""


class Namer:
    """Gives clusters their identities: the one that a person named, else the one of which a cluster holds most.

    keep_apart: whether people forbid that two identities become one.
    """

    def __init__(
        self, book: IdentityBook, log: TrackLog, confirm_seconds: float, keep_apart: Callable[[int, int], bool]
    ) -> None:
        self._book = book
        self._log = log
        self._confirm_seconds = confirm_seconds
        self._keep_apart = keep_apart

    def name(
        self,
        t_seconds: float,
        segments: Sequence[Segment],
        clusters: Sequence[Cluster],
        comparison: Comparison,
        ruling: Ruling,
        veto: Vetoing,
    ) -> list[IdentityEvent]:
        """Write identities into segments, log and book; returns what that changes, merges first. veto: of the pairs of
        rows that the clusters had to keep apart.
        """
        named = _named(clusters, ruling)
        holdings = [
            held | dict.fromkeys(own, inf) for held, own in zip(self._holdings(segments, clusters), named, strict=True)
        ]
        names = [name or self._book.issue() for name in name_clusters(holdings)]
        groups = dict(zip(names, clusters, strict=True))
        explainer = Explainer(groups, comparison, veto)
        events: list[IdentityEvent] = []
        for gone, survivor in absorbed_identities(holdings, names):
            own = named[names.index(survivor)]
            if (own and gone not in own) or self._keep_apart(gone, survivor):
                continue  # whoever holds it moves alone
            moved = [row for row in groups[survivor] if self._identity(segments[row]) == gone]
            self._book.merge(gone, survivor)
            evidence = _explained(explainer, moved, survivor, ruling)
            events.append(IdentityEvent(IdentityEventKind.MERGED, t_seconds, survivor, None, gone, evidence))
        for name, rows in groups.items():
            for row in rows:
                kind, before = self._move(segments[row], name)
                if kind is not None:
                    key, evidence = segments[row].key, _explained(explainer, [row], name, ruling)
                    since = segments[row].since_seconds if self._log.is_split(key) else None
                    events.append(IdentityEvent(kind, t_seconds, name, key, before, evidence, since))
            if self._book.is_confirmed(name):
                continue
            if sum(segments[row].presence.seconds for row in rows) >= self._confirm_seconds:
                self._book.confirm(name)
                events.append(IdentityEvent(IdentityEventKind.CONFIRMED, t_seconds, name))
        return events

    def _identity(self, segment: Segment) -> int | None:
        return None if segment.identity_id is None else self._book.resolve(segment.identity_id)

    def _holdings(self, segments: Sequence[Segment], clusters: Sequence[Cluster]) -> list[dict[int, float]]:
        """Seconds seen of every identity, per cluster. An identity at rest belongs to the cluster of its past alone."""
        present = [self._identity(segment) for segment in segments]
        home = {present[row]: number for number, rows in enumerate(clusters) for row in rows if segments[row].resting}
        holdings: list[dict[int, float]] = []
        for number, rows in enumerate(clusters):
            held: dict[int, float] = {}
            for row in rows:
                identity_id = present[row]
                if identity_id is not None and home.get(identity_id, number) == number:
                    held[identity_id] = held.get(identity_id, 0.0) + segments[row].presence.seconds
            holdings.append(held)
        return holdings

    def _move(self, segment: Segment, name: int) -> tuple[IdentityEventKind | None, int | None]:
        """Give a segment its identity. Returns the kind of change for its track, None if it changes nothing today."""
        if segment.resting:
            return None, None  # whoever was merged takes along what is at rest
        segment.identity_id = name
        self._log.assign(segment.key, segment.since_seconds, name)
        if not self._log.is_latest(segment.key, segment.since_seconds):
            return None, None
        told = self._log.tell(segment.key, name)
        before = None if told is None else self._book.resolve(told)
        if before is None:
            return IdentityEventKind.ASSIGNED, None
        return (None, None) if before == name else (IdentityEventKind.REVISED, before)


def _named(clusters: Sequence[Cluster], ruling: Ruling) -> list[list[int]]:
    """The identities that people gave to each cluster."""
    number_of = {row: number for number, rows in enumerate(clusters) for row in rows} if ruling.names else {}
    named: list[list[int]] = [[] for _ in clusters]
    for row, identity_id in ruling.names:
        named[number_of[row]].append(identity_id)
    return named


def _explained(explainer: Explainer, moved: Sequence[int], name: int, ruling: Ruling) -> LinkEvidence:
    """The evidence for a link; where people decided, that is the rule, and the numbers show what spoke for it. Of an
    identity without rows nothing but people's word is known.
    """
    if not moved:
        return LinkEvidence(rule=MUST_LINK, score=0.0)
    evidence = explainer.evidence(moved, name)
    return replace(evidence, rule=MUST_LINK) if ruling.linked.intersection(moved) else evidence
