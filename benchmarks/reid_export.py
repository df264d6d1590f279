"""What export costs: every file that `main.py reid export` writes, against the weights that it comes from.

    OMNITRACK_DATA=... python -m benchmarks.reid_export WEIGHTS [--people 121]

CUHK01, people 1 to `people`: the crops of camera A are queries, those of camera B the gallery, cosine. Differences are
of unit features of these crops; int8 is calibrated on crops of people who are not among them.
"""

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.table import Table

from reid.datasets import Division, ReidData, evenly_spread, read, read_crop
from reid.evaluate import features_of, labels_of
from reid.export import parity, to_onnx, to_openvino, to_openvino_int8
from reid.extractor import FeatureExtractor, Precision
from reid.preprocess import FloatArray
from reid.ranking import evaluate

CALIBRATION_CROPS = 98


def features(path: Path, data: ReidData, precision: Precision = "f32") -> tuple[FloatArray, FloatArray]:
    """Unit features of the queries (q, d) and of the gallery (g, d)."""
    extractor = FeatureExtractor.open(path, precision=precision)
    return features_of(extractor, data.query), features_of(extractor, data.gallery)


def exported(weights_path: Path, data: ReidData, folder: Path) -> list[tuple[str, Path, Precision]]:
    """Name, file and what it computes in, of every way to run the weights without torch."""
    onnx, plain, int8 = folder / "net.onnx", folder / "net.xml", folder / "int8.xml"
    to_onnx(weights_path, onnx)
    to_openvino(weights_path, plain)
    to_openvino_int8(weights_path, int8, [read_crop(sample) for sample in evenly_spread(data.train, CALIBRATION_CROPS)])
    return [
        ("ONNX", onnx, "f32"),
        ("OpenVINO", plain, "f32"),
        ("OpenVINO, computed in bf16", plain, "bf16"),
        ("OpenVINO int8", int8, "f32"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="OSNet weights (.pth, .safetensors)")
    parser.add_argument("--people", type=int, default=121, help="how many test, of 485")
    options = parser.parse_args()
    data = read("cuhk01", Path(os.environ["OMNITRACK_DATA"]) / "cuhk01", Division((1, options.people)))
    labels = labels_of(data.query), labels_of(data.gallery)
    table = Table("file", "largest difference", "smallest cosine", "mean cosine", "rank-1", "mAP")

    def add(name: str, found: tuple[FloatArray, FloatArray]) -> None:
        figures = parity(np.concatenate(ours), np.concatenate(found))
        scores = evaluate(found[0], labels[0], found[1], labels[1])
        cosines = (f"{figures.smallest_cosine:.4f}", f"{figures.mean_cosine:.4f}")
        found_again = (f"{scores.rank(1):.3f}", f"{scores.mean_ap:.3f}")
        table.add_row(name, f"{figures.largest_difference:.1e}", *cosines, *found_again)

    ours = features(options.weights, data)
    add("torch", ours)
    with TemporaryDirectory() as folder:
        for name, path, precision in exported(options.weights, data, Path(folder)):
            add(name, features(path, data, precision))
    Console(width=120).print(f"{len(data.query)} queries, gallery {len(data.gallery)}", table)


if __name__ == "__main__":
    main()
