"""Which nodes are one person: agglomerative clustering under cannot-link."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def cluster(
    log_odds: Matrix,
    weights: Matrix,
    forbidden: Callable[[int, int], bool],
    start: NDArray[np.int64],
    near: NDArray[np.bool_] | None = None,
) -> list[list[int]]:
    """Clusters of nodes 0 .. n-1 that maximise, greedily, the mean log odds between what is joined.

    The pair of clusters with the highest mean log odds is joined first, as long as that is above 0 and no member of
    one is forbidden to be with a member of the other: a veto between two nodes holds through every chain of links.

    log_odds: (n, n) symmetric. weights: (n,) > 0, how much each node's opinion counts. forbidden: whether two nodes
    may never be together; asked only about nodes that would be joined. start: (n,) label per node; nodes with one
    label >= 0 begin joined (whatever the vetoes), -1 begins alone. near: (n, n) symmetric; two clusters are joined only
    if some node of one is near some node of the other; None: all are near.
    Returns lists of nodes in ascending order, ordered by their first node. Equal scores join in order of nodes.
    """
    groups = _initial_groups(start)
    n = len(groups)
    member = np.zeros((n, len(weights)))
    for row, group in enumerate(groups):
        member[row, group] = weights[group]
    mass = member.sum(axis=1)
    total = member @ log_odds @ member.T
    mean = np.where(np.tri(n, dtype=bool), -np.inf, total / np.outer(mass, mass))
    touching = None if near is None else (member > 0) @ near @ (member > 0).T
    while n:
        joinable = mean if touching is None else np.where(touching, mean, -np.inf)
        kept, joined = divmod(int(joinable.argmax()), n)
        if joinable[kept, joined] <= 0:
            break
        if any(forbidden(a, b) for a in groups[kept] for b in groups[joined]):
            mean[kept, joined] = -np.inf
            continue
        vetoed = np.isneginf(np.maximum(mean[[kept, joined]], mean[:, [kept, joined]].T)).any(axis=0)
        groups[kept] += groups[joined]
        groups[joined] = []
        total[kept] += total[joined]
        total[:, kept] += total[:, joined]
        mass[kept] += mass[joined]
        if touching is not None:
            touching[kept] |= touching[joined]
            touching[:, kept] |= touching[:, joined]
        mean[joined], mean[:, joined] = -np.inf, -np.inf
        fresh = np.where(vetoed, -np.inf, total[kept] / (mass[kept] * mass))
        mean[kept, kept + 1 :], mean[:kept, kept] = fresh[kept + 1 :], fresh[:kept]
    return sorted((sorted(group) for group in groups if group), key=lambda group: group[0])


def _initial_groups(start: NDArray[np.int64]) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for node, label in enumerate(start.tolist()):
        groups.setdefault(label if label >= 0 else -1 - node, []).append(node)
    return list(groups.values())
