"""The scores against hand-counted cases, and against an independent count of identity matches on real data."""

import json
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from tests.resources import DATA, needs_data
from tracker.core.boxes import iou
from tracker.errors import OmnitrackError
from tracker.evaluation.mot import MotRows, read_mot, write_mot
from tracker.evaluation.scores import evaluate

BOX = (10.0, 10.0, 30.0, 60.0)
FAR = (210.0, 10.0, 230.0, 60.0)


def camera(path: Path, rows: list[tuple[int, int, tuple[float, ...]]], flags: list[float] | None = None) -> Path:
    write_mot(
        path,
        MotRows(
            np.array([r[0] for r in rows], np.int64),
            np.array([r[1] for r in rows], np.int64),
            np.array([r[2] for r in rows], np.float64).reshape(-1, 4),
            np.array(flags or [1.0] * len(rows)),
            np.full((len(rows), 2), np.nan),
        ),
    )
    return path


def test_perfect_tracks_score_100_whatever_the_numbers(tmp_path: Path) -> None:
    gt = camera(tmp_path / "gt.txt", [(1, 1, BOX), (1, 2, FAR), (2, 1, BOX)])
    pred = camera(tmp_path / "pred.txt", [(1, 9, BOX), (1, 4, FAR), (2, 9, BOX)])
    report = evaluate({"a": gt}, {"a": pred})
    scores = report.cameras["a"]
    assert (scores.idf1, scores.hota, scores.mota) == pytest.approx((100, 100, 100))
    assert report.mtmc is None


def test_two_cameras_count_only_under_one_id(tmp_path: Path) -> None:
    gt = {c: camera(tmp_path / f"gt_{c}.txt", [(f, 1, BOX) for f in range(1, 5)]) for c in "ab"}
    pred = {
        "a": camera(tmp_path / "a.txt", [(f, 5, BOX) for f in range(1, 5)]),
        "b": camera(tmp_path / "b.txt", [(f, 6, BOX) for f in range(1, 5)]),
    }
    report = evaluate(gt, pred)
    assert report.mtmc is not None
    assert report.cameras["b"].idf1 == 100
    assert report.mtmc.idf1 == pytest.approx(50)


def test_an_ignored_box_neither_rewards_nor_punishes(tmp_path: Path) -> None:
    gt = camera(tmp_path / "gt.txt", [(1, 1, BOX), (1, 2, FAR)], flags=[1.0, 0.0])
    pred = camera(tmp_path / "pred.txt", [(1, 1, BOX), (1, 2, FAR)])
    scores = evaluate({"a": gt}, {"a": pred}).cameras["a"]
    assert (scores.mota, scores.false_positives, scores.dropped) == (100, 0, 1)


def test_ground_positions_are_averaged_over_cameras(tmp_path: Path) -> None:
    for name, place in (("gt_a", "0,0"), ("gt_b", "0,0"), ("a", "0.5,0"), ("b", "-0.5,0")):
        (tmp_path / f"{name}.txt").write_text(f"1,1,10,10,20,50,1,{place}\n")
    gt = {c: tmp_path / f"gt_{c}.txt" for c in "ab"}
    report = evaluate(gt, {c: tmp_path / f"{c}.txt" for c in "ab"}, ground=True, distance_metres=0.1)
    assert report.ground is not None
    assert (report.ground.idf1, report.ground.gt_ids) == (100, 1)


def test_wrong_input_is_named(tmp_path: Path) -> None:
    gt = camera(tmp_path / "gt.txt", [(1, 1, BOX)])
    twice = camera(tmp_path / "twice.txt", [(1, 3, BOX), (1, 3, FAR)])
    with pytest.raises(OmnitrackError, match=r"twice\.txt: id 3 stands more than once in frame 1"):
        evaluate({"a": gt}, {"a": twice})
    with pytest.raises(OmnitrackError, match="camera 'a' has either no ground truth or no prediction"):
        evaluate({"a": gt}, {"b": gt})
    with pytest.raises(OmnitrackError, match="no prediction holds a ground position"):
        evaluate({"a": gt}, {"a": gt}, ground=True)


