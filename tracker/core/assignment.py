"""One-to-one assignment of tracks to detections."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

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
    open_pairs = gain > 0
    per_row, per_column = open_pairs.sum(axis=1), open_pairs.sum(axis=0)
    rows, columns = np.nonzero(open_pairs)
    alone = (per_row[rows] == 1) & (per_column[columns] == 1)
    if alone.all():
        return Matches(rows, columns)
    contested_rows, contested_columns = np.unique(rows[~alone]), np.unique(columns[~alone])
    block = np.maximum(gain[contested_rows[:, None], contested_columns], 0)
    block_rows, block_columns = linear_sum_assignment(block, maximize=True)
    useful = block[block_rows, block_columns] > 0
    rows = np.concatenate([rows[alone], contested_rows[block_rows[useful]]])
    columns = np.concatenate([columns[alone], contested_columns[block_columns[useful]]])
    order = np.argsort(rows)
    return Matches(rows[order], columns[order])
