"""What walking times say about who is who, and how they are learnt."""

import numpy as np
import pytest

from tracker.crosscam.topology import (
    CAPACITY,
    GIVEN_WALKS,
    MIN_KNOWN,
    NO_WAY,
    RECENT,
    Topology,
    walks_about,
    walks_between,
)

CAMERAS = ["gate", "hall", "yard"]


def ratio(topology: Topology, origin: str, target: str, seconds: float, horizon: float = 60.0) -> float:
    row, column = np.array([CAMERAS.index(origin)]), np.array([CAMERAS.index(target)])
    return float(topology.log_ratios(CAMERAS, row, column, np.array([seconds]), horizon)[0])


def taught(seconds: list[float], way: tuple[str, str] = ("gate", "yard")) -> Topology:
    topology = Topology()
    for gap in seconds:
        topology.observe(way, gap)
    return topology


def test_nothing_known_says_nothing() -> None:
    assert ratio(Topology(), "gate", "yard", 10.0) == 0.0
    assert Topology().log_ratios([], np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), 10.0).shape == (0,)


def test_usual_walks_speak_for_one_person_and_odd_ones_against() -> None:
    topology = Topology({("gate", "yard"): walks_between(20, 30, 60)})
    assert ratio(topology, "gate", "yard", 30) > 0.5
    assert ratio(topology, "gate", "yard", 3) < -1
    assert ratio(topology, "gate", "yard", -5) < -1, "seen by both at once"
    assert ratio(topology, "yard", "gate", 3) == 0.0, "the way back is another way"


def test_few_walks_count_little_and_an_odd_one_does_no_harm() -> None:
    one, many = taught([10.0]), taught([9.0, 10.0, 10.5, 11.0, 9.5] * 6)
    assert 0 < ratio(one, "gate", "yard", 10.0) < ratio(many, "gate", "yard", 10.0)
    assert 0 > ratio(one, "gate", "yard", 40.0) > ratio(many, "gate", "yard", 40.0)
    odd = taught([9.0, 10.0, 10.5, 11.0, 9.5] * 6 + [55.0])
    assert abs(ratio(odd, "gate", "yard", 10.0) - ratio(many, "gate", "yard", 10.0)) < 0.2


def test_the_density_is_one_over_all_gaps() -> None:
    """Against a uniform stranger, the expected likelihood ratio is 1."""
    topology = taught([5.0, 6.0, 8.0, 7.0, 6.5, 12.0])
    gaps = np.linspace(-60, 60, 240001)
    zero, two = np.zeros(len(gaps), np.int64), np.full(len(gaps), 2)
    ratios = np.exp(topology.log_ratios(["gate", "hall", "yard"], zero, two, gaps, 60.0))
    # the background fills both halves of the span, and a way that is taken is likelier than its share
    background, share = 5 / 11, np.exp(ratio(topology, "gate", "hall", 0.0))
    assert share < 1
    taken = (6 + 5) / (6 + 10) * 2
    assert ratios.mean() * 2 / taken == pytest.approx((6 / 11) + 2 * background, rel=0.01)


def test_a_given_graph_knows_where_no_way_is_and_a_learnt_one_doubts() -> None:
    given = Topology({("gate", "yard"): walks_about(30, 5), ("hall", "gate"): walks_about(10, 2)}, complete=True)
    assert ratio(given, "gate", "hall", 10) == pytest.approx(np.log(NO_WAY))
    assert ratio(given, "gate", "gate", 10) == 0.0, "coming back needs no way"
    learnt = taught([10.0] * 40)
    assert np.log(NO_WAY) < ratio(learnt, "gate", "hall", 10) < -1


def test_memory_is_bounded_and_forgets_the_oldest() -> None:
    topology = taught([100.0] * CAPACITY + [float(i) for i in range(CAPACITY)])
    assert topology.walks == {("gate", "yard"): tuple(float(i) for i in range(CAPACITY))}


def test_what_is_saved_can_be_begun_with() -> None:
    topology = taught([5.0, 6.0, 7.0])
    again = Topology(topology.walks)
    assert ratio(again, "gate", "yard", 6.0) == ratio(topology, "gate", "yard", 6.0)


