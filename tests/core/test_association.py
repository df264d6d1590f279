"""Cost terms by hand, and what a stage lets through."""

import numpy as np
import pytest

from tracker.core import motion
from tracker.core.appearance import Views
from tracker.core.assignment import Matches
from tracker.core.association import Stage, Term, associate, checked_splits, combine
from tracker.core.boxes import xyxy_to_cxcywh
from tracker.core.costs import TERMS, Scene
from tracker.core.motion import MotionConfig
from tracker.core.track import Tracks
from tracker.core.types import Detections, TrackState

CONFIRMED, LOST = (TrackState.CONFIRMED,), (TrackState.LOST,)
OVERLAP = (Term("overlap"),)
EAST, NORTH = np.eye(2, dtype=np.float32)


def person(x: float, height: float = 100.0) -> tuple[float, float, float, float]:
    return (x, 0.0, x + 40.0, height)


def scene(
    tracked: list[tuple[float, ...]],
    seen: list[tuple[float, ...]],
    *,
    scores: list[float] | None = None,
    looks: tuple[list[np.ndarray], list[np.ndarray]] | None = None,
    lost: list[bool] | None = None,
    gap_seconds: float = 1.0,
) -> Scene:
    """Confirmed tracks last observed gap_seconds ago, standing still; looks: of the tracks, of the detections."""
    boxes = np.array(tracked, np.float32).reshape(-1, 4)
    states = motion.initiate(xyxy_to_cxcywh(boxes), MotionConfig())
    embeddings = np.zeros((len(boxes), 2), np.float32) if looks is None else np.array(looks[0], np.float32)
    confirmed = np.ones(len(boxes), np.bool_)
    ids, sums, known = np.arange(1, len(boxes) + 1), np.zeros((len(boxes), 4)), np.asarray(embeddings.any(axis=1))
    tracks = Tracks.begin(ids, states, 0.0, confirmed, embeddings, known, sums)
    tracks.lost = np.array(lost if lost is not None else [False] * len(boxes), np.bool_)
    detections = Detections(
        np.array(seen, np.float32).reshape(-1, 4),
        np.array(scores if scores is not None else [0.9] * len(seen), np.float32),
        None if looks is None else np.array(looks[1], np.float32),
    )
    views = Views.of(detections, sharp_height_pixels=64.0, max_occlusion=1.0)
    return Scene(tracks, views, gap_seconds, MotionConfig(), 0.5)


def costs_of(here: Scene, name: str) -> np.ndarray:
    """The term between all tracks and all detections."""
    return here.term(name, np.arange(len(here.tracks))[:, None], np.arange(len(here.detections))[None])


def pairs(matches: Matches) -> list[tuple[int, int]]:
    return list(zip(matches.tracks.tolist(), matches.detections.tolist(), strict=True))


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("overlap", 1 - 20 / 60),  # 20 of 60 columns shared
        ("anchor_overlap", 1 - 20 / 60),
        ("buffered_overlap", 1 - 44 / 84),  # 64 wide each, 20 apart
        ("height", 0.0),
        ("doubt", 0.1),
        ("reach", 20 / (100 * (0.5 + 1.5))),
    ],
)
def test_terms_of_a_neighbour_half_a_width_away(term: str, expected: float) -> None:
    assert costs_of(scene([person(0)], [person(20)]), term) == pytest.approx(np.array([[expected]]), rel=1e-5)


def test_the_search_region_grows_with_time_but_not_for_ever() -> None:
    radii = [20 / costs_of(scene([person(0)], [person(20)], gap_seconds=gap), "reach")[0, 0] for gap in (1, 2, 60, 600)]
    np.testing.assert_allclose(radii, [200, 350, 1050, 1050], rtol=1e-5)


def test_height_is_the_ratio_either_way() -> None:
    costs = costs_of(scene([person(0, 100)], [person(0, 50), person(0, 200)]), "height")
    np.testing.assert_allclose(costs, [[0.5, 0.5]], rtol=1e-6)


def test_appearance_counts_in_strangers_distances_and_is_silent_without_embedding() -> None:
    here = scene([person(0), person(50)], [person(0), person(50)], looks=([EAST, 0 * EAST], [EAST, NORTH]))
    np.testing.assert_allclose(costs_of(here, "appearance"), [[0.0, 2.0], [np.nan, np.nan]])
    assert np.isnan(costs_of(scene([person(0)], [person(0)]), "appearance")).all()


def test_mahalanobis_is_one_at_the_gate() -> None:
    deviation = 100 * MotionConfig().centre_error * 2**0.5  # of the state and of the measurement
    costs = costs_of(scene([person(0)], [person(deviation * 13.277**0.5)]), "mahalanobis")
    np.testing.assert_allclose(costs, [[1.0]], rtol=1e-5)


@pytest.mark.parametrize("name", sorted(TERMS))
def test_every_term_takes_empty_sides(name: str) -> None:
    assert costs_of(scene([], [person(0)]), name).shape == (0, 1)
    assert costs_of(scene([person(0)], []), name).shape == (1, 0)


