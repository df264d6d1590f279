"""Does a track still hold the person it began with? Compares its latest stretch with everything before."""

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from tracker.crosscam.appearances import Appearances
from tracker.crosscam.calibration import SureCosines
from tracker.crosscam.features import rows_of

MEMORY = 500
FALSE_MATCH_RATE = 0.01
NOTHING = np.zeros(0, np.float32)


class SplitCheck:
    """Learns how alike short stretches look to their own track and to the other tracks in view, and judges by that."""

    def __init__(self, log_odds: float) -> None:
        self._log_odds = log_odds
        self._same: deque[float] = deque(maxlen=MEMORY)
        self._different: deque[float] = deque(maxlen=MEMORY)

    def state(self) -> dict[str, list[float]]:
        """What was learnt, as plain data."""
        return {"same": list(self._same), "different": list(self._different)}

    def restore(self, state: Mapping[str, Sequence[float]]) -> None:
        """Go on from what another one had learnt."""
        self._same.extend(state["same"])
        self._different.extend(state["different"])

    def changed(self, seen: Appearances, rows: Sequence[int]) -> list[int]:
        """Those of `rows` (segments with a recent stretch) whose recent looks speak for somebody else."""
        if not rows:
            return []
        recent = [mean for row in rows if (mean := seen.segments[row].recent.mean()) is not None]
        cosines = seen.beyond_tint(rows_of(recent, seen.features.shape[1]), rows) @ seen.features.T
        own = cosines[np.arange(len(rows)), rows]
        settled = np.array([seen.segments[row].gallery.weight > 0 for row in rows])
        same, different = (np.array(values, np.float32) for values in (self._same, self._different))
        calibration = SureCosines.of(same, different).calibration(NOTHING, FALSE_MATCH_RATE)
        leaves = settled & (calibration.log_odds(own) < self._log_odds)
        self._same.extend(own[settled & ~leaves].tolist())
        self._different.extend(cosines[seen.rivals[rows]].tolist())
        return [row for row, left in zip(rows, leaves, strict=True) if left]
