"""How well could anybody tell who is who in the synthetic city? A reference for `python -m benchmarks.city people`.

    python -m benchmarks.city_ceiling [--minutes 20] [--seed 1]

An oracle links every visit to whoever fits best, or to nobody. It knows who everybody was before, what cosines of one
person and of two are like in this city, and the walking times of other people on the same streets. What it cannot know
is the answer. Its looks are the mean of all of a visit, without the mean of the camera, whitened.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.city import Agreement, survey
from tests.city import City, CityConfig
from tracker.core.types import FloatArray, TrackletKey
from tracker.crosscam.affinity import Walks
from tracker.crosscam.features import unit_rows
from tracker.crosscam.topology import Topology

Numbers = NDArray[np.float64]
MIN_LOOKS = 2
BINS = np.linspace(-0.5, 1.0, 61)
NEVER = -np.inf


@dataclass(frozen=True, eq=False)
class Visits:
    """Of n visits in order of their beginning: person (-1: a false alarm), camera, first and last seconds, how often
    seen, look (n, d), unit rows.
    """

    person: NDArray[np.int64]
    camera: list[str]
    begins: Numbers
    ends: Numbers
    count: NDArray[np.int64]
    looks: FloatArray


@dataclass(frozen=True, eq=False)
class Question:
    """Whose is visit `row`? people: who was seen before. cosines, ratios: (k,) what looks, and walking times, say."""

    row: int
    people: NDArray[np.int64]
    cosines: FloatArray
    ratios: Numbers


def visits_of(city: City, seconds: float) -> Visits:
    seen: dict[TrackletKey, list[tuple[float, FloatArray]]] = {}
    for t, updates in city.steps(seconds):
        for update in updates:
            if update.embedding is not None:
                seen.setdefault(update.key, []).append((t, update.embedding))
    keys = sorted((key for key in seen if len(seen[key]) >= MIN_LOOKS), key=lambda key: (seen[key][0][0], key))
    looks = unit_rows(np.stack([np.mean([look for _, look in seen[key]], axis=0) for key in keys]))
    cameras = [camera for camera, _ in keys]
    number = np.unique(cameras, return_inverse=True)[1]
    means = np.stack([looks[number == camera].mean(axis=0) for camera in range(number.max() + 1)])
    beyond = looks - means[number]
    variances, axes = np.linalg.eigh(beyond.T @ beyond / len(beyond) + 1e-6 * np.eye(beyond.shape[1]))
    return Visits(
        np.array([city.people_of[key] for key in keys]),
        cameras,
        np.array([seen[key][0][0] for key in keys]),
        np.array([seen[key][-1][0] for key in keys]),
        np.array([len(seen[key]) for key in keys]),
        unit_rows((beyond @ (axes / np.sqrt(variances)) @ axes.T).astype(np.float32)),
    )


def questions_of(visits: Visits, walks: Walks, people: int) -> list[Question]:
    """One for every visit of somebody; the past is known as it was."""
    sums = np.zeros((people, visits.looks.shape[1]), np.float32)
    last, ends = np.full(people, -1), np.full(people, NEVER)
    asked = []
    for row, person in enumerate(visits.person.tolist()):
        if person < 0:
            continue
        before = np.flatnonzero(last >= 0)
        if len(before):
            origins = [visits.camera[visit] for visit in last[before].tolist()]
            ratios = walks.ratios(origins, ends[before], [visits.camera[row]], visits.begins[[row]])[0]
            here = ends[before] >= visits.begins[row]
            cosines = unit_rows(sums[before]) @ visits.looks[row]
            asked.append(Question(row, before, cosines, np.where(here, NEVER, ratios)))
        sums[person] += visits.looks[row]
        last[person], ends[person] = row, visits.ends[row]
    return asked


def worth_of_looks(visits: Visits, asked: list[Question]) -> Numbers:
    """Log-likelihood ratio by bin of cosines, that of a bin never below those of lower ones."""
    same, different = np.full(len(BINS) - 1, 0.5), np.full(len(BINS) - 1, 0.5)
    for question in asked:
        own = question.people == visits.person[question.row]
        same += np.histogram(question.cosines[own], BINS)[0]
        different += np.histogram(question.cosines[~own], BINS)[0]
    ratio: Numbers = np.log(same / same.sum()) - np.log(different / different.sum())
    return np.maximum.accumulate(ratio)


def best_of(score: Numbers) -> tuple[int, float, float]:
    """The best column, its log odds, and those of all others together."""
    best = int(score.argmax())
    others = np.delete(score, best)
    return best, float(score[best]), float(np.logaddexp.reduce(others)) if len(others) else NEVER


def judged(
    visits: Visits, asked: list[Question], answers: list[tuple[int, float, float]], stranger: float
) -> tuple[float, Agreement]:
    """Share of right answers, and who was who, when the best is believed that outweighs all others and a stranger."""
    agreement, right, fresh = Agreement(), 0, 0
    named: dict[int, int] = {}
    for question, (best, odds, others) in zip(asked, answers, strict=True):
        person = int(visits.person[question.row])
        told = int(question.people[best]) if odds > np.logaddexp(others, stranger) else None
        right += told == person if person in question.people else told is None
        fresh += told is None
        named[person] = -fresh if told is None else named.setdefault(told, told)
        agreement.seconds[person, named[person]] += float(visits.count[question.row])
    return 100 * right / len(asked), agreement


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    city = City(CityConfig(seed=arguments.seed))
    visits = visits_of(city, 60 * arguments.minutes)
    walks = Walks(Topology(survey(city), learns=False), 3600.0)
    asked = questions_of(visits, walks, city.config.people)
    worth = worth_of_looks(visits, asked)
    print(f"{arguments.minutes:g} minutes, {len(asked)} visits: right answers, IDF1 / purity")
    for name in ("looks", "walking times", "both"):
        looks = [worth[(np.digitize(q.cosines, BINS) - 1).clip(0, len(worth) - 1)] for q in asked]
        answers = []
        for question, look in zip(asked, looks, strict=True):
            walk = np.where(np.isinf(question.ratios), 0.0, question.ratios)
            score = {"looks": look, "walking times": walk, "both": look + walk}[name]
            answers.append(best_of(np.where(np.isinf(question.ratios), NEVER, score)))
        found = [judged(visits, asked, answers, stranger) for stranger in range(0, 17)]
        share, agreement = max(found, key=lambda one: one[1].idf1())
        print(f"{name:14} {share:.1f} %, {agreement.idf1():.1f} / {agreement.purity():.1f}", flush=True)


if __name__ == "__main__":
    main()
