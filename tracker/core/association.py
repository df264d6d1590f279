"""Which detection continues which track: a cascade of stages, each a row of configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tracker.core import boxes
from tracker.core.assignment import Matches, assign
from tracker.core.costs import SILENT, TERMS, Costs, Rows, Scene
from tracker.core.track import among
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


def combine(scene: Scene, terms: Sequence[Term], rows: Rows, columns: Rows) -> Costs:
    """Weighted mean of the terms for the given tracks (r,) and detections (c,), (r, c).

    Infinite for pairs that a term forbids or about which no weighted term has an opinion.
    """
    total, weights = np.zeros((len(rows), len(columns))), np.zeros(())
    for term in terms:
        costs = scene.term(term.name, rows, columns)
        if term.limit < np.inf:
            total[costs > term.limit] = np.inf
        if term.name in SILENT and np.isnan(costs).any():
            silent = np.isnan(costs)
            total += term.weight * np.where(silent, 0, costs)
            weights = weights + term.weight * ~silent
        elif term.weight:
            total += term.weight * costs
            weights = weights + term.weight
    if weights.ndim == 0:
        return total / weights
    return np.divide(total, weights, out=np.full_like(total, np.inf), where=weights > 0)


def associate(scene: Scene, stages: Sequence[Stage]) -> Matches:
    """Matches of the scene's tracks with its detections after all stages."""
    phases, gaps_seconds, scores = scene.tracks.phases(), scene.gaps_seconds.copy(), scene.detections.scores.copy()
    partners = np.full(len(gaps_seconds), -1)
    for stage in stages:
        columns = ((scores >= stage.min_score) & (scores < stage.max_score)).nonzero()[0]
        if not len(columns):
            continue
        rows = (among(stage.states).take(phases) & (gaps_seconds <= stage.max_gap_seconds)).nonzero()[0]
        if not len(rows):
            continue
        matches = assign(combine(scene, stage.terms, rows, columns), stage.limit)
        if len(matches):
            continued, taken = rows[matches.tracks], columns[matches.detections]
            partners[continued] = taken
            gaps_seconds[continued] = scores[taken] = np.nan  # which no stage lets through
    tracks = (partners >= 0).nonzero()[0]
    return Matches(tracks, partners[tracks])


def checked_splits(scene: Scene, matches: Matches, margin: float) -> Matches:
    """The matches after a second look at people who part.

    While two people are merged into one box, one track follows the box and the other is lost; when they part, the
    follower may walk on with the wrong one. So whenever a lost track returns next to a followed one, the two exchange
    their detections if their appearances, learned before the merge, fit better that way by more than margin.
    """
    lost = scene.tracks.lost[matches.tracks]
    if scene.detections.embeddings is None or not lost.any():
        return matches
    returned, followed = lost.nonzero()[0], (scene.tracks.confirmed[matches.tracks] & ~lost).nonzero()[0]
    places = scene.measured_cxcywh[matches.detections]
    near = boxes.within_a_box(places[returned], places[followed])
    if not near.any():
        return matches
    tracks, held, looks = matches.tracks, matches.detections.copy(), scene.looks
    for own, close in zip(returned, near, strict=True):
        others = followed[close]
        kept = looks[tracks[own], held[own]] + looks[tracks[others], held[others]]
        swapped = looks[tracks[own], held[others]] + looks[tracks[others], held[own]]
        gains = np.fmax(kept - swapped, 0)  # none where a look is unknown
        if gains.max(initial=0) > margin:
            best = others[gains.argmax()]
            held[[own, best]] = held[[best, own]]
    return Matches(tracks, held)
