"""Does a track still hold the person it began with? Compares its latest stretch with everything before."""

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from tracker.crosscam.calibration import SureCosines
from tracker.crosscam.comparison import Comparison, beyond_tint
from tracker.crosscam.segments import Segment

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

    def changed(self, segments: Sequence[Segment], rows: Sequence[int], comparison: Comparison) -> list[int]:
        """Those of `rows` (segments with a recent stretch) whose recent looks speak for somebody else."""
        if not rows:
            return []
        recent = np.stack([mean for row in rows if (mean := segments[row].recent.mean()) is not None])
        means = np.stack([comparison.means[segments[row].camera_id] for row in rows])
        cosines = beyond_tint(recent, means, comparison.tints) @ comparison.features.T
        own = cosines[np.arange(len(rows)), rows]
        settled = np.array([segments[row].gallery.weight > 0 for row in rows])
        same, different = (np.array(values, np.float32) for values in (self._same, self._different))
        calibration = SureCosines.of(same, different).calibration(NOTHING, FALSE_MATCH_RATE)
        leaves = settled & (calibration.log_odds(own) < self._log_odds)
        self._same.extend(own[settled & ~leaves].tolist())
        self._different.extend(cosines[comparison.rivals[rows]].tolist())
        return [row for row, left in zip(rows, leaves, strict=True) if left]
