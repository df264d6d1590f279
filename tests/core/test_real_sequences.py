"""The tracker on real detections."""

from pathlib import Path

import pytest

from benchmarks.single_camera import OSNET, SEQUENCES, Bench
from tests.resources import DATA, needs_data
from tracker.cli.single_camera import interpolated, track_frames
from tracker.core.presets import PRESETS
from tracker.evaluation.metrics import Scores
from tracker.evaluation.mot import MotRows, write_mot
from tracker.evaluation.scores import evaluate
from tracker.recorded.files import read_recording

FLOORS = {"PETS View_001": (86, 63), "PETS View_006": (76, 72), "TUD-Campus": (73, 52), "TUD-Stadtmitte": (78, 53)}
"""IDF1 and HOTA, about two points below what the tracker reaches."""


def scored(folder: Path, rows: MotRows) -> Scores:
    write_mot(folder / "c.txt", rows)
    return evaluate({"c": DATA / "pets2009/gt_view001.txt"}, {"c": folder / "c.txt"}).cameras["c"]


@needs_data
def test_filling_gaps_finds_people_without_inventing_them(tmp_path: Path) -> None:
    recording = read_recording("c", DATA / "pets2009/frozen_yolo11n_int8_view001.npz", "emb_osnet_x0_25")
    rows = track_frames(recording.frames, 7.0, PRESETS["reid"])
    plain, filled = scored(tmp_path, rows), scored(tmp_path, interpolated(rows, 7.0, 1.0, PRESETS["reid"].motion))
    assert filled.idf1 > plain.idf1
    assert filled.hota > plain.hota
    found = plain.false_negatives - filled.false_negatives
    assert found > 3 * (filled.false_positives - plain.false_positives)


@needs_data
@pytest.mark.parametrize("name", list(SEQUENCES))
def test_the_tracker_is_as_good_as_its_figures_say(tmp_path: Path, name: str) -> None:
    bench = Bench(DATA, tmp_path)
    scores = bench.score(name, bench.rows(name, "reid", OSNET if SEQUENCES[name].embedded else None))
    idf1, hota = FLOORS[name]
    assert scores.idf1 > idf1
    assert scores.hota > hota
