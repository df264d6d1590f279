"""Which nodes are one person: agglomerative clustering under cannot-link."""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def cluster(
    log_odds: Matrix, weights: Matrix, forbidden: NDArray[np.bool_], start: NDArray[np.int64]
) -> list[list[int]]:
    """Clusters of nodes 0 .. n-1 that maximise, greedily, the mean log odds between what is joined.

    The pair of clusters with the highest mean log odds is joined first, as long as that is above 0 and no member of
    one is forbidden to be with a member of the other: a veto between two nodes holds through every chain of links.

    log_odds: (n, n) symmetric. weights: (n,) > 0, how much each node's opinion counts. forbidden: (n, n) symmetric.
    start: (n,) label per node; nodes with one label >= 0 begin joined (whatever the vetoes), -1 begins alone.
    Returns lists of nodes in ascending order, ordered by their first node. Equal scores join in order of nodes.
    """
    groups = _initial_groups(start)
    n = len(groups)
    member = np.zeros((n, len(weights)))
    for row, group in enumerate(groups):
        member[row, group] = weights[group]
    mass = member.sum(axis=1)
    total = member @ log_odds @ member.T
    veto = ((member > 0).astype(np.float64) @ forbidden.astype(np.float64) @ (member > 0).astype(np.float64).T) > 0
    blocked = veto | np.tri(n, dtype=bool)
    while n:
        mean = np.where(blocked, -np.inf, total / np.outer(mass, mass))
        kept, joined = divmod(int(mean.argmax()), n)
        if mean[kept, joined] <= 0:
            break
        total[kept] += total[joined]
        total[:, kept] += total[:, joined]
        mass[kept] += mass[joined]
        veto[kept] |= veto[joined]
        veto[:, kept] = veto[kept]
        groups[kept] += groups[joined]
        groups[joined] = []
        veto[joined] = veto[:, joined] = True
        blocked = veto | np.tri(n, dtype=bool)
    return sorted((sorted(group) for group in groups if group), key=lambda group: group[0])


def _initial_groups(start: NDArray[np.int64]) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for node, label in enumerate(start.tolist()):
        groups.setdefault(label if label >= 0 else -1 - node, []).append(node)
    return list(groups.values())
