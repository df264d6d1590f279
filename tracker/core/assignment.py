"""One-to-one assignment of tracks to detections."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """tracks[k] was given detections[k]; both (k,) indices into the rows and columns of the cost matrix."""

    tracks: Indices
    detections: Indices

    def __len__(self) -> int:
        return len(self.tracks)


def assign(costs: NDArray[np.floating], limit: float) -> Matches:
    """Cheapest assignment of rows to columns of costs (n, m), where leaving a pair apart costs limit.

    So no pair at or above limit is matched, and among the rest the sum of (limit - cost) is the largest. A pair that
    has no rival in its row and column is matched outright; only contested pairs go to the Hungarian algorithm, which
    keeps crowded scenes affordable and changes nothing in the result.
    """
    gain = limit - costs
    rows, columns = (gain > 0).nonzero()
    if len(set(rows.tolist())) == len(set(columns.tolist())) == len(rows):
        return Matches(rows, columns)
    alone = (np.bincount(rows)[rows] == 1) & (np.bincount(columns)[columns] == 1)
    from scipy.optimize import linear_sum_assignment  # takes half a second to import: a run begins without it

    contested_rows, contested_columns = _members(rows[~alone]), _members(columns[~alone])
    block = np.maximum(gain[contested_rows[:, None], contested_columns], 0)
    block_rows, block_columns = linear_sum_assignment(block, maximize=True)
    useful = block[block_rows, block_columns] > 0
    rows = np.concatenate([rows[alone], contested_rows[block_rows[useful]]])
    columns = np.concatenate([columns[alone], contested_columns[block_columns[useful]]])
    order = rows.argsort()
    return Matches(rows[order], columns[order])


def _members(numbers: Indices) -> Indices:
    """The different numbers among these, ascending."""
    return np.bincount(numbers).nonzero()[0]
