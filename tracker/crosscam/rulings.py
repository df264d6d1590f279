"""What people's decisions mean for one round of matching."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.crosscam.constraints import ConstraintKind, Constraints, Party


@dataclass(frozen=True, slots=True, eq=False)
class Ruling:
    """start: (n,) label per node: nodes with one label >= 0 are one person, of -1 nothing is known.
    apart: pairs of nodes, both ways round, that are two people. names: (node, identity) that its person must keep.
    linked: nodes that people linked to something.
    """

    start: NDArray[np.int64]
    apart: frozenset[tuple[int, int]] = frozenset()
    names: tuple[tuple[int, int], ...] = ()
    linked: frozenset[int] = frozenset()


def rule(
    constraints: Constraints,
    start: NDArray[np.int64],
    rows_of: Callable[[Party], Collection[int]],
    identities_of: Callable[[Party], Collection[int]],
) -> Ruling:
    """The ruling over n nodes. Newer decisions are heard first; an older one that contradicts them is not heard.

    start: (n,) label per node, as in Ruling, of what is one person anyway; nothing takes that apart.
    rows_of: the nodes that belong to a party. identities_of: the ids of its person, more than one after a split.
    An identity without any node takes part as a node of its own, for the sake of its name.
    """
    if not len(constraints):
        return Ruling(start)
    groups = _Groups(start)
    absent: dict[int, int] = {}
    apart: list[tuple[int, int]] = []
    links: list[tuple[list[int], list[int]]] = []
    for decision in reversed(list(constraints)):
        sides = []
        for party in (decision.one, decision.other):
            missing = sorted(i for i in identities_of(party) if not rows_of(i))
            for identity_id in missing:
                if identity_id not in absent:
                    absent[identity_id] = groups.add()
            sides.append([*rows_of(party), *(absent[identity_id] for identity_id in missing)])
        one, other = sides
        if not one or not other:
            continue
        if decision.kind is ConstraintKind.CANNOT_LINK:
            if not groups.roots(one) & groups.roots(other):
                apart += [(a, b) for a in one for b in other]
        elif not groups.would_join(one + other, apart):
            groups.join(one + other)
            named = [
                i for party in (decision.one, decision.other) if isinstance(party, int) for i in identities_of(party)
            ]
            links.append((one + other, named))
    return _ruling(len(start), groups, apart, links, absent)


class _Groups:
    """Disjoint sets of nodes (union-find)."""

    def __init__(self, start: NDArray[np.int64]) -> None:
        self._parent = list(range(len(start)))
        for label in np.unique(start[start >= 0]):
            self.join(np.flatnonzero(start == label).tolist())

    def add(self) -> int:
        self._parent.append(len(self._parent))
        return len(self._parent) - 1

    def root(self, node: int) -> int:
        while self._parent[node] != node:
            node = self._parent[node]
        return node

    def roots(self, nodes: Iterable[int]) -> set[int]:
        return {self.root(node) for node in nodes}

    def join(self, nodes: Iterable[int]) -> None:
        roots = self.roots(nodes)
        for root in roots:
            self._parent[root] = min(roots)

    def would_join(self, nodes: Iterable[int], apart: Iterable[tuple[int, int]]) -> bool:
        """Whether joining the nodes would bring two together that are to stay apart."""
        roots = self.roots(nodes)
        return any({self.root(a), self.root(b)} <= roots for a, b in apart)


def _ruling(
    n: int,
    groups: _Groups,
    apart: list[tuple[int, int]],
    links: list[tuple[list[int], list[int]]],
    absent: dict[int, int],
) -> Ruling:
    """The groups as they are after all decisions, in terms of the n real nodes."""
    roots = np.array([groups.root(node) for node in range(n)], np.int64)
    real: dict[int, list[int]] = {}
    for row, root in enumerate(roots.tolist()):
        real.setdefault(root, []).append(row)

    def rows(node: int) -> list[int]:
        """The node itself; of an absent identity those that people linked to it."""
        return [node] if node < n else real.get(groups.root(node), [])

    linked = {groups.root(node) for nodes, _ in links for node in nodes}
    names = {(groups.root(nodes[0]), name) for nodes, named in links for name in named}
    names |= {(groups.root(node), identity_id) for identity_id, node in absent.items()}
    shared = np.bincount(roots, minlength=n) > 1 if n else np.zeros(0, bool)
    return Ruling(
        np.where(shared[roots], roots, -1),
        frozenset(
            pair for a, b in apart for one in rows(a) for other in rows(b) for pair in ((one, other), (other, one))
        ),
        tuple((real[root][0], name) for root, name in sorted(names) if root in real),
        frozenset(row for row, root in enumerate(roots.tolist()) if root in linked),
    )
