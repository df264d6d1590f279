"""How alike sure pairs looked in the latest rounds: among very many people one round alone sees too few of them."""

from collections import deque

import numpy as np

from tracker.crosscam.calibration import Populations, SureCosines
from tracker.crosscam.state import State

MOST_PAIRS = 2000
"""Pairs of either kind that are remembered."""


class SurePairs:
    """The latest cosines of pairs of one person, and of two people whom one camera saw at one instant."""

    def __init__(self) -> None:
        self._same: deque[float] = deque(maxlen=MOST_PAIRS)
        self._different: deque[float] = deque(maxlen=MOST_PAIRS)
        self._generation = 0

    def learn(self, populations: Populations, generation: int) -> SureCosines:
        """What the latest rounds say together, this one included.

        generation: how many times the way in which looks are seen has changed; cosines of another one say nothing.
        """
        if generation != self._generation:
            self._same.clear()
            self._different.clear()
            self._generation = generation
        self._same.extend(populations.same.tolist())
        self._different.extend(populations.different.tolist())
        return SureCosines.of(np.array(self._same, np.float32), np.array(self._different, np.float32))

    def state(self) -> State:
        """Plain data for restore()."""
        return {"same": list(self._same), "different": list(self._different), "generation": self._generation}

    def restore(self, state: State) -> None:
        """Go on from what another one had learnt."""
        self._same.extend(state["same"])
        self._different.extend(state["different"])
        self._generation = state["generation"]
