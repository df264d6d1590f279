"""A synthetic city: people walk along its streets, past cameras at some of the crossings, and into its houses.

Nothing is drawn in pixels: a camera delivers what its tracker would, one TrackUpdate per step and person in view. The
same seed gives the same city. Looks follow a factor model of unit vectors: what all people share, the camera, the
person, the person as this camera sees them, a slow change, and fresh noise, all with power-law spectra.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray, TrackletKey, TrackState, TrackUpdate

Floats = NDArray[np.float64]
BOX = np.array([0, 0, 40, 100], np.float32)


@dataclass(frozen=True, slots=True)
class Looks:
    """Shares of the factors. The defaults give cosines between crops of two cameras of .589/.736/.891 (5th, 50th, 95th
    percentile) for one person and .555/.690/.824 for different people: those of OSNet on WILDTRACK.

    common: of all vectors, squared. distinct: spread of how much people stand out. decay: of the spectrum.
    steady: what remains of the slow change after half a second.
    """

    common: float = 0.689
    camera: float = 0.05
    person: float = 0.328
    view: float = 0.293
    slow: float = 0.3
    noise: float = 0.4
    distinct: float = 0.647
    decay: float = 1.26
    steady: float = 0.9
    dimension: int = 256


@dataclass(frozen=True, slots=True)
class CityConfig:
    """blocks: crossings in each direction; metres between them: block_metres. sight_metres: how far a camera sees.

    walk_metres_per_second: mean and spread between people. stay_seconds: mean time in a house after each walk.
    miss: chance that somebody in view is not detected in a step. tear: expected breaks of a track per second.
    false_tracks: expected per camera and second; each lasts a few steps.
    """

    people: int = 2000
    cameras: int = 100
    blocks: int = 15
    block_metres: float = 60.0
    sight_metres: float = 12.0
    walk_metres_per_second: tuple[float, float] = (1.35, 0.2)
    stay_seconds: float = 900.0
    step_seconds: float = 0.5
    miss: float = 0.05
    tear: float = 0.005
    false_tracks: float = 0.0005
    looks: Looks = field(default_factory=Looks)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Visit:
    """One person in front of one camera."""

    person: int
    camera: int
    begins: float
    ends: float


class Wardrobe:
    """Draws what people look like to cameras."""

    def __init__(self, looks: Looks, people: int, cameras: int, seed: int) -> None:
        self._looks, self._seed = looks, seed
        rng = np.random.default_rng(seed)
        size = looks.dimension - 1  # the last axis is what all share
        spectrum = np.arange(1, size + 1.0) ** -looks.decay
        self._scale = np.sqrt(spectrum / spectrum.sum())
        stands_out = np.exp(looks.distinct * rng.normal(size=(people, 1)) - looks.distinct**2)
        self._people = (np.sqrt(looks.person) * stands_out * rng.normal(size=(people, size))).astype(np.float32)
        self._cameras = (np.sqrt(looks.camera) * rng.normal(size=(cameras, size))).astype(np.float32)

    def seen_by(self, person: int, camera: int) -> FloatArray:
        """(d - 1,): what stays the same as long as the camera sees this person, on every visit."""
        own = np.random.default_rng([self._seed, person, camera]).standard_normal(self._people.shape[1], np.float32)
        steady: FloatArray = self._people[person] + self._cameras[camera] + np.sqrt(np.float32(self._looks.view)) * own
        return steady

    def dress(self, steady: FloatArray, slow: FloatArray, rng: np.random.Generator) -> FloatArray:
        """(n, d) unit vectors. steady, slow: (n, d - 1), slow of unit variance."""
        looks = self._looks
        noise = rng.standard_normal(steady.shape, np.float32)
        own = (steady + np.sqrt(looks.slow) * slow + np.sqrt(looks.noise) * noise) * self._scale
        own *= np.sqrt(1 - looks.common) / np.linalg.norm(own, axis=1, keepdims=True)
        shared = np.full((len(own), 1), np.sqrt(looks.common))
        dressed: FloatArray = np.concatenate([own, shared], axis=1).astype(np.float32)
        return dressed

    def age(self, slow: FloatArray, rng: np.random.Generator) -> FloatArray:
        """The slow change (n, d - 1) half a second later."""
        steady = np.float32(self._looks.steady)
        aged: FloatArray = steady * slow + np.sqrt(1 - steady**2) * rng.standard_normal(slow.shape, np.float32)
        return aged


class City:
    """cameras: their names, in order. people_of: the person behind every track so far, -1 for false alarms.

    streets_of: a city whose cameras stand at the same crossings.
    """

    def __init__(self, config: CityConfig | None = None, *, streets_of: "City | None" = None) -> None:
        self.config = config = config or CityConfig()
        self.cameras = [f"c{number:03}" for number in range(config.cameras)]
        self.people_of: dict[TrackletKey, int] = {}
        self.wardrobe = Wardrobe(config.looks, config.people, config.cameras, config.seed)
        self._rng = np.random.default_rng([config.seed, 1])
        crossings = self._rng.permutation(config.blocks**2)[: config.cameras]
        self._camera_at = {int(crossing): number for number, crossing in enumerate(crossings)}
        if streets_of is not None:
            self._camera_at = streets_of._camera_at
        self._tracks = [0] * config.cameras

    def steps(self, seconds: float) -> Iterator[tuple[float, list[TrackUpdate]]]:
        """Times from 0 and what all cameras report then; the last step ends every track."""
        config, rng = self.config, self._rng
        visits = sorted(self.visits(seconds), key=lambda v: (v.begins, v.person))
        watching: list[_Watched] = []
        upcoming = 0
        for number in range(int(seconds / config.step_seconds) + 1):
            t = number * config.step_seconds
            while upcoming < len(visits) and visits[upcoming].begins <= t:
                watching.append(self._watch(visits[upcoming]))
                upcoming += 1
            watching += self._false_alarms(t)
            leaving = [w for w in watching if w.visit.ends < t or rng.random() < config.tear * config.step_seconds]
            updates = [w.update(t, TrackState.ENDED) for w in leaving if w.seen]
            torn = [self._watch(w.visit) for w in leaving if w.visit.ends >= t]
            gone = {id(w) for w in leaving}
            watching = [w for w in watching if id(w) not in gone] + torn
            yield t, updates + self._look(t, watching)
        yield t + config.step_seconds, [w.update(t, TrackState.ENDED) for w in watching if w.seen]

    def visits(self, seconds: float) -> Iterator[Visit]:
        """Who passes which camera, and when, person by person."""
        for person in range(self.config.people):
            yield from self._walks(person, seconds)

    def _walks(self, person: int, seconds: float) -> Iterator[Visit]:
        """One person's life: from house to house, the first time from somewhere on the way."""
        config = self.config
        rng = np.random.default_rng([config.seed, 2, person])
        mean, spread = config.walk_metres_per_second
        speed = max(0.5, rng.normal(mean, spread))
        here = rng.integers(0, config.blocks, 2)
        t = -rng.uniform(0, config.stay_seconds)
        while t < seconds:
            there = rng.integers(0, config.blocks, 2)
            axes = rng.permutation(np.repeat([0, 1], np.abs(there - here)))
            place = here.copy()
            for number in range(len(axes) + 1):
                camera = self._camera_at.get(int(place[0] * config.blocks + place[1]))
                sight = config.sight_metres / speed
                if camera is not None:
                    begins = t if number == 0 else t - sight
                    ends = t if number == len(axes) else t + sight
                    if ends > max(begins, 0) and begins < seconds:
                        yield Visit(person, camera, max(begins, 0.0), ends)
                if number < len(axes):
                    axis = axes[number]
                    place[axis] += np.sign(there[axis] - place[axis])
                    t += config.block_metres / speed * rng.uniform(0.9, 1.2)
            here = there
            t += rng.exponential(config.stay_seconds)

    def _watch(self, visit: Visit) -> "_Watched":
        self._tracks[visit.camera] += 1
        key = (self.cameras[visit.camera], self._tracks[visit.camera])
        self.people_of[key] = visit.person
        size = self.config.looks.dimension - 1
        if visit.person < 0:
            steady = self._rng.standard_normal(size, np.float32)
        else:
            steady = self.wardrobe.seen_by(visit.person, visit.camera)
        return _Watched(key, visit, steady, self._rng.standard_normal(size, np.float32))

    def _false_alarms(self, t: float) -> list["_Watched"]:
        config = self.config
        count = self._rng.poisson(config.false_tracks * config.cameras * config.step_seconds)
        cameras = self._rng.integers(0, config.cameras, count).tolist()
        return [self._watch(Visit(-1, camera, t, t + self._rng.uniform(1, 4))) for camera in cameras]

    def _look(self, t: float, watching: list["_Watched"]) -> list[TrackUpdate]:
        """One step of all cameras: everybody in view who is not missed."""
        if not watching:
            return []
        slow = self.wardrobe.age(np.stack([w.slow for w in watching]), self._rng)
        looks = self.wardrobe.dress(np.stack([w.steady for w in watching]), slow, self._rng)
        missed = self._rng.random(len(watching)) < self.config.miss
        updates = []
        for row, watched in enumerate(watching):
            watched.slow = slow[row]
            if not missed[row]:
                watched.seen = True
                updates.append(watched.update(t, TrackState.CONFIRMED, looks[row]))
        return updates


@dataclass(slots=True, eq=False)
class _Watched:
    """A visit while a tracker follows it."""

    key: TrackletKey
    visit: Visit
    steady: FloatArray
    slow: FloatArray
    seen: bool = False

    def update(self, t_seconds: float, state: TrackState, look: FloatArray | None = None) -> TrackUpdate:
        index, quality = (None, 0.0) if look is None else (0, 0.8)
        return TrackUpdate(*self.key, t_seconds, state, BOX, quality, index, look, quality, confirmed=True)
