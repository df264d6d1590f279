"""Synthetic people who walk past N cameras: a test bed with known truth, misses, jitter and false alarms.

The floor is the plane z = 0 of a right-handed world in metres. People are upright boxes on it; they walk from one
random point to the next, and some leave for ever and are replaced by new people. The same seed gives the same world.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.core.boxes import occlusion
from tracker.core.types import Detections

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WorldCamera:
    """A pinhole camera without roll; yaw 0 looks along +x, counter-clockwise; pitch > 0 looks down."""

    name: str
    position_metres: tuple[float, float, float] = (-2.0, 10.0, 4.0)
    yaw_degrees: float = 0.0
    pitch_degrees: float = 15.0
    focal_pixels: float = 900.0
    size_pixels: tuple[int, int] = (1280, 720)

    def project(self, points_metres: Floats) -> tuple[Floats, Floats]:
        """World points (n, 3) -> picture points (n, 2) in pixels and depths (n,) in metres (<= 0: behind)."""
        yaw, pitch = np.radians([self.yaw_degrees, self.pitch_degrees])
        forward = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), -np.sin(pitch)])
        right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
        axes = np.stack([right, np.cross(forward, right), forward], axis=1)
        x, y, depth = ((points_metres - self.position_metres) @ axes).T
        scale = self.focal_pixels / np.where(depth > 0.1, depth, np.inf)
        centre = np.array(self.size_pixels) / 2
        return np.stack([x * scale, y * scale], axis=1) + centre, depth


@dataclass(frozen=True, slots=True)
class Noise:
    """What the detector and the embedder do wrong.

    miss, hidden_miss: chance to miss a person who stands free, and one who is wholly hidden. jitter: standard
    deviation of each box edge over the box height. false_alarms: expected per camera and frame. embedding: length of
    the random vector added to a person's unit vector; camera: of the one that a camera adds for everybody.
    """

    miss: float = 0.02
    hidden_miss: float = 0.9
    jitter: float = 0.02
    false_alarms: float = 0.05
    embedding: float = 0.5
    camera: float = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What one camera delivers, and the person (row by row) behind each detection; -1 for a false alarm."""

    detections: Detections
    people: NDArray[np.int64]


class World:
    """people persons at a time on a floor of size_metres, seen by cameras."""

    def __init__(
        self,
        people: int = 8,
        cameras: Sequence[WorldCamera] = (WorldCamera("c1"),),
        *,
        seed: int = 0,
        size_metres: tuple[float, float] = (20.0, 20.0),
        noise: Noise | None = None,
        dimension: int = 32,
        leaving: float = 0.3,
    ) -> None:
        self.cameras, self.noise, self.dimension, self.leaving = cameras, noise or Noise(), dimension, leaving
        self._rng = np.random.default_rng(seed)
        self._size = np.array(size_metres)
        self._feet = self._points(people)
        self._goals = self._points(people)
        self._speeds = self._rng.uniform(0.8, 1.8, people)
        self._heights = self._rng.uniform(1.55, 1.9, people)
        self.people = np.arange(people)
        self._looks = self._unit(people)
        self._tints = self.noise.camera * self._unit(len(cameras))

    def frames(self, count: int, frames_per_second: float) -> Iterator[tuple[float, Mapping[str, View]]]:
        """Times in seconds from 0 and the cameras' views; people move on with every frame."""
        for index in range(count):
            yield (
                index / frames_per_second,
                {camera.name: self._view(camera, tint) for camera, tint in zip(self.cameras, self._tints, strict=True)},
            )
            self._walk(1 / frames_per_second)

    def _points(self, count: int) -> Floats:
        return self._rng.uniform(0, self._size, (count, 2))

    def _unit(self, count: int) -> Floats:
        vectors = self._rng.normal(size=(count, self.dimension))
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    def _walk(self, dt_seconds: float) -> None:
        way = self._goals - self._feet
        distance = np.linalg.norm(way, axis=1)
        step = np.minimum(self._speeds * dt_seconds, distance)
        self._feet += way * (step / np.maximum(distance, 1e-9))[:, None]
        arrived = np.flatnonzero(distance <= self._speeds * dt_seconds)
        self._goals[arrived] = self._points(len(arrived))
        gone = arrived[self._rng.random(len(arrived)) < self.leaving]
        self._feet[gone] = self._points(len(gone))
        self._looks[gone] = self._unit(len(gone))
        self.people[gone] = self.people.max() + 1 + np.arange(len(gone))

    def _view(self, camera: WorldCamera, tint: Floats) -> View:
        rng, noise = self._rng, self.noise
        boxes, visible = self._boxes(camera)
        hidden = np.zeros(len(boxes))
        hidden[visible] = occlusion(boxes[visible])
        seen = visible & (rng.random(len(boxes)) > noise.miss + (noise.hidden_miss - noise.miss) * hidden)
        boxes, people, hidden = boxes[seen], self.people[seen], hidden[seen]
        height = boxes[:, 3:] - boxes[:, 1:2]
        boxes = boxes + rng.normal(0, noise.jitter, boxes.shape) * height
        looks = self._looks[seen] + tint + noise.embedding * (1 + hidden[:, None]) * self._unit(len(boxes))
        false = self._false_alarms(camera, int(rng.poisson(noise.false_alarms)))
        boxes = np.concatenate([boxes, false])
        looks = np.concatenate([looks, self._unit(len(false))])
        scores = np.concatenate([0.9 - 0.5 * hidden, np.full(len(false), 0.55)])
        scores = np.clip(scores + rng.normal(0, 0.05, len(scores)), 0.05, 1)
        people = np.concatenate([people, np.full(len(false), -1)])
        looks /= np.linalg.norm(looks, axis=1, keepdims=True)
        return View(Detections(boxes.astype(np.float32), scores.astype(np.float32), looks.astype(np.float32)), people)

    def _boxes(self, camera: WorldCamera) -> tuple[Floats, NDArray[np.bool_]]:
        """(n, 4) xyxy boxes of all people, and who stands with head and feet inside the picture."""
        feet = np.column_stack([self._feet, np.zeros(len(self._feet))])
        heads = np.column_stack([self._feet, self._heights])
        foot, depth = camera.project(feet)
        head, _ = camera.project(heads)
        half_width = 0.18 * np.abs(foot[:, 1] - head[:, 1])
        middle = (foot[:, 0] + head[:, 0]) / 2
        boxes = np.stack([middle - half_width, head[:, 1], middle + half_width, foot[:, 1]], axis=1)
        width, height = camera.size_pixels
        inside = (depth > 1) & (boxes[:, 0] > 0) & (boxes[:, 2] < width) & (boxes[:, 1] > 0) & (boxes[:, 3] < height)
        return boxes, inside & (boxes[:, 3] > boxes[:, 1] + 4)

    def _false_alarms(self, camera: WorldCamera, count: int) -> Floats:
        width, height = camera.size_pixels
        tall = self._rng.uniform(0.1, 0.3, count) * height
        left, top = self._rng.uniform(0, 0.8 * width, count), self._rng.uniform(0, 0.6 * height, count)
        return np.stack([left, top, left + 0.4 * tall, top + tall], axis=1)
