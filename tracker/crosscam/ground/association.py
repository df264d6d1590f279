"""Which box of which camera belongs to which track on the ground.

Two questions in turn. First, camera by camera, which box stands where a track is, judged by all other cameras and the
track's prediction. Then, person by person, whose are the boxes that were found to be one person: what all of them look
like together tells people apart who cross, and tells somebody new from a track that nobody has seen for a while.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground.gaussian import Array, fuse, inverse, log_density, log_density_of
from tracker.crosscam.ground.rig import Boxes
from tracker.crosscam.ground.tracks import GroundTracks

SWEEPS = 4
IMPOSSIBLE = -50.0


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """boxes: (n, c) row of every camera's box per track, -1 without.

    position, covariance: (n, 2) and (n, 2, 2) of all boxes of a track together, meaningless for a track without.
    """

    boxes: NDArray[np.int64]
    position: Array
    covariance: Array

    @property
    def matched(self) -> NDArray[np.intp]:
        """The tracks with any box."""
        return np.flatnonzero((self.boxes >= 0).any(axis=1))


def assign(tracks: GroundTracks, boxes: Boxes, likeness: Array, config: GroundConfig) -> Assignment:
    """Hungarian per camera, swept over all cameras: ascent of the joint assignment, until nothing changes.

    In every sweep each camera's boxes are compared with where the prediction and the other cameras' boxes of the sweep
    before put the tracks. likeness: (n, m) log odds from appearance.
    """
    prior = inverse(tracks.covariance[:, :2, :2])
    prior_vector = (prior @ tracks.mean[:, :2, None])[..., 0]
    affinity = config.appearance_weight * likeness - np.log(config.clutter_per_square_metre)
    taken = np.full((len(tracks), len(boxes.starts) - 1), -1, np.int64)
    places = _apart(boxes.xy, boxes.covariance)
    for sweep in range(SWEEPS):
        if sweep == 0:
            terms = [term[:, None] for term in _apart(tracks.mean[:, :2], tracks.covariance[:, :2, :2])]
        else:
            information, vector = _terms(taken, boxes)
            mean, covariance = fuse(
                (prior + information.sum(axis=1))[:, None] - information,
                (prior_vector + vector.sum(axis=1))[:, None] - vector,
            )
            terms = [term.take(boxes.camera, axis=1) for term in _apart(mean, covariance)]
        x, y, a, b, d = terms
        density, squared = log_density_of(places[0] - x, places[1] - y, a + places[2], b + places[3], d + places[4])
        score = np.where((squared < config.gate) & boxes.known, affinity + density, IMPOSSIBLE)
        found = _one_to_one(score, boxes.starts)
        if (found == taken).all():
            break
        taken = found
    return _with_positions(taken, boxes)


def regroup(
    tracks: GroundTracks, boxes: Boxes, likeness: Array, found: Assignment, since: float, config: GroundConfig
) -> Assignment:
    """Give each group of boxes, whole, to the track it fits best, or to nobody: then it is somebody new.

    since: tracks seen at this instant or later are hardly replaced by somebody new.
    """
    groups = found.matched
    offset = found.position[groups] - tracks.mean[:, None, :2]
    density, squared = log_density(offset, tracks.covariance[:, None, :2, :2] + found.covariance[groups])
    member = np.zeros((len(boxes), len(groups)))
    group, camera = np.nonzero(found.boxes[groups] >= 0)
    member[found.boxes[groups[group], camera], group] = 1
    stays = config.stay_log_odds * (tracks.seen_seconds >= since)
    alike = config.group_appearance_weight * (likeness @ member)
    score = density - np.log(config.newcomer_per_square_metre) + alike + stays[:, None]
    score = np.where(squared < config.gate, np.maximum(score, 0), 0)
    row, column = _largest_sum(score)
    fits = score[row, column] > 0
    taken = np.full_like(found.boxes, -1)
    taken[row[fits]] = found.boxes[groups[column[fits]]]
    return _with_positions(taken, boxes)


def _apart(xy: Array, covariance: Array) -> list[Array]:
    """The terms of Gaussians (..., 2) and (..., 2, 2), each (...) in one piece: X, Y, and the variances XX, XY, YY."""
    terms = xy[..., 0], xy[..., 1], covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]
    return [np.ascontiguousarray(term) for term in terms]


def _one_to_one(score: Array, starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, c) boxes: the assignment of largest sum of every camera, of pairs with a score above 0."""
    taken = np.full((len(score), len(starts) - 1), -1, np.int64)
    gain = np.maximum(score, 0)
    for camera, (start, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        row, column = _largest_sum(gain[:, start:end])
        likely = gain[row, start + column] > 0
        taken[row[likely], camera] = start + column[likely]
    return taken


def _largest_sum(gain: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the one-to-one assignment of largest sum."""
    from scipy.optimize import linear_sum_assignment  # takes half a second to import: a run begins without it

    row, column = linear_sum_assignment(gain, maximize=True)
    return row, column


def _terms(taken: NDArray[np.int64], boxes: Boxes) -> tuple[Array, Array]:
    """What each track's box in each camera adds to a product of Gaussians: (n, c, 2, 2) and (n, c, 2)."""
    information, vector = np.zeros((*taken.shape, 2, 2)), np.zeros((*taken.shape, 2))
    there = taken >= 0
    information[there], vector[there] = boxes.information[taken[there]], boxes.vector[taken[there]]
    return information, vector


def _with_positions(taken: NDArray[np.int64], boxes: Boxes) -> Assignment:
    information, vector = (term.sum(axis=1) for term in _terms(taken, boxes))
    information[(taken < 0).all(axis=1)] = np.eye(2)
    return Assignment(taken, *fuse(information, vector))
