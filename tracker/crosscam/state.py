"""Segments as columns of plain data, and back: what is needed to go on elsewhere exactly as here."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tracker.crosscam.features import NOTHING, Gallery
from tracker.crosscam.presence import Presence
from tracker.crosscam.segments import Place, Segment

State = dict[str, Any]
"""Strings, numbers, None, lists, dictionaries and numpy arrays."""


def pack(segments: Sequence[Segment]) -> State:
    """Columns of n segments; those of varying length are laid end to end beside their lengths."""
    return {
        "camera": [s.camera_id for s in segments],
        "track": [s.key[1] for s in segments],
        "since": [s.since_seconds for s in segments],
        "recent_since": [s.recent_since_seconds for s in segments],
        "identity": [s.identity_id for s in segments],
        "entry": [s.entry for s in segments],
        "exit": [s.exit for s in segments],
        "confirmed": [s.confirmed for s in segments],
        "resting": [s.resting for s in segments],
        "ended_number": [s.ended_number for s in segments],
        "due": [s.due for s in segments],
        "looked_at": [s.looked_at_seconds for s in segments],
        "sought_weight": [s.sought_weight for s in segments],
        "could_be": [list(s.could_be) for s in segments],
        "walk_learnt": [s.walk_learnt for s in segments],
        "places": [[list(place) for place in s.places] for s in segments],
        "views": [{camera: presence.runs for camera, presence in s.views.items()} for s in segments],
        "runs": np.array([run for s in segments for run in s.presence.runs], np.float64).reshape(-1, 2),
        "run_counts": [len(s.presence.runs) for s in segments],
        "gallery": _pack_galleries([s.gallery for s in segments]),
        "recent": _pack_galleries([s.recent for s in segments]),
    }


def unpack(state: State) -> list[Segment]:
    """The segments that pack() was given."""
    galleries, recents = _unpack_galleries(state["gallery"]), _unpack_galleries(state["recent"])
    runs = np.split(state["runs"], np.cumsum(state["run_counts"], dtype=np.int64)[:-1])
    return [
        Segment(
            (state["camera"][row], state["track"][row]),
            state["since"][row],
            galleries[row],
            recents[row],
            state["recent_since"][row],
            Presence.of([(first, last) for first, last in runs[row].tolist()]),
            state["identity"][row],
            None if state["entry"][row] is None else _place(state["entry"][row], runs[row][0, 0]),
            None if state["exit"][row] is None else _place(state["exit"][row], runs[row][-1, 1]),
            state["confirmed"][row],
            state["resting"][row],
            state["ended_number"][row],
            state["due"][row],
            state["looked_at"][row],
            state["sought_weight"][row],
            tuple(state["could_be"][row]),
            state["walk_learnt"][row],
            {
                camera: Presence.of([(first, last) for first, last in view])
                for camera, view in state["views"][row].items()
            },
            [_place(place) for place in state["places"][row]],
        )
        for row in range(len(state["camera"]))
    ]


def _place(given: Sequence[float], t_seconds: float = 0.0) -> Place:
    """States of earlier versions know no covariance, and X and Y alone of a track's ends, which were at t_seconds."""
    t, x, y, xx, xy, yy = (*([t_seconds] if len(given) == 2 else []), *given, 0.0, 0.0, 0.0)[:6]
    return float(t), x, y, xx, xy, yy


def _pack_galleries(galleries: Sequence[Gallery]) -> State:
    described = [gallery.sums for gallery in galleries if gallery.weights]
    return {
        "sums": np.concatenate(described) if described else NOTHING,
        "weights": [weight for gallery in galleries for weight in gallery.weights],
        "bins": [len(gallery.weights) for gallery in galleries],
        "counts": [gallery.count for gallery in galleries],
    }


def _unpack_galleries(state: State) -> list[Gallery]:
    galleries, first = [], 0
    for bins, count in zip(state["bins"], state["counts"], strict=True):
        rows = slice(first, first + bins)
        galleries.append(Gallery.of(state["sums"][rows], state["weights"][rows], count))
        first += bins
    return galleries
