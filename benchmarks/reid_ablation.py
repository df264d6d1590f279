"""How streams and gates matter (the paper's Table 5) at reduced scale: OSNet x0.25, 64x32, from scratch on CUHK01.

    OMNITRACK_DATA=... python -m benchmarks.reid_ablation --out RUNS [--epochs 20] [--seeds 3] [--rows NAME ...]

Trains on people 486-971 and scores people 1-485: mean ± half the range over the seeds. A run that `out`
already holds is not repeated, one that was stopped goes on.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from reid.complexity import measure
from reid.config import TrainingConfig, load
from reid.datasets import read
from reid.evaluate import evaluate_network
from reid.extractor import FeatureExtractor
from reid.osnet import build
from reid.train import train

CONFIG = Path(__file__).parent.parent / "configs" / "reid" / "ablation_cuhk01.yaml"
ROWS = ("one_stream", "addition", "unified_gate", "stream_wise_gate", "separate_gates")


def scored(plan: TrainingConfig, out: Path) -> tuple[float, float]:
    """Rank-1 and mAP of a run, which is trained first where `out` does not hold it."""
    source = plan.data[0]
    weights_path = train(plan, out)
    extractor = FeatureExtractor.open(weights_path, variant=plan.variant)
    scores = evaluate_network(extractor, read(source.name, source.root, source.division)).scores
    return scores.rank(1), scores.mean_ap


def spread(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.ptp(values) / 2:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", nargs="+", default=ROWS, help="names in reid.variants.ABLATIONS")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = Table("row", "parameters", "rank-1", "mAP", f"of {options.seeds} seeds, {options.epochs} epochs")
    base = load(CONFIG)
    console = Console(stderr=True)
    for row in options.rows:
        results = []
        for seed in track(range(options.seeds), row, console=console):
            changes = {"variant": f"{row}_x0_25", "seed": seed, "epochs": options.epochs}
            plan = base.model_copy(update=changes)
            results.append(scored(plan, options.out / f"{row}_{seed}"))
        with torch.device("meta"):
            size = measure(build(f"{row}_x0_25"), base.input.height, base.input.width).parameters
        firsts, areas = ([float(part[i]) for part in results] for i in (0, 1))
        table.add_row(row, f"{size:,}", spread(firsts), spread(areas), " ".join(f"{first:.3f}" for first in firsts))
    Console().print(table)


if __name__ == "__main__":
    main()
