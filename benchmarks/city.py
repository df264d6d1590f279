"""A city of people in front of 100 cameras: how well the matcher tells who is who, and what a round costs.

    python -m benchmarks.city people [--minutes 60] [--ways none|given|learnt] [--memory 3600] [--seed 1]
    python -m benchmarks.city rounds      with 1,000, 10,000 and 100,000 people remembered
    python -m benchmarks.city corrections by what people decided about 10,000 people remembered
    python -m benchmarks.city tracks      by the number of tracks that are followed at once

Times are those of one core's work (CPU time), of the matcher's update alone; every step of half a second is a round.
IDF1 and purity are over tracklets, weighted by time: online (as known 1 s later) and corrected (as known in the end).
Given ways are the walking times that a survey of other people on the same streets has found. Nothing is read from disk.
"""

import argparse
import gc
import itertools
import pickle
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from tests.city import BOX, City, CityConfig, Looks, Wardrobe
from tracker.core.types import FloatArray, TrackletKey, TrackState, TrackUpdate
from tracker.crosscam.affinity import Walks
from tracker.crosscam.constraints import Constraint, ConstraintKind
from tracker.crosscam.known import KnownPerson
from tracker.crosscam.matcher import CrossCameraMatcher, MatcherConfig
from tracker.crosscam.topology import Topology, Way
from tracker.inference.neighbours import ScreenedNeighbours

CONFIG = MatcherConfig(memory_seconds=3600.0)
DELAY_SECONDS = 1.0
SURVEYED_PEOPLE, LEAST_WALKS = 500, 5
OPEN_MODEL_ZOO = {92: "11 ms", 412: "139 ms, stalls of 1.7 s"}
"""What a round took, by tracks at once, as measured on its multi-camera demo with 92 and 412 tracks."""


@dataclass
class Agreement:
    """Seconds by person (-1: nobody) and identity (None: not known)."""

    seconds: defaultdict[tuple[int, int | None], float] = field(default_factory=lambda: defaultdict(float))

    def idf1(self) -> float:
        """The best one-to-one pairing of people and identities, in percent."""
        row = {person: number for number, person in enumerate(sorted({p for p, _ in self.seconds if p >= 0}))}
        known = {identity for _, identity in self.seconds if identity is not None}
        column: dict[int | None, int] = {identity: number for number, identity in enumerate(sorted(known))}
        shared = np.zeros((len(row), len(column)))
        for (person, identity), seconds in self.seconds.items():
            if person in row and identity in column:
                shared[row[person], column[identity]] = seconds
        right = shared[linear_sum_assignment(shared, maximize=True)].sum()
        true = sum(seconds for (person, _), seconds in self.seconds.items() if person >= 0)
        told = sum(seconds for (_, identity), seconds in self.seconds.items() if identity is not None)
        return float(200 * right / max(true + told, 1e-9))

    def purity(self) -> float:
        """The share of an identity's time that belongs to its main person, over all identities, in percent."""
        main: dict[int, float] = {}
        for (_, identity), seconds in self.seconds.items():
            if identity is not None:
                main[identity] = max(main.get(identity, 0.0), seconds)
        told = sum(seconds for (_, identity), seconds in self.seconds.items() if identity is not None)
        return 100 * sum(main.values()) / max(told, 1e-9)


@dataclass
class Outcome:
    online: Agreement = field(default_factory=Agreement)
    corrected: Agreement = field(default_factory=Agreement)
    identities: int = 0
    rounds_ms: list[float] = field(default_factory=list)

    def line(self) -> str:
        return (
            f"online {self.online.idf1():.1f} / {self.online.purity():.1f}, corrected {self.corrected.idf1():.1f} / "
            f"{self.corrected.purity():.1f}, {self.identities} ids; round {cost(self.rounds_ms)}"
        )


def cost(milliseconds: Sequence[float]) -> str:
    middle, worst = np.percentile(milliseconds, [50, 99])
    return f"p50 {middle:.1f} ms, p99 {worst:.1f} ms"


