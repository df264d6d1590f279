"""The book of global identities: ids that are never used twice, redirects that hold for ever."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from tracker.crosscam.state import State


class IdentityBook:
    """Remembers which identities count, and follows redirects.

    issue: gives an id that nobody else uses or used; None: 1, 2, 3 ...
    """

    def __init__(self, issue: Callable[[], int] | None = None) -> None:
        self._issue = issue
        self._highest = 0
        self._redirect: dict[int, int] = {}  # oldest first
        self._merged: dict[int, dict[int, None]] = {}
        """The same the other way round: whom each took in."""
        self._confirmed: set[int] = set()

    def issue(self) -> int:
        """A new identity id."""
        issued = self._highest + 1 if self._issue is None else self._issue()
        self._highest = max(self._highest, issued)
        return issued

    def is_confirmed(self, identity_id: int) -> bool:
        return identity_id in self._confirmed

    def confirm(self, identity_id: int) -> None:
        """The identity counts from now on."""
        self._confirmed.add(identity_id)

    def merge(self, gone: int, survivor: int) -> None:
        """From now on `gone` means `survivor`."""
        self._unlink(gone)
        self._redirect[gone] = survivor
        self._merged.setdefault(survivor, {})[gone] = None
        if gone in self._confirmed:
            self._confirmed.add(survivor)

    def part(self, one: int, other: int) -> int | None:
        """Take back the merge that made two ids one; returns which id stands for itself again, None if they are two."""
        ways = [list(self._way(identity_id)) for identity_id in (one, other)]
        if ways[0][-1] != ways[1][-1]:
            return None
        between = set(ways[0]) ^ set(ways[1])  # up to where the ways meet
        latest = [gone for gone in self._redirect if gone in between]
        if not latest:
            return None
        self._unlink(latest[-1])
        return latest[-1]

    def keep(self, identities: Iterable[int]) -> None:
        """Forget all that is not needed to say who these ids are today."""
        used = {step for identity_id in identities for step in self._way(identity_id)}
        self._set({gone: survivor for gone, survivor in self._redirect.items() if gone in used})
        self._confirmed &= used

    def __len__(self) -> int:
        """How many facts are remembered."""
        return len(self._redirect) + len(self._confirmed)

    def state(self) -> State:
        """Plain data for restore()."""
        redirect = [list(pair) for pair in self._redirect.items()]
        return {"redirect": redirect, "confirmed": sorted(self._confirmed), "highest": self._highest}

    def restore(self, state: State) -> None:
        self._set(dict(state["redirect"]))
        self._confirmed, self._highest = set(state["confirmed"]), state["highest"]

    def resolve(self, identity_id: int) -> int:
        """The identity that an id stands for today."""
        while identity_id in self._redirect:
            identity_id = self._redirect[identity_id]
        return identity_id

    def family(self, identity_id: int) -> list[int]:
        """An identity and all that were merged into it, at once or one after the other."""
        found = [identity_id]
        for one in found:
            found += self._merged.get(one, ())
        return found

    def _set(self, redirect: dict[int, int]) -> None:
        self._redirect, self._merged = redirect, {}
        for gone, survivor in redirect.items():
            self._merged.setdefault(survivor, {})[gone] = None

    def _unlink(self, gone: int) -> None:
        survivor = self._redirect.pop(gone, None)
        if survivor is not None:
            del self._merged[survivor][gone]

    def _way(self, identity_id: int) -> Iterator[int]:
        """An id and all that it was merged into, one after the other."""
        yield identity_id
        while identity_id in self._redirect:
            identity_id = self._redirect[identity_id]
            yield identity_id


def name_clusters(holdings: Sequence[dict[int, float]]) -> list[int | None]:
    """Which identity each cluster keeps.

    holdings: per cluster, how much of each known identity it holds (any unit). Every identity goes to one cluster at
    most and every cluster keeps one identity at most; the largest holding is served first, equal ones in order of
    identity, then of cluster. None: the cluster needs a new identity.
    """
    claims = sorted(
        (-amount, identity_id, number) for number, held in enumerate(holdings) for identity_id, amount in held.items()
    )
    names: list[int | None] = [None] * len(holdings)
    taken: set[int] = set()
    for _, identity_id, number in claims:
        if names[number] is None and identity_id not in taken:
            names[number] = identity_id
            taken.add(identity_id)
    return names


def absorbed_identities(holdings: Sequence[dict[int, float]], names: Sequence[int]) -> list[tuple[int, int]]:
    """(gone, survivor) of the identities that no cluster kept: each goes to the cluster that holds most of it."""
    best: dict[int, tuple[float, int]] = {}
    kept = set(names)
    for held, name in zip(holdings, names, strict=True):
        for identity_id in held.keys() - kept:
            best[identity_id] = max(best.get(identity_id, (-1.0, 0)), (held[identity_id], -name))
    return [(gone, -negative) for gone, (_, negative) in sorted(best.items())]
