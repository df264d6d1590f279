"""The three sheets of `main.py reid visualise`, from a data set and a network's weights."""

from collections.abc import Sequence
from pathlib import Path

import cv2

from reid import visualise, weights
from reid.datasets import ReidData, Sample, evenly_spread, read_crop
from reid.errors import ReidError
from reid.evaluate import features_of, labels_of
from reid.extractor import FeatureExtractor
from reid.metadata import input_spec_of
from reid.preprocess import Image

PAIRS_A_ROW = 5
COLUMNS = 10
GATE_CROPS = 400


def write_sheets(weights_path: Path, data: ReidData, out: Path, rows: int, variant: str | None = None) -> list[Path]:
    """Write activations.png, gates.png and ranked.png, of `rows` rows each, into `out` and return their paths.

    A network without gates (reid.visualise.has_gates) has no gates.png.

    Raises ReidError where the data set has no queries or no gallery, or the weights do not fit a network.
    """
    if not data.query or not data.gallery:
        raise ReidError("this data set has no queries or no gallery; choose one that has both")
    out.mkdir(parents=True, exist_ok=True)
    network, spec = weights.load(weights_path, variant), input_spec_of(weights_path)
    people = _read(evenly_spread(data.query, rows * PAIRS_A_ROW))
    maps = visualise.activation_maps(network, people, spec)
    sheets = {"activations.png": visualise.activation_sheet(people, maps, PAIRS_A_ROW)}
    if visualise.has_gates(network):
        crops = _read(evenly_spread(data.gallery, GATE_CROPS))
        clusters = visualise.cluster(visualise.gate_values(network, crops, spec), rows)
        sheets["gates.png"] = visualise.cluster_sheet(crops, clusters, COLUMNS)
    sheets["ranked.png"] = _ranked(FeatureExtractor.open(weights_path, variant=variant), data, rows)
    for name, picture in sheets.items():
        cv2.imwrite(str(out / name), picture)
    return [out / name for name in sheets]


def _ranked(extractor: FeatureExtractor, data: ReidData, rows: int) -> Image:
    queries = evenly_spread(data.query, rows)
    features = features_of(extractor, queries), features_of(extractor, data.gallery)
    labels = labels_of(queries), labels_of(data.gallery)
    return visualise.ranked_sheet(
        _read(queries), lambda place: read_crop(data.gallery[place]), features, labels, COLUMNS
    )


def _read(samples: Sequence[Sample]) -> list[Image]:
    return [read_crop(sample) for sample in samples]
