"""When a track counts as a person, and when it is over. All times in seconds, whatever the frame rate."""

import numpy as np
from numpy.typing import NDArray

from tracker.core.durations import as_long, longer
from tracker.core.settings import TrackerConfig
from tracker.core.track import Tracks


def counts(hits: NDArray[np.int64], ages_seconds: NDArray[np.float64], config: TrackerConfig) -> NDArray[np.bool_]:
    """(k,) whether tracks observed so often (k,) over so long (k,) count as people."""
    return np.asarray((hits >= config.confirm_hits) & as_long(ages_seconds, config.confirm_seconds))


def over_for_good(tracks: Tracks, t_seconds: float, config: TrackerConfig) -> NDArray[np.bool_]:
    """(n,) tracks that nobody has seen for too long: those whose look is known are waited for the longest."""
    patience = np.where(tracks.known, config.memory_seconds, config.lost_seconds)
    patience[~tracks.confirmed] = config.tentative_seconds
    return longer(t_seconds - tracks.seen, patience)