@pytest.mark.parametrize("name", sorted(TERMS))
def test_some_rows_and_columns_cost_what_they_cost_among_all(name: str) -> None:
    looks = [EAST, NORTH, 0 * EAST]
    here = scene([person(0), person(50), person(90)], [person(5), person(60), person(80)], looks=(looks, looks[::-1]))
    rows, columns = np.array([2, 0]), np.array([1, 2])
    block, pairs = costs_of(here, name)[rows[:, None], columns], costs_of(here, name)[rows, columns]
    np.testing.assert_allclose(here.term(name, rows[:, None], columns[None]), block, rtol=1e-6)
    np.testing.assert_allclose(here.term(name, rows, columns), pairs, rtol=1e-6)


def test_weighted_mean_leaves_out_terms_without_an_opinion() -> None:
    here = scene([person(0), person(0)], [person(20)], looks=([EAST, 0 * EAST], [EAST]))
    terms = (Term("overlap", 1.0), Term("appearance", 3.0))
    rows, columns, costs = combine(here, terms, np.arange(2), np.arange(1))
    assert (rows.tolist(), columns.tolist()) == ([0, 1], [0, 0])
    np.testing.assert_allclose(costs, [(2 / 3) / 4, 2 / 3], rtol=1e-5)


def test_a_pair_about_which_no_term_has_an_opinion_is_never_matched() -> None:
    here = scene([person(0), person(0)], [person(0)], looks=([EAST, 0 * EAST], [NORTH]))
    stage = Stage(CONFIRMED, (Term("reach", 0.0), Term("appearance")), 1.0)
    assert np.isnan(combine(here, stage.terms, np.arange(2), np.arange(1))[2]).tolist() == [False, True]
    assert pairs(associate(here, [stage])) == []
    assert pairs(associate(here, [Stage(CONFIRMED, stage.terms, 2.1)])) == [(0, 0)]


def test_a_pair_above_a_terms_limit_is_forbidden() -> None:
    here, gate = scene([person(0)], [person(20), person(60)]), Term("reach", 0.0, limit=0.2)
    _, columns, costs = combine(here, (gate, Term("overlap")), np.arange(1), np.arange(2))
    assert (columns.tolist(), np.isfinite(costs).tolist()) == ([0], [True])
    _, columns, costs = combine(here, (Term("overlap"), gate), np.arange(1), np.arange(2))
    assert (columns.tolist(), np.isfinite(costs).tolist()) == ([0, 1], [True, False])


def test_stages_choose_by_score_state_and_age() -> None:
    sure = Stage(CONFIRMED, OVERLAP, 0.9, min_score=0.5)
    doubtful = Stage(CONFIRMED, OVERLAP, 0.9, max_score=0.5)
    here = scene([person(0), person(200)], [person(0), person(200)], scores=[0.3, 0.8])
    assert pairs(associate(here, [sure])) == [(1, 1)]
    assert pairs(associate(here, [sure, doubtful])) == [(0, 0), (1, 1)]
    missing = scene([person(0), person(200)], [person(0), person(200)], lost=[True, False])
    assert pairs(associate(missing, [Stage(LOST, OVERLAP, 0.9)])) == [(0, 0)]
    assert pairs(associate(missing, [Stage(LOST, OVERLAP, 0.9, max_gap_seconds=0.5)])) == []


def test_what_a_stage_matched_is_gone_for_the_next() -> None:
    here = scene([person(0), person(10)], [person(9)])
    assert pairs(associate(here, [Stage(CONFIRMED, OVERLAP, 0.3), Stage(CONFIRMED, OVERLAP, 0.9)])) == [(1, 0)]


def test_people_who_part_get_their_own_tracks_back() -> None:
    """Track 0 was followed and looks EAST, track 1 was lost and looks NORTH; position gave each the other's place."""
    wrong = Matches(np.arange(2), np.arange(2))
    near = scene([person(0), person(30)], [person(0), person(30)], looks=([EAST, NORTH], [NORTH, EAST]))
    near.tracks.lost[1] = True
    assert pairs(checked_splits(near, wrong, 0.5)) == [(0, 1), (1, 0)]
    assert pairs(checked_splits(near, wrong, np.inf)) == pairs(wrong)
    far = scene([person(0), person(300)], [person(0), person(300)], looks=([EAST, NORTH], [NORTH, EAST]))
    far.tracks.lost[1] = True
    assert pairs(checked_splits(far, wrong, 0.5)) == pairs(wrong)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Term("iou"), "name must be one of"),
        (lambda: Term("overlap", -1.0), "weight"),
        (lambda: Stage(CONFIRMED, (), 1.0), "terms"),
        (lambda: Stage(CONFIRMED, (Term("reach", 0.0),), 1.0), "terms"),
        (lambda: Stage((TrackState.ENDED,), OVERLAP, 1.0), "states"),
        (lambda: Stage(CONFIRMED, OVERLAP, 0.0), "limit"),
    ],
)
def test_impossible_stages_are_refused(make: object, complaint: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=complaint):
        make()
