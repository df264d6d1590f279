"""CUHK01, people 1-485: every crop of camera A a query, all crops of camera B the gallery, cosine.

    OMNITRACK_DATA=... OMNITRACK_MODELS=... python -m benchmarks.reid_cuhk01 [WEIGHTS ...]

Without arguments: every appearance network in OMNITRACK_MODELS, and the one that this project ships. The models'
README reports rank-1 on the PNG originals; the data are JPEG copies.
"""

import os
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from reid.datasets import read
from reid.evaluate import evaluate_network
from reid.extractor import FeatureExtractor
from reid.preprocess import INPUTS
from reid.pretrained import SHIPPED_WEIGHTS
from reid.reranking import Reranking

REPORTED = {
    "osnet_x0_25_msmt17": 0.614,
    "osnet_x0_25_market1501": 0.364,
    "osnet_x0_25_msmt17_folded": 0.745,
    "osnet_x1_0_dequantised": 0.800,
    "person-reidentification-retail-0286-FP16": 0.918,
    "person-reidentification-retail-0287-FP32": 0.899,
    "person-reidentification-retail-0288-FP32": 0.816,
}


def networks() -> list[Path]:
    if len(sys.argv) > 1:
        return [Path(argument) for argument in sys.argv[1:]]
    folder = Path(os.environ["OMNITRACK_MODELS"])
    shared = [*sorted(folder.glob("osnet_*.pth")), *sorted((folder / "person-reidentification-retail").glob("*.xml"))]
    return [*shared, *([SHIPPED_WEIGHTS] if SHIPPED_WEIGHTS.is_file() else [])]


def main() -> None:
    data = read("cuhk01", Path(os.environ["OMNITRACK_DATA"]) / "cuhk01")
    table = Table("network", "rank-1", "reported", "rank-5", "rank-10", "mAP", "mINP", "rank-1, mAP re-ranked")
    for path in networks():
        spec = INPUTS["open_model_zoo"] if path.stem.startswith("person-reidentification") else None
        result = evaluate_network(FeatureExtractor.open(path, spec), data, reranking=Reranking())
        scores, reranked = result.scores, result.reranked
        shares = [f"{scores.rank(k):.3f}" for k in (1, 5, 10)]
        again = f"{reranked.rank(1):.3f}, {reranked.mean_ap:.3f}" if reranked else ""
        reported = f"{REPORTED[path.stem]:.3f}" if path.stem in REPORTED else ""
        areas = [f"{scores.mean_ap:.3f}", f"{scores.mean_inp:.3f}"]
        table.add_row(path.stem, shares[0], reported, *shares[1:], *areas, again)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
