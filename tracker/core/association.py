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
        if not term.weight:
            continue
        silent = np.isnan(costs) if term.name in SILENT else None
        if silent is not None and silent.any():
            total += term.weight * np.where(silent, 0, costs)
            weights = weights + term.weight * ~silent
        else:
            total += term.weight * costs
            weights = weights + term.weight
    if weights.ndim == 0:
        return total / weights
    return np.divide(total, weights, out=np.full_like(total, np.inf), where=weights > 0)


def associate(scene: Scene, stages: Sequence[Stage]) -> Matches:
    """Matches of the scene's tracks with its detections after all stages."""
    scores = scene.detections.scores
    phases, gaps_seconds = scene.tracks.phases(), scene.t_seconds - scene.tracks.seen
    partner = np.full(len(scene.tracks), -1, np.intp)
    free = np.ones(len(scores), np.bool_)
    for stage in stages:
        columns = (free & (scores >= stage.min_score) & (scores < stage.max_score)).nonzero()[0]
        if not len(columns):
            continue
        waiting = among(stage.states)[phases] & (partner < 0)
        rows = (waiting & (gaps_seconds <= stage.max_gap_seconds)).nonzero()[0]
        if len(rows):
            matches = assign(combine(scene, stage.terms, rows, columns), stage.limit)
            taken = columns[matches.detections]
            partner[rows[matches.tracks]] = taken
            free[taken] = False
    tracks = (partner >= 0).nonzero()[0]
    return Matches(tracks, partner[tracks])


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
    places = scene.detections.boxes_xyxy[matches.detections]
    near = boxes.iou(boxes.expanded(places[returned], 0.5), boxes.expanded(places[followed], 0.5)) > 0
    beside = near.any(axis=0)
    both = np.concatenate([followed[beside], returned])
    costs = scene.term("appearance", matches.tracks[both], matches.detections[both])
    held = np.arange(len(both))  # whose detection each of them has now
    for own, close in enumerate(near[:, beside], start=len(both) - len(returned)):
        others = close.nonzero()[0]
        if not len(others):
            continue
        kept = costs[own, held[own]] + costs[others, held[others]]
        gain = np.nan_to_num(kept - costs[own, held[others]] - costs[others, held[own]], nan=0.0)
        best = others[gain.argmax()]
        if gain.max() > margin:
            held[[own, best]] = held[[best, own]]
    detections = matches.detections.copy()
    detections[both] = matches.detections[both[held]]
    return Matches(matches.tracks, detections)
