"""Who is who in a recorded history, judged afresh from all that is known of it, under what people said.

The same affinities as online, without its hurry: every sighting is compared with all others that the person could have
come from, later ones too. Agglomerative clustering finds the people; ids and names stay where most of them stays.
Whom the run followed on the ground as one person is one person, unless people or the places themselves say otherwise.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import LinkEvidence
from tracker.crosscam.calibration import LogOdds
from tracker.crosscam.clustering import cluster
from tracker.crosscam.comparison import Comparison, compare
from tracker.crosscam.constraints import Constraint, ConstraintKind, Veto
from tracker.crosscam.evidence import Explainer, Vetoing
from tracker.crosscam.identities import name_clusters
from tracker.crosscam.prior_word import Word
from tracker.crosscam.segments import Segment
from tracker.crosscam.settings import MatcherConfig
from tracker.crosscam.sighting import Sighting
from tracker.crosscam.standing import ON_GROUND, standing_log_odds

AT_ONCE = 1000
"""Sightings that are clustered together. Longer histories are taken in such pieces, with those at hand who were seen
within memory_seconds before."""

AT_HAND = 10
"""The latest sightings of a person from earlier pieces that speak for them; older ones matter to nobody."""

MOST_AT_HAND = 3000
"""Of all people together: memory does not grow with the square of a long memory's crowd."""

PASSES = 3
"""A piece is clustered so often: how many people there are, and their ways, is known only from the pass before."""

BeyondLooks = Callable[[Sequence[Segment], Sequence[int | None]], Mapping[str, LogOdds]]
"""Log odds (n, n) by name that add to those of looks: of segments, under the people they were last taken for."""


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """ids: the identity of each sighting; new people have negative ones in order of time, from -1 on unless that is
    somebody's already. evidence: why a sighting belongs to its person; runner-ups are named by the same ids.
    """

    ids: tuple[int, ...]
    evidence: tuple[LinkEvidence, ...]


def reassociate(
    sightings: Sequence[Sighting],
    config: MatcherConfig,
    decisions: Iterable[Constraint] = (),
    beyond_looks: BeyondLooks | None = None,
) -> People:
    """Find the people in sightings. decisions: what users said, oldest first.

    No person has two sightings that one camera saw at one instant, unless users said so. A person keeps the id that is
    sure, else the one of which they hold most seconds.
    """
    order = sorted(range(len(sightings)), key=lambda row: sightings[row].order)
    finder = _Finder(sightings, config, Word(sightings, decisions), beyond_looks)
    for first in range(0, len(order), AT_ONCE):
        finder.take(order[first : first + AT_ONCE])
    names = _names(sightings, finder.labels.tolist(), order)
    ids = tuple(names[label] for label in finder.labels.tolist())
    return People(ids, tuple(_translated(evidence, names) for evidence in finder.evidence))


def renamed(people: People, sightings: Sequence[Sighting]) -> People:
    """The same people, each under the id that is sure or that these sightings hold for most seconds."""
    order = sorted(range(len(sightings)), key=lambda row: sightings[row].order)
    names = _names(sightings, people.ids, order)
    evidence = tuple(_translated(evidence, names) for evidence in people.evidence)
    return People(tuple(names[identity_id] for identity_id in people.ids), evidence)


