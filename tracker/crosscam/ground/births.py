"""Which boxes begin new tracks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray
from tracker.crosscam.clustering import cluster
from tracker.crosscam.ground.appearance import AppearanceScale
from tracker.crosscam.ground.association import IMPOSSIBLE
from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground.gaussian import Array, fuse, log_density
from tracker.crosscam.ground.rig import Boxes


@dataclass(frozen=True, slots=True, eq=False)
class Births:
    """k groups of boxes, each one new person. boxes: (k, c). xy: (k, 2). covariance: (k, 2, 2). looks: (k, c, d)."""

    boxes: NDArray[np.int64]
    xy: Array
    covariance: Array
    looks: FloatArray


def find_births(taken: NDArray[np.int64], boxes: Boxes, scale: AppearanceScale, config: GroundConfig) -> Births:
    """Group the boxes that no track took over the cameras, at most one of each camera per person. taken: (n, c)."""
    free = boxes.known.copy()
    free[taken[taken >= 0]] = False
    left = np.flatnonzero(free)
    camera, xy, spread, looks = boxes.camera[left], boxes.xy[left], boxes.covariance[left], boxes.looks[left]
    density, squared = log_density(xy[:, None] - xy[None], spread[:, None] + spread[None])
    described = np.abs(looks).max(axis=1, initial=0) > 0
    alike = scale.across.log_odds(looks @ looks.T) * (described[:, None] & described[None])
    log_odds = density - np.log(config.birth_per_square_metre) + config.appearance_weight * alike
    log_odds = np.where((squared < config.gate) & (camera[:, None] != camera[None]), log_odds, IMPOSSIBLE)
    names: list[int] = camera.tolist()
    groups = cluster(log_odds, np.ones(len(left)), lambda a, b: names[a] == names[b], np.full(len(left), -1))
    number = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    member = np.array([row for group in groups for row in group], np.int64)
    found = np.full((len(groups), taken.shape[1]), -1, np.int64)
    found[number, camera[member]] = left[member]
    seen = np.zeros((*found.shape, looks.shape[1]), np.float32)
    seen[number, camera[member]] = looks[member]
    information, vector = np.zeros((len(groups), 2, 2)), np.zeros((len(groups), 2))
    np.add.at(information, number, boxes.information[left[member]])
    np.add.at(vector, number, boxes.vector[left[member]])
    return Births(found, *fuse(information, vector), seen)