def test_one_line_when_people_begin_to_walk_differently() -> None:
    lines: list[str] = []
    topology = Topology({("gate", "yard"): walks_between(20, 30, 60)}, learns=False, notify=lines.append)
    rng = np.random.default_rng(0)
    for gap in rng.triangular(20, 30, 60, 200):
        topology.observe(("gate", "yard"), float(gap))
    assert lines == []
    for gap in rng.triangular(50, 70, 90, RECENT):
        topology.observe(("gate", "yard"), float(gap))
    (line,) = lines
    assert "gate" in line
    assert "yard" in line
    assert topology.walks[("gate", "yard")] == walks_between(20, 30, 60), "it does not learn"


def warned(seed: int, later: tuple[float, float, float]) -> bool:
    """Whether drift is told of 300 walks when ten walks of a triangular distribution are known."""
    lines: list[str] = []
    rng = np.random.default_rng(seed)
    known = {("gate", "yard"): rng.triangular(20, 30, 60, MIN_KNOWN).tolist()}
    topology = Topology(known, learns=False, notify=lines.append)
    for gap in rng.triangular(*later, 300):
        topology.observe(("gate", "yard"), float(gap))
    return bool(lines)


def test_a_few_known_walks_are_no_reason_to_warn_and_a_moved_camera_is() -> None:
    """Ten walks may be odd ones themselves."""
    assert sum(warned(seed, (20, 30, 60)) for seed in range(200)) <= 4
    assert all(warned(seed, (60, 70, 90)) for seed in range(20))


def test_drift_is_told_once_until_people_walk_as_usual_again() -> None:
    lines: list[str] = []
    topology = Topology({("gate", "yard"): walks_between(20, 30, 60)}, learns=False, notify=lines.append)
    usual = walks_between(20, 30, 60)
    for gaps, told in (([75.0] * 200, 1), (list(usual) * 3, 1), ([75.0] * 200, 2)):
        for gap in gaps:
            topology.observe(("gate", "yard"), gap)
        assert len(lines) == told


@pytest.mark.parametrize("times", [(30, 20, 60), (20, 70, 60), (20, 20, 20)])
def test_times_out_of_order_are_refused(times: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="shortest"):
        walks_between(*times)


def test_walks_given_by_hand_have_the_moments_they_were_given() -> None:
    about, between = np.array(walks_about(30, 5)), np.array(walks_between(20, 30, 60))
    assert about.mean() == pytest.approx(30)
    assert about.std() == pytest.approx(5, rel=0.1)
    assert len(about) == len(between) == GIVEN_WALKS
    assert between.mean() == pytest.approx(110 / 3, rel=0.02)
    assert between.min() > 20
    assert between.max() < 60
    with pytest.raises(ValueError, match="std"):
        walks_about(30, 0)


def test_nothing_is_learnt_between_cameras_that_see_people_at_once() -> None:
    lines: list[str] = []
    topology = Topology({("yard", "gate"): [4.0]}, notify=lines.append)
    for gap in (2.0, -3.0, 5.0, -20.0, -8.0, -2.0):
        topology.observe(("gate", "yard"), gap)
        topology.observe(("yard", "gate"), gap)
        topology.observe(("hall", "hall"), gap)
        topology.observe(("gate", "hall"), abs(gap))
    assert set(topology.walks) == {("yard", "gate"), ("hall", "hall"), ("gate", "hall")}
    assert topology.walks["yard", "gate"] == (4.0,), "what was given stays"
    (line,) = lines
    assert "the views of gate and yard overlap" in line
    assert ratio(topology, "gate", "yard", -5.0) == ratio(topology, "gate", "yard", 30.0)


@pytest.mark.parametrize("gaps", [[-0.5] * 30, [3.0, -9.0] + [4.0] * 30, [-9.0]])
def test_a_hand_over_of_a_moment_and_a_few_errors_are_learnt(gaps: list[float]) -> None:
    topology = Topology(notify=pytest.fail)
    for gap in gaps:
        topology.observe(("gate", "yard"), gap)
    assert len(topology.walks["gate", "yard"]) == len(gaps)