class _Finder:
    """Goes through a history piece by piece. A person of an earlier piece may receive sightings of a later one, but two
    such people stay two.
    """

    def __init__(
        self, sightings: Sequence[Sighting], config: MatcherConfig, word: Word, beyond_looks: BeyondLooks | None
    ) -> None:
        self.labels = np.full(len(sightings), -1, np.int64)
        self.evidence = [LinkEvidence("new", 0.0)] * len(sightings)
        self._sightings = sightings
        self._config = config
        self._word = word
        self._beyond_looks = beyond_looks
        self._people: list[list[int]] = []
        self._groups: list[set[int]] = []
        self._person_of_group: dict[int, int] = {}

    def take(self, piece: Sequence[int]) -> None:
        """Give every row of the next piece its person."""
        at_hand = self._at_hand(piece)
        rows = [*at_hand, *piece]
        segments = [self._sightings[row].segment() for row in rows]
        for segment in segments[: len(at_hand)]:
            segment.resting = True
        clusters, comparison, veto = self._solve(rows, segments)
        named = {self._person_of([rows[node] for node in nodes]): nodes for nodes in clusters}
        explainer = Explainer(named, comparison, veto)
        for person, nodes in named.items():
            for node in nodes:
                if node >= len(at_hand):
                    self.evidence[rows[node]] = self._explained(explainer, node, rows[node], person)

    def _explained(self, explainer: Explainer, node: int, row: int, person: int) -> LinkEvidence:
        """Where users decided, or the ground, that is the rule; the numbers show what spoke for it."""
        evidence = explainer.evidence([node], person)
        if row in self._word.linked:
            return replace(evidence, rule=ConstraintKind.MUST_LINK.value)
        earlier = self._word.followed.get(row)
        on_ground = earlier is not None and self.labels[earlier] == person
        return replace(evidence, rule=ON_GROUND) if on_ground else evidence

    def _person_of(self, rows: Sequence[int]) -> int:
        """The label of a cluster, which all its rows receive."""
        known = int(self.labels[rows].max())
        person = known if known >= 0 else len(self._people)
        if known < 0:
            self._people.append([])
            self._groups.append(set())
        self._people[person] += [row for row in rows if self.labels[row] < 0]
        self.labels[rows] = person
        for group in {self._word.group_of[row] for row in rows if row in self._word.group_of}:
            self._groups[person].add(group)
            self._person_of_group[group] = person
        return person

    def _at_hand(self, piece: Sequence[int]) -> list[int]:
        """Sightings of earlier people who may be seen in this piece, or surely are. Where these are very many, those
        who were seen last.
        """
        begin = self._sightings[piece[0]].first_seconds
        due = {self._person_of_group.get(self._word.group_of.get(row, -1)) for row in piece}
        found: list[tuple[bool, float, int, list[int]]] = []
        for person, seen in enumerate(self._people):
            latest = sorted(seen, key=lambda row: self._sightings[row].last_seconds, reverse=True)
            left_seconds = self._sightings[latest[0]].last_seconds
            needed = person in due or left_seconds >= begin
            if needed or left_seconds >= begin - self._config.memory_seconds:
                still_seen = (row for row in latest[AT_HAND:] if self._sightings[row].last_seconds >= begin)
                found.append((not needed, -left_seconds, person, [*latest[:AT_HAND], *still_seen]))
        counts = np.cumsum([len(rows) for *_, rows in sorted(found)])
        kept = [one for one, count in zip(sorted(found), counts, strict=True) if count <= MOST_AT_HAND or not one[0]]
        return [row for *_, rows in sorted(kept, key=lambda one: one[2]) for row in rows]

    def _solve(self, rows: Sequence[int], segments: Sequence[Segment]) -> tuple[list[list[int]], Comparison, Vetoing]:
        """The clusters, how their nodes compare, and why which pairs of nodes had to stay apart."""
        persons, groups, start = self._known(rows)
        first = np.array([self._sightings[row].first_seconds for row in rows])
        last = np.array([self._sightings[row].last_seconds for row in rows])
        # online somebody who comes back is judged later, when they were described, and must be remembered then
        told = np.array([self._told(row) for row in rows])
        gone = first[:, None] > last[None]
        lately = ~gone | (told[:, None] - last[None] <= self._config.memory_seconds)
        near = lately & lately.T

        def veto(a: int, b: int) -> Veto | None:
            if persons[a] >= 0 and persons[b] >= 0 and persons[a] != persons[b]:
                return Veto.BY_PEOPLE  # found before; one not found before has a person by people's word alone
            return self._word.veto(groups[a], groups[b]) or comparison.veto(a, b)

        standing = standing_log_odds(segments)
        held: list[int | None] = [None] * len(rows)
        for _ in range(PASSES):
            beyond = dict(self._beyond_looks(segments, held)) if self._beyond_looks else {}
            if standing is not None:
                beyond[ON_GROUND] = standing
            comparison = compare(segments, self._config.false_match_rate / _rivals(near, held), beyond)
            clusters = cluster(comparison.log_odds, comparison.weights, veto, start, near)
            number_of = {node: number for number, nodes in enumerate(clusters) for node in nodes}
            before, held = held, [number_of[node] for node in range(len(rows))]
            if held == before:
                break
        return clusters, comparison, veto

    def _told(self, row: int) -> float:
        """When a run said, or would have said, who a sighting is."""
        sighting = self._sightings[row]
        at_first = sighting.first_seconds + self._config.round_seconds
        return at_first if sighting.told_seconds is None else max(at_first, sighting.told_seconds)

    def _known(self, rows: Sequence[int]) -> tuple[list[int], list[Iterable[int]], NDArray[np.int64]]:
        """Of every row: its person so far (-1: none), the groups of that person, and the label it starts with."""
        persons: list[int] = []
        groups: list[Iterable[int]] = []
        starts: list[int] = []
        for row in rows:
            group = self._word.group_of.get(row)
            person = int(self.labels[row])
            if person < 0 and group is not None:
                person = self._person_of_group.get(group, -1)
            persons.append(person)
            groups.append(self._groups[person] if person >= 0 else () if group is None else (group,))
            starts.append(person if person >= 0 or group is None else len(self._people) + group)
        return persons, groups, np.array(starts, np.int64)


def _rivals(near: NDArray[np.bool_], held: Sequence[int | None]) -> float:
    """How many people a sighting might be, in the mean: those with a sighting near to it."""
    people = np.array([-1 - row if person is None else person for row, person in enumerate(held)])
    _, numbers = np.unique(people, return_inverse=True)
    member = np.zeros((len(people), int(numbers.max(initial=0)) + 1), bool)
    member[np.arange(len(people)), numbers] = True
    return max(float((near @ member).sum(axis=1).mean()), 1.0)


def _names(sightings: Sequence[Sighting], labels: Sequence[int], order: Sequence[int]) -> dict[int, int]:
    """The id of each label."""
    names = {
        label: sighting.identity_id
        for label, sighting in zip(labels, sightings, strict=True)
        if sighting.sure and sighting.identity_id is not None
    }
    taken = set(names.values())
    people = list(dict.fromkeys(label for row in order if (label := labels[row]) not in names))
    number = {label: k for k, label in enumerate(people)}
    holdings: list[dict[int, float]] = [{} for _ in people]
    for label, sighting in zip(labels, sightings, strict=True):
        identity_id = sighting.identity_id
        if label in number and identity_id is not None and identity_id not in taken:
            held = holdings[number[label]]
            held[identity_id] = held.get(identity_id, 0.0) + sighting.seconds
    new = itertools.count(min([0, *(s.identity_id or 0 for s in sightings)]) - 1, -1)
    kept = zip(people, name_clusters(holdings), strict=True)
    return names | {label: next(new) if identity_id is None else identity_id for label, identity_id in kept}


def _translated(evidence: LinkEvidence, names: Mapping[int, int]) -> LinkEvidence:
    runner_up = evidence.runner_up_identity_id
    return evidence if runner_up is None else replace(evidence, runner_up_identity_id=names.get(runner_up))