@needs_data
def test_identity_f1_on_real_data_equals_its_definition(tmp_path: Path) -> None:
    """IDF1 = 2 IDTP / (gt + predicted boxes), with the one-to-one identity mapping that maximises IDTP."""
    truth_file = DATA / "pets2009" / "gt_view001.txt"
    truth = read_mot(truth_file)
    rng = np.random.default_rng(0)
    keep = rng.random(len(truth)) > 0.2
    guess = truth[keep]
    shifted = guess.boxes_xyxy + rng.normal(0, 6, (len(guess), 1))
    ids = guess.ids + 100 * (guess.frames > 400)
    guess = MotRows(guess.frames, ids, shifted, guess.conf, np.full((len(guess), 2), np.nan))
    write_mot(tmp_path / "pred.txt", guess)
    guess = read_mot(tmp_path / "pred.txt")

    gt_ids, pred_ids = np.unique(truth.ids), np.unique(guess.ids)
    together = np.zeros((len(gt_ids), len(pred_ids)))
    for frame in np.unique(truth.frames):
        g, p = truth[truth.frames == frame], guess[guess.frames == frame]
        for row, column in np.argwhere(iou(g.boxes_xyxy, p.boxes_xyxy) >= 0.5):
            together[np.searchsorted(gt_ids, g.ids[row]), np.searchsorted(pred_ids, p.ids[column])] += 1
    row, column = linear_sum_assignment(together, maximize=True)
    expected = 100 * 2 * together[row, column].sum() / (len(truth) + len(guess))

    scores = evaluate({"v1": truth_file}, {"v1": tmp_path / "pred.txt"}).cameras["v1"]
    assert scores.idf1 == pytest.approx(expected, abs=1e-9)
    assert scores.gt_ids == 19


REFERENCE_TOOL = DATA.parent / "tools" / "evaluate_tracks.py"


@pytest.mark.skipif(not REFERENCE_TOOL.is_file(), reason="the reference scoring script does not lie beside the data")
def test_scores_equal_the_reference_script(tmp_path: Path) -> None:
    folder = DATA / "pets2009"
    gt = {"v1": folder / "gt_view001.txt", "v6": folder / "gt_view006_derived.txt"}
    ignore = {"v6": folder / "ignore_view006_derived.txt"}
    pred = {}
    rng = np.random.default_rng(1)
    for name, file in gt.items():
        truth = read_mot(file)
        truth = truth[rng.random(len(truth)) > 0.15]
        ids = truth.ids + 50 * (truth.frames > 300 + 10 * truth.ids)
        boxes = truth.boxes_xyxy + rng.normal(0, 5, (len(truth), 1))
        pred[name] = tmp_path / f"{name}.txt"
        write_mot(pred[name], MotRows(truth.frames, ids, boxes, np.ones(len(truth)), truth.ground_metres))
    options = []
    for option, files in (("--gt", gt), ("--pred", pred), ("--ignore", ignore)):
        options += [option, *(f"{name}={file}" for name, file in files.items())]
    script = [sys.executable, str(REFERENCE_TOOL), *options, "--ground", "--json", "-"]
    expected = json.loads(subprocess.run(script, capture_output=True, check=True, text=True).stdout)

    report = evaluate(gt, pred, ignore, ground=True)
    assert report.mtmc is not None
    assert report.ground is not None
    ours = [*report.cameras.values(), report.mtmc, report.ground]
    reference = [*expected["cameras"].values(), expected["mtmc"], expected["ground"]]
    for mine, theirs in zip(ours, reference, strict=True):
        assert astuple(mine) == pytest.approx(tuple(theirs.values()), abs=1e-6)
