"""Who is described: the young, the doubtful and those whose turn it is; nobody whose look can change nothing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.world import World
from tracker.core.selection import SelectionConfig
from tracker.core.single_camera import SingleCameraTracker
from tracker.core.types import Detections

SELECTION = SelectionConfig(young_looks=3, every_seconds=1.0)


def people(*lefts: float, score: float = 0.9) -> Detections:
    """Boxes 30 x 90 at the given places, each with a look of its own."""
    boxes = np.array([[x, 20, x + 30, 110] for x in lefts], np.float32).reshape(-1, 4)
    looks = np.eye(8, dtype=np.float32)[np.arange(len(lefts)) % 8].reshape(-1, 8)
    return Detections(boxes, np.full(len(lefts), score, np.float32), looks)


def asked(tracker: SingleCameraTracker, t_seconds: float, detections: Detections) -> list[bool]:
    """What the tracker asks for in a frame, which it is then given."""
    wanted = tracker.wants_embedding(t_seconds, detections)
    assert detections.embeddings is not None
    tracker.update(t_seconds, replace(detections, embeddings=detections.embeddings * wanted[:, None]))
    return [bool(one) for one in wanted]


def test_somebody_alone_is_described_while_young_and_then_once_a_second() -> None:
    tracker = SingleCameraTracker("a", selection=SELECTION)
    wanted = [asked(tracker, index / 10, people(100 + index))[0] for index in range(40)]
    assert [index for index, one in enumerate(wanted) if one] == [0, 1, 2, 12, 22, 32]


@pytest.mark.parametrize("begin", [0.0, 4.37, 1000.1])
@pytest.mark.parametrize("rate", [5, 7, 25, 30])
def test_when_the_clock_began_changes_nothing(begin: float, rate: int) -> None:
    tracker = SingleCameraTracker("a", selection=SELECTION)
    wanted = [asked(tracker, begin + index / rate, people(100 + index / rate))[0] for index in range(6 * rate)]
    assert [index for index, one in enumerate(wanted) if one] == [0, 1, *range(2, 6 * rate, rate)]


def test_people_who_overlap_are_described_as_long_as_they_do() -> None:
    tracker = SingleCameraTracker("a", selection=SELECTION)
    for index in range(6):
        assert asked(tracker, index / 10, people(100, 120)) == [True, True]
    for index in range(6, 12):
        alone = asked(tracker, index / 10, people(100, 120 + 5 * (index - 5)))
    assert alone == [False, False]


def test_a_newcomer_beside_somebody_known_is_described() -> None:
    tracker = SingleCameraTracker("a", selection=SELECTION)
    for index in range(9):
        asked(tracker, index / 10, people(100))
    assert asked(tracker, 0.9, people(100, 300)) == [False, True]


def test_asking_changes_nothing() -> None:
    tracker, twin = (SingleCameraTracker("a", selection=SELECTION) for _ in range(2))
    for index in range(9):
        tracker.wants_embedding(index / 10, people(100 + 3 * index, 105))
        tracker.wants_embedding(index / 10, people())
        ours, theirs = (one.update(index / 10, people(100 + 3 * index, 105)) for one in (tracker, twin))
        assert [u.box_xyxy.tobytes() for u in ours] == [u.box_xyxy.tobytes() for u in theirs]
    assert tracker.state() == twin.state()


def test_without_a_selection_everybody_who_can_be_used_is_described() -> None:
    tracker = SingleCameraTracker("a")
    least = min(stage.min_score for stage in tracker.config.stages)
    found = people(100, 200)
    doubtful = Detections(found.boxes_xyxy, np.array([least, least - 0.01], np.float32), found.embeddings)
    assert tracker.wants_embedding(0.0, doubtful).tolist() == [True, False]


def test_what_is_not_asked_for_changes_no_track() -> None:
    """The looks of people below the lowest score are never used."""
    tracker, twin = SingleCameraTracker("a"), SingleCameraTracker("a")
    for t_seconds, views in World(6).frames(80, 10.0):
        seen = next(iter(views.values())).detections
        assert seen.embeddings is not None
        unsure = replace(seen, scores=np.where(np.arange(len(seen)) % 3, seen.scores, np.float32(0.15)))
        wanted = tracker.wants_embedding(t_seconds, unsure)
        kept = replace(unsure, embeddings=seen.embeddings * wanted[:, None])
        ours, theirs = tracker.update(t_seconds, kept), twin.update(t_seconds, unsure)
        assert [(u.track_id, u.box_xyxy.tobytes(), u.quality) for u in ours] == [
            (u.track_id, u.box_xyxy.tobytes(), u.quality) for u in theirs
        ]


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(0, 1)), max_size=12), st.integers(0, 3))
def test_any_people_flow_through(found: list[tuple[float, float]], frames: int) -> None:
    tracker = SingleCameraTracker("a", selection=SELECTION)
    for index in range(frames):
        asked(tracker, float(index), people(100, 200, 300))
    detections = replace(people(*(x for x, _ in found)), scores=np.array([s for _, s in found], np.float32))
    wanted = tracker.wants_embedding(float(frames), detections)
    assert wanted.shape == (len(found),)
    assert not wanted[detections.scores < min(stage.min_score for stage in tracker.config.stages)].any()


@pytest.mark.parametrize(
    ("field", "value"), [("sure_overlap", 1.5), ("doubt_overlap", -0.1), ("young_looks", 0), ("every_seconds", -1.0)]
)
def test_a_bad_field_is_named(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        replace(SelectionConfig(), **{field: value})  # type: ignore[arg-type]