def survey(city: City, seconds: float = 3600.0) -> dict[Way, list[float]]:
    """Seconds of the walks of other people on the same streets, by way."""
    config = replace(city.config, people=SURVEYED_PEOPLE, seed=city.config.seed + 1)
    ways: dict[Way, list[float]] = defaultdict(list)
    for before, after in itertools.pairwise(City(config, streets_of=city).visits(seconds)):
        if before.person == after.person:
            ways[city.cameras[before.camera], city.cameras[after.camera]].append(after.begins - before.ends)
    return {way: times for way, times in ways.items() if len(times) >= LEAST_WALKS}


def walks_of(city: City, ways: str, memory_seconds: float = CONFIG.memory_seconds) -> Walks | None:
    if ways == "none":
        return None
    topology = Topology(survey(city), learns=False) if ways == "given" else Topology()
    return Walks(topology, memory_seconds)


def live_through(city: City, matcher: CrossCameraMatcher, seconds: float) -> Outcome:
    """The matcher in the city for a while; every step is a round."""
    outcome, step = Outcome(), city.config.step_seconds
    sightings: list[tuple[TrackletKey, float]] = []
    answered = 0
    gc.freeze()  # to walk through the simulated city and what is written down here is not the matcher's work
    for t, updates in city.steps(seconds):
        start = time.process_time()
        matcher.update(t, updates)
        outcome.rounds_ms.append((time.process_time() - start) * 1000)
        sightings += [(update.key, t) for update in updates if update.state is not TrackState.ENDED]
        while answered < len(sightings) and sightings[answered][1] <= t - DELAY_SECONDS:
            key, seen = sightings[answered]
            outcome.online.seconds[city.people_of[key], matcher.identity_at(key, seen)] += step
            answered += 1
        if t % 300 == 0 and t:
            scores = f"online {outcome.online.idf1():.1f} / {outcome.online.purity():.1f}"
            line = f"  {t:.0f} s of stream: {scores}; round {cost(outcome.rounds_ms)}; {held(matcher)}"
            print(line, file=sys.stderr, flush=True)
    matcher.finish(t)
    for key, seen in sightings:
        outcome.corrected.seconds[city.people_of[key], matcher.identity_at(key, seen)] += step
    outcome.identities = len({identity for _, identity in outcome.corrected.seconds if identity is not None})
    return outcome


def held(matcher: CrossCameraMatcher) -> str:
    """What the matcher remembers now, saved as a run saves it."""
    state = matcher.state()
    remembered = len(set(state["memory"]["segments"]["identity"]))
    return f"{remembered:,} people remembered, state {len(pickle.dumps(state)) / 1e6:.1f} MB"


def people(minutes: float, ways: Sequence[str], memory_seconds: float, seed: int) -> None:
    print(
        f"{minutes:g} minutes of 2,000 people and 100 cameras, remembered for {memory_seconds:g} s: "
        "IDF1 / purity online, corrected; ids; cost of a round"
    )
    for way in ways:
        city = City(CityConfig(seed=seed))
        config, walks = replace(CONFIG, memory_seconds=memory_seconds), walks_of(city, way, memory_seconds)
        matcher = CrossCameraMatcher(config, walks=walks, neighbours=ScreenedNeighbours())
        outcome = live_through(city, matcher, 60 * minutes)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        visits = f"{len(city.people_of)} tracklets"
        print(f"ways {way}: {outcome.line()}; {visits}, {held(matcher)}, peak {peak:.0f} MB", flush=True)


def remembered(city: City, count: int) -> Iterator[KnownPerson]:
    """Strangers of the last hour, each seen by one camera."""
    rng = np.random.default_rng(count)
    wardrobe = Wardrobe(city.config.looks, count, city.config.cameras, seed=count)
    size = city.config.looks.dimension - 1
    for number in range(count):
        camera = int(rng.integers(city.config.cameras))
        steady = np.tile(wardrobe.seen_by(number, camera), (4, 1))
        look = wardrobe.dress(steady, rng.standard_normal((4, size), np.float32), rng).mean(axis=0)
        seconds = -float(rng.uniform(10, CONFIG.memory_seconds / 2))
        yield KnownPerson(1_000_000 + number, city.cameras[camera], look, 4.0, seconds, 8.0)


