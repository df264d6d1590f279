"""Which detection continues which track: a cascade of stages, each a row of configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tracker.core import boxes
from tracker.core.assignment import Matches, assign
from tracker.core.costs import SILENT, TERMS, Costs, Rows, Scene
from tracker.core.durations import longer
from tracker.core.track import TAKEN, among
from tracker.core.types import TrackState


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a stage's cost.

    name: a key of costs.TERMS. weight: its share in the weighted mean; 0 makes it a mere gate. limit: pairs whose term
    is above it are never matched.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str
    weight: float = 1.0
    limit: float = np.inf

    def __post_init__(self) -> None:
        if self.name not in TERMS:
            raise ValueError(f"name must be one of {', '.join(TERMS)}, got {self.name!r}")
        if not 0 <= self.weight < np.inf:
            raise ValueError(f"weight must be finite and not negative, got {self.weight}")


@dataclass(frozen=True, slots=True)
class Stage:
    """One Hungarian assignment between what earlier stages left over.

    states, max_gap_seconds: the tracks that take part have one of these states and were observed no longer ago.
    min_score, max_score: the detections that take part have min_score <= score < max_score. terms: the cost is their
    weighted mean; a term without an opinion about a pair (NaN) drops out of that pair's mean. limit: the cost of
    leaving a pair apart.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    states: tuple[TrackState, ...]
    terms: tuple[Term, ...]
    limit: float
    min_score: float = 0.0
    max_score: float = np.inf
    max_gap_seconds: float = np.inf

    def __post_init__(self) -> None:
        if not self.terms or not any(term.weight for term in self.terms):
            raise ValueError("terms must hold at least one term with a weight")
        if not set(self.states) <= {TrackState.TENTATIVE, TrackState.CONFIRMED, TrackState.LOST}:
            raise ValueError(f"states must be tentative, confirmed or lost, got {self.states}")
        if not self.limit > 0:
            raise ValueError(f"limit must be positive, got {self.limit}")


def combine(scene: Scene, terms: Sequence[Term], rows: Rows, columns: Rows) -> tuple[Rows, Rows, Costs]:
    """The k pairs of these tracks (r,) and detections (c,) that the first term allows: tracks (k,), detections (k,),
    and the weighted mean of all terms (k,).

    It is NaN where no weighted term has an opinion, infinite where another term forbids the pair. Only the first term
    is asked about all r x c pairs, so the one to name first forbids much and costs little.
    """
    block = scene.term(terms[0].name, rows[:, None], columns[None])
    near = (~(block > terms[0].limit)).nonzero()
    rows, columns = rows.take(near[0]), columns.take(near[1])
    total = np.zeros(len(rows))
    if not len(rows):
        return rows, columns, total
    weights: float | Costs = 0.0
    for term in terms:
        costs = block[near] if term is terms[0] else scene.term(term.name, rows, columns)
        if term.limit < np.inf:
            total[costs > term.limit] = np.inf
        if term.name in SILENT and np.count_nonzero(silent := np.isnan(costs)):
            total += term.weight * np.where(silent, 0, costs)
            weights = weights + term.weight * ~silent
        elif term.weight:
            total += term.weight * costs
            weights = weights + term.weight
    if isinstance(weights, np.ndarray):
        weights[weights == 0] = np.nan
    return rows, columns, total / weights


def associate(scene: Scene, stages: Sequence[Stage]) -> Matches:
    """Matches of the scene's tracks with its detections after all stages."""
    phases, scores = scene.tracks.phases(), scene.detections.scores.copy()
    partners = np.full(len(phases), -1)
    for stage in stages:
        fit = scores >= stage.min_score
        if stage.max_score < np.inf:
            fit &= scores < stage.max_score
        columns = fit.nonzero()[0]
        if not len(columns):
            continue
        apt = among(stage.states).take(phases)
        if stage.max_gap_seconds < np.inf:
            apt &= ~longer(scene.gaps_seconds, stage.max_gap_seconds)
        rows = apt.nonzero()[0]
        if not len(rows):
            continue
        matches = assign(*combine(scene, stage.terms, rows, columns), stage.limit)
        if len(matches):
            partners[matches.tracks] = matches.detections
            phases[matches.tracks], scores[matches.detections] = TAKEN, np.nan  # which no stage lets through
    tracks = (partners >= 0).nonzero()[0]
    return Matches(tracks, partners[tracks])


def checked_splits(scene: Scene, matches: Matches, margin: float) -> Matches:
    """The matches after a second look at people who part.

    While two people are merged into one box, one track follows the box and the other is lost; when they part, the
    follower may walk on with the wrong one. So whenever a lost track returns next to a followed one, the two exchange
    their detections if their appearances, learned before the merge, fit better that way by more than margin. Whom it
    makes the greatest difference to goes first.
    """
    tracks, held = matches.tracks, matches.detections
    lost = scene.tracks.lost[tracks]
    if scene.detections.embeddings is None or not np.count_nonzero(lost):
        return matches
    returned, followed = lost.nonzero()[0], (scene.tracks.confirmed[tracks] & ~lost).nonzero()[0]
    places = scene.measured_cxcywh[held]
    near = boxes.within_a_box(places[returned], places[followed]).nonzero()
    if not len(near[0]):
        return matches
    own, other = returned[near[0]], followed[near[1]]
    straight = scene.term("appearance", tracks[own], held[own]) + scene.term("appearance", tracks[other], held[other])
    crossed = scene.term("appearance", tracks[own], held[other]) + scene.term("appearance", tracks[other], held[own])
    gains, held, settled = straight - crossed, held.copy(), set[int]()
    better = (gains > margin).nonzero()[0]  # not where a look is unknown
    for pair in better[(-gains[better]).argsort(kind="stable")].tolist():
        one, two = int(own[pair]), int(other[pair])
        if settled.isdisjoint((one, two)):
            held[[one, two]] = held[[two, one]]
            settled.update((one, two))
    return Matches(tracks, held)
