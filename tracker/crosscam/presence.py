"""Cannot-link: one person is in one place, so two tracks seen at one instant by one camera are two people."""

import math
from collections.abc import Sequence
from typing import Self


class Presence:
    """The instants at which one track was seen by its camera, as runs of consecutive steps.

    A run ends when the track misses a step of its camera. Above `capacity` runs the two oldest are joined across
    their gap: memory stays bounded, and the constraint can only become stricter.
    """

    def __init__(self, capacity: int = 64) -> None:
        self._capacity = capacity
        self._runs: list[tuple[float, float]] = []
        self._seconds: float | None = None

    @classmethod
    def of(cls, runs: Sequence[tuple[float, float]]) -> Self:
        """A presence with these runs."""
        made = cls()
        made._runs = list(runs)
        return made

    @property
    def runs(self) -> list[tuple[float, float]]:
        """Closed intervals (first, last) in seconds, in order of time, disjoint."""
        return self._runs

    @property
    def first_seconds(self) -> float:
        return self._runs[0][0]

    @property
    def last_seconds(self) -> float:
        return self._runs[-1][1]

    @property
    def seconds(self) -> float:
        """Total length of the runs."""
        if self._seconds is None:
            self._seconds = sum([last - first for first, last in self._runs])
        return self._seconds

    def see(self, t_seconds: float, follows_seconds: float | None) -> None:
        """Seen at t_seconds. follows_seconds: the previous step of the camera, None at its first."""
        self._seconds = None
        if self._runs and follows_seconds is not None and self.last_seconds >= follows_seconds:
            self._runs[-1] = (self._runs[-1][0], t_seconds)
        else:
            self._runs.append((t_seconds, t_seconds))
            self._bound()

    def split_off(self, t_seconds: float) -> "Presence":
        """Cut at t_seconds: the instants from there on leave this presence and are returned as a new one."""
        tail = Presence(self._capacity)
        tail._runs = [(max(first, t_seconds), last) for first, last in self._runs if last >= t_seconds]
        just_before = math.nextafter(t_seconds, -math.inf)
        self._runs = [(first, min(last, just_before)) for first, last in self._runs if first < t_seconds]
        self._seconds = None
        return tail

    def absorb(self, other: "Presence") -> None:
        """Take over the instants of another presence in the same camera."""
        joined: list[tuple[float, float]] = []
        for first, last in sorted(self._runs + other.runs):
            if joined and first <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
            else:
                joined.append((first, last))
        self._runs, self._seconds = joined, None
        self._bound()

    def meets(self, other: "Presence") -> bool:
        """Whether some instant belongs to both."""
        mine, theirs = self._runs, other.runs
        if not mine or not theirs or mine[-1][1] < theirs[0][0] or theirs[-1][1] < mine[0][0]:
            return False
        if mine[-1][0] <= theirs[-1][1] and theirs[-1][0] <= mine[-1][1]:
            return True  # as nearly always: both are seen now
        i = j = 0
        while i < len(mine) and j < len(theirs):
            if mine[i][1] < theirs[j][0]:
                i += 1
            elif theirs[j][1] < mine[i][0]:
                j += 1
            else:
                return True
        return False

    def _bound(self) -> None:
        while len(self._runs) > self._capacity:
            self._runs[:2] = [(self._runs[0][0], self._runs[1][1])]