def rounds(counts: Sequence[int] = (1_000, 10_000, 100_000), seconds: float = 60.0) -> None:
    print(f"round in the same city, by people remembered; {seconds:g} s of stream after a minute to warm up")
    for count in counts:
        city = City()
        matcher = CrossCameraMatcher(
            CONFIG, walks=walks_of(city, "given"), known=remembered(city, count), neighbours=ScreenedNeighbours()
        )
        took = live_through(city, matcher, 60.0 + seconds).rounds_ms[120:]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{count:>9,} remembered: {cost(took)}, peak {peak:.0f} MB", flush=True)


def corrections(counts: Sequence[int] = (0, 2_000, 20_000), seconds: float = 20.0) -> None:
    print(f"round by decisions of people about 10,000 remembered; {seconds:g} s of stream after as many to warm up")
    for count in counts:
        city = City()
        known = list(remembered(city, 10_000))
        matcher = CrossCameraMatcher(CONFIG, known=known, neighbours=ScreenedNeighbours())
        matcher.constrain(0.0, decided([person.identity_id for person in known], count))
        took = live_through(city, matcher, 2 * seconds).rounds_ms[int(2 * seconds) :]
        print(f"{count:>9,} decisions: {cost(took)}", flush=True)


def decided(people: Sequence[int], count: int) -> Iterator[Constraint]:
    """Every other decision makes one person of two who were two, the others part two for good."""
    rng = np.random.default_rng(0)
    pairs = rng.permutation(people).reshape(-1, 2).tolist()
    for number in range(count):
        one, other = pairs[number // 2 % len(pairs)] if number % 2 else rng.choice(people, 2, replace=False).tolist()
        yield Constraint(ConstraintKind.MUST_LINK if number % 2 else ConstraintKind.CANNOT_LINK, one, other)


def tracks(counts: Sequence[int] = (92, 220, 412, 5_000), seconds: float = 30.0) -> None:
    print("round by tracks at once, four cameras (5,000 tracks: 100), after a while    Open Model Zoo")
    for count in counts:
        cameras = 100 if count > 1000 else 4
        wardrobe = Wardrobe(Looks(), count, cameras, seed=count)
        rng = np.random.default_rng(count)
        steady = np.stack([wardrobe.seen_by(person, person % cameras) for person in range(count)])
        matcher, took, begins = CrossCameraMatcher(CONFIG), list[float](), rng.integers(0, 20, count)
        for step in range(int(seconds * 2)):
            looks = wardrobe.dress(steady, rng.standard_normal(steady.shape, np.float32), rng)
            here = np.flatnonzero(begins <= step).tolist()
            updates = [sighting(f"c{person % cameras:02}", person, step / 2, looks[person]) for person in here]
            start = time.process_time()
            matcher.update(step / 2, updates)
            took.append((time.process_time() - start) * 1000)
        print(f"{count:>6,} tracks: {cost(took[25:]):32}{OPEN_MODEL_ZOO.get(count, '-'):>30}", flush=True)


def sighting(camera: str, track: int, t_seconds: float, look: FloatArray) -> TrackUpdate:
    return TrackUpdate(camera, track, t_seconds, TrackState.CONFIRMED, BOX, 0.9, 0, look, 0.8, confirmed=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("people", "rounds", "corrections", "tracks"), nargs="+")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--ways", nargs="+", choices=("none", "given", "learnt"), default=["none", "given"])
    parser.add_argument(
        "--memory",
        type=float,
        metavar="SECONDS",
        default=CONFIG.memory_seconds,
        help="seconds that people are remembered",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the people's city; constants were chosen on 0")
    arguments = parser.parse_args()
    for what in arguments.what:
        if what == "people":
            people(arguments.minutes, arguments.ways, arguments.memory, arguments.seed)
        elif what == "rounds":
            rounds()
        elif what == "corrections":
            corrections()
        else:
            tracks()


if __name__ == "__main__":
    main()
