"""An appearance network between the two views of PETS2009: is the mean vector of a person's track in view 1 nearest to
the same person's mean in view 6?

    OMNITRACK_DATA=... python -m benchmarks.reid_pets [WEIGHTS ...]

Boxes and persons as in embedders.py; WEIGHTS are any files that reid evaluates, by default the network that ships.
"""

import os
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.embedders import auc, load_view, means, rank1
from reid.extractor import FeatureExtractor
from reid.preprocess import INPUTS
from reid.pretrained import SHIPPED_WEIGHTS


def main() -> None:
    folder = Path(os.environ["OMNITRACK_DATA"]) / "pets2009"
    views = [load_view(folder, "001", "gt_view001.txt"), load_view(folder, "006", "gt_view006_derived.txt")]
    table = Table("network", "rank-1 of track means", "AUC of track means", "tracks")
    for path in [Path(argument) for argument in sys.argv[1:]] or [SHIPPED_WEIGHTS]:
        spec = INPUTS["open_model_zoo"] if path.stem.startswith("person-reidentification") else None
        extractor = FeatureExtractor.open(path, spec)
        (tracks, people), (gallery, known) = (means(extractor(crops), ids[:, None]) for crops, ids, _ in views)
        there = np.isin(people[:, 0], known[:, 0])
        compared = (tracks[there], people[there, 0], gallery, known[:, 0])
        table.add_row(path.stem, f"{rank1(*compared):.3f}", f"{auc(*compared):.3f}", str(int(there.sum())))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
