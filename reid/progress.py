"""How far a run is: told to whoever listens, and kept in its log."""

import csv
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class EpochReport:
    """epoch counts from 1; loss is the mean over its batches; the rest only where it was evaluated: rank_1 and mean_ap
    of people, top_1 and top_5 of classes, mean_accuracy and f1 of attributes.
    """

    epoch: int
    learning_rate: float
    loss: float
    seconds: float
    rank_1: float | None = None
    mean_ap: float | None = None
    top_1: float | None = None
    top_5: float | None = None
    mean_accuracy: float | None = None
    f1: float | None = None


SCORES = ("rank_1", "mean_ap", "top_1", "top_5", "mean_accuracy", "f1")
"""The fields of EpochReport that an evaluation gives."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who wants to know how far a run is: crops described by the teachers, batches, epochs."""

    teacher: Callable[[int, int], None] = field(default=lambda crops, total: None)
    batch: Callable[[int, int, float], None] = field(default=lambda number, total, loss: None)
    epoch: Callable[[EpochReport], None] = field(default=lambda report: None)


def append_to_log(path: Path, report: EpochReport) -> None:
    """Append a row; rows of this and later epochs, left by a run that was killed before its checkpoint, go."""
    row = asdict(report)
    earlier: list[dict[str, str]] = []
    if path.is_file():
        with path.open(newline="") as file:
            earlier = [done for done in csv.DictReader(file) if int(done["epoch"]) < report.epoch]
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        writer.writeheader()
        writer.writerows([*earlier, row])
    partial.replace(path)
