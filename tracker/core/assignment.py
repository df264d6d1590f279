"""One-to-one assignment of tracks to detections."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """tracks[k] was given detections[k]; both (k,) their numbers."""

    tracks: Indices
    detections: Indices

    def __len__(self) -> int:
        return len(self.tracks)


def assign(tracks: Indices, detections: Indices, costs: NDArray[np.floating], limit: float) -> Matches:
    """Cheapest assignment among k possible pairs, tracks (k,) and detections (k,) at costs (k,), where leaving a pair
    apart costs limit. Matches are in the order of the tracks' numbers.

    So no pair at or above limit is matched, and among the rest the sum of (limit - cost) is the largest. A pair that
    has no rival is matched outright; only contested pairs go to the Hungarian algorithm, which keeps crowded scenes
    affordable and changes nothing in the result.
    """
    gain = limit - costs
    useful = (gain > 0).nonzero()[0]
    tracks, detections = tracks[useful], detections[useful]
    if len(set(tracks.tolist())) == len(set(detections.tolist())) == len(useful):
        return Matches(tracks, detections)
    from scipy.optimize import linear_sum_assignment  # takes half a second to import: a run begins without it

    alone = (np.bincount(tracks)[tracks] == 1) & (np.bincount(detections)[detections] == 1)
    rivals, wanted = tracks[~alone], detections[~alone]
    rows, columns = _different(rivals), _different(wanted)
    block = np.zeros((len(rows), len(columns)))
    block[rows.searchsorted(rivals), columns.searchsorted(wanted)] = gain[useful[~alone]]
    block_rows, block_columns = linear_sum_assignment(block, maximize=True)
    paid = block[block_rows, block_columns] > 0
    tracks = np.concatenate([tracks[alone], rows[block_rows[paid]]])
    detections = np.concatenate([detections[alone], columns[block_columns[paid]]])
    order = tracks.argsort()
    return Matches(tracks[order], detections[order])


def _different(numbers: Indices) -> Indices:
    """The different numbers among these, ascending."""
    return np.bincount(numbers).nonzero()[0]
