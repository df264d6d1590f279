"""Parameters and multiply-adds of every OSNet variant and ablation, by the counter of reid.complexity.

python -m benchmarks.reid_complexity
"""

from dataclasses import replace

import torch
from rich.console import Console
from rich.table import Table

from reid.complexity import measure
from reid.osnet import OSNet
from reid.variants import ABLATIONS, VARIANTS, OSNetSpec

RESOLUTIONS = (1.0, 0.75, 0.5)


def row(name: str, spec: OSNetSpec) -> list[str]:
    with torch.device("meta"):
        network = OSNet(spec)
    resolutions = RESOLUTIONS if spec.stem == "person" else (1.0,)
    counts = [measure(network, *replace(spec, resolution=gamma).input_hw) for gamma in resolutions]
    adds = [f"{count.multiply_adds:,}" for count in counts] + [""] * (len(RESOLUTIONS) - len(counts))
    return [name, f"{counts[0].parameters:,}", f"{counts[0].parameters_by_use:,}", *adds]


def main() -> None:
    sizes = ("multiply-adds at 256x128 (CIFAR: 32x32)", "at 192x96", "at 128x64")
    table = Table("network", "parameters", "counted at every use", *sizes)
    for name, spec in [*VARIANTS.items(), *ABLATIONS.items()]:
        table.add_row(*row(name, spec))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
