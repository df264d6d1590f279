"""Nobody can be recognised in what leaves the pipeline."""

from dataclasses import replace

import numpy as np
import pytest

from tests.test_pipeline import RecordingSink
from tracker.core.types import Detections, FloatArray, TrackState, TrackUpdate
from tracker.ports import Step
from tracker.video.frame import Frame, FrameBatch
from tracker.video.privacy import PrivacySink, pixelate

NOISE = np.random.default_rng(3).integers(0, 256, (200, 300, 3), np.uint8)
ANN, BOB, EVE = ((20.0, 20.0, 60.0, 120.0), (100.0, 20.0, 140.0, 120.0), (200.0, 20.0, 240.0, 120.0))
ZOE = (150.0, 125.0, 185.0, 195.0)


def boxes(*rows: tuple[float, ...]) -> FloatArray:
    return np.array(rows, np.float32).reshape(-1, 4)


def detail(image: np.ndarray, box: tuple[float, float, float, float]) -> float:
    """How much neighbouring pixels differ inside a box."""
    x1, y1, x2, y2 = (int(value) for value in box)
    return float(np.abs(np.diff(image[y1:y2, x1:x2].astype(int), axis=1)).mean())


def test_boxes_lose_their_detail_and_the_rest_stays() -> None:
    hidden = pixelate(NOISE, boxes(ANN))
    assert detail(hidden, ANN) < 0.1 * detail(NOISE, ANN)
    np.testing.assert_array_equal(hidden[:, 70:], NOISE[:, 70:])
    assert len(np.unique(hidden[20:120, 20:60].reshape(-1, 3), axis=0)) <= 6 * 14


@pytest.mark.parametrize("box", [(-50, -50, -10, -10), (290, 190, 400, 400), (-20, -20, 400, 400), (5, 5, 6, 6)])
def test_boxes_over_the_edge_do_no_harm(box: tuple[float, ...]) -> None:
    assert pixelate(NOISE, boxes(box)).shape == NOISE.shape


def test_nobody_is_nothing() -> None:
    np.testing.assert_array_equal(pixelate(NOISE, boxes()), NOISE)


def update(track_id: int, box: tuple[float, ...], row: int | None, state: TrackState) -> TrackUpdate:
    return TrackUpdate("gate", track_id, 0.0, state, boxes(box)[0], 0.9, row)


def test_everybody_is_hidden_but_those_who_may_be_shown() -> None:
    """Ann may be shown, Bob is a track that was not detected just now, Eve a detection without a track, and Zoe was
    found where nobody counts.
    """
    kept = RecordingSink()
    sink = PrivacySink([kept], {("gate", 1): 7, ("gate", 2): 8}.get, lambda identity_id: identity_id == 7)
    updates = [update(1, ANN, 0, TrackState.CONFIRMED), update(2, BOB, None, TrackState.LOST)]
    found = Detections(boxes(ANN, EVE), np.full(2, 0.9, np.float32))
    step = Step(FrameBatch(0.0, {"gate": Frame("gate", 0, 0.0, NOISE)}), {"gate": updates}, [], {"gate": found})
    step = replace(step, everybody_xyxy={"gate": boxes(ANN, EVE, ZOE)})
    sink.write(step)
    (passed,) = kept.steps
    image = passed.batch.frames["gate"].image
    np.testing.assert_array_equal(image[20:120, 20:60], NOISE[20:120, 20:60])
    for person in (BOB, EVE, ZOE):
        assert detail(image, person) < 0.1 * detail(NOISE, person)
    assert passed.updates is step.updates
    sink.write(replace(step, updates={}, detections={}, everybody_xyxy={}, batch=FrameBatch(0.1, {})))
    sink.close()
    assert (len(kept.steps), kept.closed) == (2, 1)
