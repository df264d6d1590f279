"""Are two tracks one person? Where both stood at the same instants tells, if their cameras are calibrated."""

import math
import statistics
from collections.abc import Sequence

import numpy as np

from tracker.crosscam.calibration import LIMIT, LogOdds
from tracker.crosscam.ground.gaussian import log_density_of
from tracker.crosscam.segments import Segment

ON_GROUND = "ground"
"""Name of the part of a score, and rule of a link, that says where people stood."""
SAME_TRACK = "same-track"
"""Rule of events by which two tracks on the ground are found to be one person's."""
AT_ONCE_SECONDS = 0.25
LEAST_INSTANTS = 3
NOISE_METRES = 0.17
"""Standard deviation, in each direction, of how far two cameras put one person apart beside what the pictures tell of
either place: base_noise_metres of GroundConfig, twice."""
DRIFT = 0.5
"""What a person's step between the two pictures adds to it, in m/s. Found on PETS frames 1-400, as that noise was
confirmed there: with pictures .3 s apart this makes true pairs likeliest."""
CROWD_PER_SQUARE_METRE = 0.1


def standing_log_odds(segments: Sequence[Segment]) -> LogOdds | None:
    """(n, n), symmetric: median log-likelihood ratio of the distances at the instants that two tracks share: one person
    seen twice, a normal distribution in two dimensions as wide as both places are uncertain, over anybody in a crowd.
    0 where too few are shared; None where nothing is known. Tracks of one camera are not judged: these cannot share an
    instant.
    """
    placed = [row for row, segment in enumerate(segments) if len(segment.places) >= LEAST_INSTANTS]
    if len({segments[row].camera_id for row in placed}) < 2:
        return None
    odds = np.zeros((len(segments), len(segments)))
    places = [np.array(segments[row].places) for row in placed]
    camera = np.unique([segments[row].camera_id for row in placed], return_inverse=True)[1]
    first, last = (np.array([place[end, 0] for place in places]) for end in (0, -1))
    begins, ends = np.maximum(first[:, None], first), np.minimum(last[:, None], last)
    judged = np.triu((camera[:, None] != camera) & (begins <= ends + AT_ONCE_SECONDS))
    for one, other in np.argwhere(judged).tolist():
        a, b = placed[one], placed[other]
        odds[a, b] = odds[b, a] = pair_log_odds(places[one], places[other])
    return odds if odds.any() else None


def pair_log_odds(one: LogOdds, other: LogOdds) -> float:
    """The same of two tracks. one, other: (m, 6) seconds and Place in order of time."""
    if min(len(one), len(other)) < LEAST_INSTANTS:
        return 0.0
    after = np.searchsorted(other[:, 0], one[:, 0]).clip(1, len(other) - 1)
    nearest = after - (one[:, 0] - other[after - 1, 0] <= other[after, 0] - one[:, 0])
    shared = np.abs(one[:, 0] - other[nearest, 0]) <= AT_ONCE_SECONDS
    if shared.sum() < LEAST_INSTANTS:
        return 0.0
    mine, its = one[shared], other[nearest[shared]]
    seconds, x, y, *_ = (mine - its).T
    _, _, _, xx, xy, yy = (mine + its).T
    variance = NOISE_METRES**2 + (DRIFT * seconds) ** 2
    density, _ = log_density_of(x, y, xx + variance, xy, yy + variance)
    ratio: float = statistics.median(density.tolist()) - math.log(CROWD_PER_SQUARE_METRE)
    return min(max(ratio, -LIMIT), LIMIT)
