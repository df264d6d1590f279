"""Which box of which camera belongs to which track on the ground, and which boxes begin new tracks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tracker.core.types import FloatArray
from tracker.crosscam.clustering import cluster
from tracker.crosscam.ground.appearance import AppearanceScale
from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground.gaussian import Array, fuse, inverse, log_density
from tracker.crosscam.ground.tracks import GroundTracks
from tracker.crosscam.ground_plane import GroundPoints

SWEEPS = 3
IMPOSSIBLE = -50.0


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What one camera adds to a step: m boxes on the ground, and their appearance (m, d) without the camera's tint."""

    points: GroundPoints
    looks: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """boxes: (n, c) row of every camera's boxes per track, -1 without.

    position, covariance: (n, 2) and (n, 2, 2) of all boxes of a track together, meaningless for a track without.
    """

    boxes: NDArray[np.int64]
    position: Array
    covariance: Array


def assign(tracks: GroundTracks, views: Sequence[View], affinity: Sequence[Array], config: GroundConfig) -> Assignment:
    """Hungarian per camera, swept over the cameras: coordinate ascent of the joint assignment.

    Each camera's boxes are compared with where the prediction and all other cameras together put the tracks, until
    nothing changes.

    affinity: per camera (n, m) log odds from appearance.
    """
    n, cameras = len(tracks), len(views)
    boxes = np.full((n, cameras), -1, np.int64)
    information, vector = np.zeros((n, cameras, 2, 2)), np.zeros((n, cameras, 2))
    total = inverse(tracks.covariance[:, :2, :2])
    total_vector = (total @ tracks.mean[:, :2, None])[..., 0]
    spots = [_Spots.of(view.points) for view in views]
    for _ in range(SWEEPS):
        before = boxes.copy()
        for camera, here in enumerate(spots):
            total, total_vector = total - information[:, camera], total_vector - vector[:, camera]
            information[:, camera], vector[:, camera] = 0, 0
            mean, covariance = fuse(total, total_vector)
            score = affinity[camera] + _position_log_odds(mean, covariance, here, config)
            row, column = linear_sum_assignment(np.maximum(score, 0), maximize=True)
            likely = score[row, column] > 0
            row, column = row[likely], column[likely]
            boxes[:, camera] = -1
            boxes[row, camera] = column
            information[row, camera], vector[row, camera] = here.information[column], here.vector[column]
            total, total_vector = total + information[:, camera], total_vector + vector[:, camera]
        if (boxes == before).all():
            break
    total = information.sum(axis=1)
    total[(boxes < 0).all(axis=1)] = np.eye(2)
    return Assignment(boxes, *fuse(total, vector.sum(axis=1)))


@dataclass(frozen=True, slots=True, eq=False)
class _Spots:
    """The boxes of one camera as terms of a product of Gaussians. xy, spread: of unknown ones 0 and the unit matrix."""

    known: NDArray[np.bool_]
    xy: Array
    spread: Array
    information: Array
    vector: Array

    @classmethod
    def of(cls, points: GroundPoints) -> Self:
        known = points.known
        xy = np.where(known[:, None], points.xy, 0)
        spread = np.where(known[:, None, None], points.covariance, np.eye(2))
        information = inverse(spread)
        return cls(known, xy, spread, information, (information @ xy[..., None])[..., 0])


def _position_log_odds(mean: Array, covariance: Array, spots: _Spots, config: GroundConfig) -> Array:
    """(n, m): a box at a track's place against a box of nobody's."""
    density, squared = log_density(spots.xy - mean[:, None], covariance[:, None] + spots.spread)
    possible = (squared < config.gate) & spots.known
    return np.where(possible, density - np.log(config.clutter_per_square_metre), IMPOSSIBLE)


@dataclass(frozen=True, slots=True, eq=False)
class Births:
    """k groups of boxes, each one new person. boxes: (k, c). xy: (k, 2). covariance: (k, 2, 2). looks: (k, c, d)."""

    boxes: NDArray[np.int64]
    xy: Array
    covariance: Array
    looks: FloatArray


def find_births(
    taken: NDArray[np.int64], views: Sequence[View], scale: AppearanceScale, config: GroundConfig
) -> Births:
    """Group the boxes that no track took over the cameras, at most one of each camera per person. taken: (n, c)."""
    left = [
        (camera, row)
        for camera, view in enumerate(views)
        for row in np.setdiff1d(np.flatnonzero(view.points.known), taken[:, camera]).tolist()
    ]
    dimension = views[0].looks.shape[1]
    camera = np.array([c for c, _ in left], np.int64)
    xy = np.array([views[c].points.xy[row] for c, row in left]).reshape(-1, 2)
    spread = np.array([views[c].points.covariance[row] for c, row in left]).reshape(-1, 2, 2)
    looks = np.array([views[c].looks[row] for c, row in left], np.float32).reshape(-1, dimension)
    described = np.abs(looks).sum(axis=1) > 0
    density, squared = log_density(xy[:, None] - xy[None], spread[:, None] + spread[None])
    alike = scale.across.log_odds(looks @ looks.T) * (described[:, None] & described[None])
    log_odds = density - np.log(config.birth_per_square_metre) + config.appearance_weight * alike
    log_odds = np.where(squared < config.gate, log_odds, IMPOSSIBLE)
    groups = cluster(log_odds, np.ones(len(left)), lambda a, b: bool(camera[a] == camera[b]), np.full(len(left), -1))
    births = Births(
        np.full((len(groups), len(views)), -1, np.int64),
        np.zeros((len(groups), 2)),
        np.zeros((len(groups), 2, 2)),
        np.zeros((len(groups), len(views), dimension), np.float32),
    )
    for number, group in enumerate(groups):
        births.boxes[number, camera[group]] = [left[member][1] for member in group]
        births.looks[number, camera[group]] = looks[group]
        information = inverse(spread[group])
        births.xy[number], births.covariance[number] = fuse(
            information.sum(axis=0), (information @ xy[group][..., None]).sum(axis=0)[:, 0]
        )
    return births
