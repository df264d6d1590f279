"""How two opinions about the people in the same sightings differ."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

Person = int | None
"""Who a sighting belongs to; None: to nobody known."""


class DifferenceKind(StrEnum):
    """MERGED: somebody is gone, and most of their time went to this one. SPLIT: somebody is new, and most of their time
    comes from that one. FOUND: belonged to nobody before. MOVED: whatever else changed hands.
    """

    MERGED = "merged"
    SPLIT = "split"
    FOUND = "found"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Difference:
    """So many sightings, of so many seconds altogether, go from one person to another."""

    kind: DifferenceKind
    before: Person
    after: Person
    sightings: int
    seconds: float


def differences(before: Sequence[Person], after: Sequence[Person], seconds: Sequence[float]) -> list[Difference]:
    """What turns one opinion about n sightings into the other, the longest first. seconds: (n,) of each sighting."""
    counts: Counter[tuple[Person, Person]] = Counter()
    spans: dict[tuple[Person, Person], float] = {}
    for one, other, span in zip(before, after, seconds, strict=True):
        if one != other:
            counts[one, other] += 1
            spans[one, other] = spans.get((one, other), 0.0) + span
    gone, fresh = set(before) - set(after), set(after) - set(before)
    longest_first = sorted(counts, key=lambda way: (-spans[way], str(way)))
    found = []
    for one, other in longest_first:
        if one is None:
            kind = DifferenceKind.FOUND
        elif one in gone:
            kind = DifferenceKind.MERGED
            gone.discard(one)
            fresh.discard(other)
        elif other in fresh:
            kind = DifferenceKind.SPLIT
            fresh.discard(other)
        else:
            kind = DifferenceKind.MOVED
        found.append(Difference(kind, one, other, counts[one, other], spans[one, other]))
    return found


def people_in(opinion: Sequence[Person]) -> int:
    """Number of different people."""
    return len(set(opinion) - {None})


def agreement(one: Sequence[Person], other: Sequence[Person]) -> float:
    """Pairs of sightings that both take for one person, over the mean number of pairs that each does (the F1 of pairs);
    1 where neither links anything.
    """
    together = _pairs(Counter(pair for pair in zip(one, other, strict=True) if None not in pair))
    separate = _pairs(Counter(one)) + _pairs(Counter(other))
    return 2 * together / separate if separate else 1.0


def _pairs(counts: Counter[Person] | Counter[tuple[Person, Person]]) -> int:
    return sum(count * (count - 1) // 2 for key, count in counts.items() if key is not None)
