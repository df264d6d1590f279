"""Which nodes are one person: agglomerative clustering under cannot-link."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def cluster(
    log_odds: Matrix,
    weights: Matrix,
    forbidden: Callable[[int, int], object],
    start: NDArray[np.int64],
    near: NDArray[np.bool_] | None = None,
) -> list[list[int]]:
    """Clusters of nodes 0 .. n-1 that maximise, greedily, the mean log odds between what is joined.

    The pair of clusters with the highest mean log odds is joined first, as long as that is above 0 and no member of
    one is forbidden to be with a member of the other: a veto between two nodes holds through every chain of links.

    log_odds: (n, n) symmetric. weights: (n,) > 0, how much each node's opinion counts. forbidden: true where two
    nodes may never be together; asked only about nodes that would be joined. start: (n,) label per node; nodes with one
    label >= 0 begin joined (whatever the vetoes), -1 begins alone. near: (n, n) symmetric; two clusters are joined only
    if some node of one is near some node of the other; None: all are near.
    Returns lists of nodes in ascending order, ordered by their first node. Equal scores join in order of nodes.
    """
    clusters: list[list[int]] = []
    for nodes in _components(log_odds, start):
        if len(nodes) == 1:
            clusters.append(nodes)
            continue
        if len(nodes) == 2:
            a, b = nodes
            together = start[a] == start[b] >= 0 or (
                log_odds[a, b] > 0 and (near is None or near[a, b]) and not forbidden(a, b)
            )
            clusters += [[a, b]] if together else [[a], [b]]
            continue
        here = np.ix_(nodes, nodes)
        near_here = None if near is None else near[here]
        found = _cluster_component(log_odds[here], weights[nodes], _renamed(forbidden, nodes), start[nodes], near_here)
        clusters += [[nodes[row] for row in group] for group in found]
    return sorted(clusters, key=lambda group: group[0])


def _renamed(forbidden: Callable[[int, int], object], nodes: Sequence[int]) -> Callable[[int, int], object]:
    return lambda a, b: forbidden(nodes[a], nodes[b])


def _components(log_odds: Matrix, start: NDArray[np.int64]) -> Iterable[list[int]]:
    """Nodes that a chain of positive log odds or equal labels joins; no cluster reaches beyond."""
    n = len(start)
    links = log_odds > 0
    links[np.diag_indices(n)] = True
    labelled = np.flatnonzero(start >= 0)
    order = labelled[np.argsort(start[labelled], kind="stable")]
    same = start[order[1:]] == start[order[:-1]]
    links[order[1:][same], order[:-1][same]] = links[order[:-1][same], order[1:][same]] = True
    first, known = None, np.arange(n)
    while first is None or (known != first).any():
        # every node learns the first node that any of its neighbours knows of, till nobody learns anything new
        first, known = known, np.where(links, known, n).min(axis=1, initial=n)
    found: dict[int, list[int]] = {}
    for node, name in enumerate(known.tolist()):
        found.setdefault(name, []).append(node)
    return found.values()


def _cluster_component(
    log_odds: Matrix,
    weights: Matrix,
    forbidden: Callable[[int, int], object],
    start: NDArray[np.int64],
    near: NDArray[np.bool_] | None,
) -> list[list[int]]:
    """As cluster(), in no particular order."""
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
    return [sorted(group) for group in groups if group]


def _initial_groups(start: NDArray[np.int64]) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for node, label in enumerate(start.tolist()):
        groups.setdefault(label if label >= 0 else -1 - node, []).append(node)
    return list(groups.values())
