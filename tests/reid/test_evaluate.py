"""The CUHK01 protocol: people 1-485, camera A's crops against camera B's, cosine."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from reid import weights
from reid.datasets import ReidData, Sample, read
from reid.errors import ReidError
from reid.evaluate import evaluate_network
from reid.extractor import FeatureExtractor
from reid.osnet import build
from reid.preprocess import OPEN_MODEL_ZOO_INPUT, OSNET_INPUT, InputSpec
from reid.pretrained import SHIPPED_WEIGHTS
from reid.reranking import Reranking

# Rank-1 as measured on the PNG originals; the shared crops are JPEGs.
PUBLISHED = {
    "osnet_x0_25_msmt17.pth": 0.614,
    "osnet_x0_25_market1501.pth": 0.364,
    "osnet_x0_25_msmt17_folded.pth": 0.745,
    "osnet_x1_0_dequantised.pth": 0.800,
    "person-reidentification-retail/person-reidentification-retail-0286-FP16.xml": 0.918,
    "person-reidentification-retail/person-reidentification-retail-0287-FP32.xml": 0.899,
    "person-reidentification-retail/person-reidentification-retail-0288-FP32.xml": 0.816,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_rank_1_of_the_shared_networks(name: str, models_dir: Path, data_dir: Path) -> None:
    spec = OPEN_MODEL_ZOO_INPUT if name.endswith(".xml") else OSNET_INPUT
    result = evaluate_network(FeatureExtractor.open(models_dir / name, spec), read("cuhk01", data_dir / "cuhk01"))
    assert (result.query_crops, result.gallery_crops, result.scores.queries) == (970, 970, 970)
    assert result.scores.rank(1) == pytest.approx(PUBLISHED[name], abs=0.015)


@pytest.mark.slow
def test_rank_1_of_the_weights_that_come_with_the_library(data_dir: Path) -> None:
    result = evaluate_network(FeatureExtractor.open(SHIPPED_WEIGHTS), read("cuhk01", data_dir / "cuhk01"))
    assert (result.query_crops, result.gallery_crops) == (970, 970)
    assert result.scores.rank(1) == pytest.approx(0.651, abs=0.015)


@pytest.fixture
def colours(tmp_path: Path) -> ReidData:
    """People are plain colours, so that any network finds them again."""
    samples = []
    for person, colour in enumerate(((250, 10, 10), (10, 250, 10), (10, 10, 250))):
        for camera in (0, 1):
            path = tmp_path / f"{person}_{camera}.png"
            cv2.imwrite(str(path), np.full((20, 10, 3), colour, np.uint8))
            samples.append(Sample(path, person, camera))
    cameras = [tuple(s for s in samples if s.camera == camera) for camera in (0, 1)]
    return ReidData((), *cameras)


def test_scores_and_progress(colours: ReidData, tmp_path: Path) -> None:
    weights.save(build("osnet_x0_25"), tmp_path / "net.safetensors", InputSpec(32, 16).to_metadata())
    extractor = FeatureExtractor.open(tmp_path / "net.safetensors")
    steps: list[int] = []
    result = evaluate_network(extractor, colours, "l2", Reranking(k1=1, k2=1), steps.append)
    assert sum(steps) == 6
    assert (result.scores.rank(1), result.scores.mean_ap) == (1.0, 1.0)
    assert result.reranked is not None
    assert result.reranked.rank(1) == 1.0
    with pytest.raises(ReidError, match="no queries"):
        evaluate_network(extractor, ReidData(train=colours.query))
