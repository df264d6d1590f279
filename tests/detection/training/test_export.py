"""A network with random weights on drawn people: files, figures and errors, not quality."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.detection.training.pictures import write_data
from tests.detection.training.test_training import plan
from tracker.detection.training.annotations import LabelledImage
from tracker.detection.training.export import export
from tracker.detection.training.run import train
from tracker.detection.training.validation import LOWEST_SCORE, corners, detector_of, judged
from tracker.errors import OmnitrackError
from tracker.evaluation.detection import calibration


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"), val=6)


@pytest.fixture(scope="module")
def network(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(plan(data, epochs=1), tmp_path_factory.mktemp("run"))


def test_corners_are_pixels() -> None:
    image = LabelledImage(Path("x.jpg"), 100, 200, np.array([[0.5, 0.5, 0.1, 0.2]], np.float32))
    np.testing.assert_allclose(corners(image), [[90, 40, 110, 60]], rtol=1e-6)


def test_export_writes_a_detector_with_calibrated_scores(network: Path, data: Path, tmp_path: Path) -> None:
    scores = export(network, tmp_path / "out", (64, 96), data)
    figures = json.loads((tmp_path / "out/person.json").read_text())
    assert figures["threshold"] == scores.threshold
    assert (figures["height"], figures["width"], figures["pictures"]) == (64, 96, 6)
    detector = detector_of(tmp_path / "out/person.xml", (64, 96), tmp_path)
    (found,) = detector.detect([np.full((50, 80, 3), 120, np.uint8)])
    assert (found.scores >= LOWEST_SCORE).all()


def test_calibrated_scores_are_the_line_through_the_logits(network: Path, data: Path, tmp_path: Path) -> None:
    from tracker.detection.training.annotations import read_split

    images = read_split(data, "val")
    raw = judged(detector_of(network, (64, 64), tmp_path), images)
    slope, offset = calibration(raw.scores, raw.right[:, 0])
    export(network, tmp_path / "out", (64, 64), data)
    ours = judged(detector_of(tmp_path / "out/person.xml", (64, 64), tmp_path), images)
    expected = 1 / (1 + np.exp(-(slope * np.log(raw.scores / (1 - raw.scores)) + offset)))
    expected = expected[expected >= LOWEST_SCORE + 1e-3]
    found = np.sort(ours.scores)[::-1][: len(expected)]
    np.testing.assert_allclose(found, np.sort(expected)[::-1], atol=2e-3)


def test_a_file_that_is_no_network_is_named(data: Path, tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(b"no")
    with pytest.raises(OmnitrackError, match=r"x.pt: is not a weight file"):
        export(tmp_path / "x.pt", tmp_path / "out", (64, 64), data)
