"""What people's decisions mean for one round of matching."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.crosscam.constraints import Constraint, ConstraintKind, Party


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
    decisions: Sequence[Constraint],
    start: NDArray[np.int64],
    rows_of: Callable[[Party], Collection[int]],
    identities_of: Callable[[Party], Collection[int]],
) -> Ruling:
    """The ruling over n nodes. Newer decisions are heard first; an older one that contradicts them is not heard.

    decisions: oldest first. start: (n,) label per node, as in Ruling, of what is one person anyway; nothing takes that
    apart.
    rows_of: the nodes that belong to a party. identities_of: the ids of its person, more than one after a split.
    An identity without any node takes part as a node of its own, for the sake of its name.
    """
    if not decisions:
        return Ruling(start)
    groups = _Groups(start)
    absent: dict[int, int] = {}
    apart: list[tuple[int, int]] = []
    links: list[tuple[list[int], list[int]]] = []
    sides: dict[Party, list[int]] = {}

    def side(party: Party) -> list[int]:
        """The nodes of a party, absent ones among them."""
        if party not in sides:
            rows = rows_of(party)
            missing = sorted(i for i in identities_of(party) if not rows_of(i))
            absent.update((i, groups.add()) for i in missing if i not in absent)
            sides[party] = [*rows, *(absent[identity_id] for identity_id in missing)]
        return sides[party]

    for decision in reversed(decisions):
        one, other = side(decision.one), side(decision.other)
        if not one or not other:
            continue
        if decision.kind is ConstraintKind.CANNOT_LINK:
            if not groups.roots(one) & groups.roots(other):
                pairs = [(a, b) for a in one for b in other]
                groups.part(pairs)
                apart += pairs
        elif not groups.would_join_who_are_apart(one + other):
            groups.join(one + other)
            named = [
                i for party in (decision.one, decision.other) if isinstance(party, int) for i in identities_of(party)
            ]
            links.append((one + other, named))
    return _ruling(len(start), groups, apart, links, absent)


class _Groups:
    """Disjoint sets of nodes (union-find), and which of them are to stay apart."""

    def __init__(self, start: NDArray[np.int64]) -> None:
        self._parent = list(range(len(start)))
        self._apart: dict[int, set[int]] = {}
        of_label: dict[int, list[int]] = {}
        for node, label in enumerate(start.tolist()):
            if label >= 0:
                of_label.setdefault(label, []).append(node)
        for nodes in of_label.values():
            self.join(nodes)

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
        kept = min(roots)
        for root in roots - {kept}:
            self._parent[root] = kept
            for other in self._apart.pop(root, ()):
                self._apart[other].discard(root)
                self.part([(kept, other)])

    def part(self, pairs: Iterable[tuple[int, int]]) -> None:
        """The groups of each pair's two nodes are to stay apart."""
        for a, b in pairs:
            one, other = self.root(a), self.root(b)
            self._apart.setdefault(one, set()).add(other)
            self._apart.setdefault(other, set()).add(one)

    def would_join_who_are_apart(self, nodes: Iterable[int]) -> bool:
        """Whether joining the nodes would bring two together that are to stay apart."""
        roots = self.roots(nodes)
        return any(not roots.isdisjoint(self._apart.get(root, ())) for root in roots)


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
