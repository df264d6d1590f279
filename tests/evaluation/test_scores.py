"""The scores against hand-counted cases, and against an independent count of identity matches on real data."""

import json
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
import typer
from scipy.optimize import linear_sum_assignment
from typer.testing import CliRunner

from tests.resources import DATA, needs_data
from tracker.cli.evaluate import evaluate as command
from tracker.core.boxes import iou
from tracker.errors import OmnitrackError
from tracker.evaluation.mot import MotRows, read_mot, write_mot
from tracker.evaluation.scores import evaluate

app = typer.Typer()
app.command()(command)

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


def test_files_of_places_are_scored_as_they_are(tmp_path: Path) -> None:
    boxes = {"a": camera(tmp_path / "a.txt", [(1, 1, BOX)])}
    truth, found = tmp_path / "truth.txt", tmp_path / "ground.txt"
    truth.write_text("1,1,0,0\n2,1,1,0\n2,2,50,0\n")
    found.write_text("1,7,0,0.9\n2,7,1,1.1\n2,8,90,0\n")
    scores = evaluate(boxes, boxes, ground=(truth, found)).ground
    assert scores is not None
    assert scores.idf1 == pytest.approx(100 / 3)
    assert (scores.false_positives, scores.false_negatives) == (2, 2)
    scores = evaluate(boxes, boxes, ground=(truth, found), area=(-5, -5, 5, 5), distance_metres=2).ground
    assert scores is not None
    assert (scores.idf1, scores.mota, scores.gt_ids) == (100, 100, 1)
    scores = evaluate(boxes, boxes, ground=(truth, found), frames=(1, 1)).ground
    assert scores is not None
    assert scores.idf1 == 100


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "holds no ground position"),
        ("1,1,0\n", "ground.txt:1: expected frame from 1, id, X and Y"),
        ("1,1,0,0\n1,2,0,nan\n", "ground.txt:2: expected frame"),
        ("0,1,0,0\n", "ground.txt:1: expected frame"),
        ("1,1,0,0\n1,1,3,0\n", "ground.txt:2: id 1 stands more than once in frame 1"),
    ],
)
def test_a_bad_file_of_places_is_named(content: str, complaint: str, tmp_path: Path) -> None:
    boxes = {"a": camera(tmp_path / "a.txt", [(1, 1, BOX)])}
    good, bad = tmp_path / "good.txt", tmp_path / "ground.txt"
    good.write_text("1,1,0,0\n")
    bad.write_text(content)
    for files in ((good, bad), (bad, good)):
        with pytest.raises(OmnitrackError, match=complaint):
            evaluate(boxes, boxes, ground=files)


def test_truth_without_places_is_named(tmp_path: Path) -> None:
    placed, visible = tmp_path / "placed.txt", tmp_path / "visible.txt"
    placed.write_text("1,1,10,10,20,50,1,1,0.5,-1\n1,2,10,10,20,50,1,3,4,-1\n")
    visible.write_text("1,1,10,10,20,50,1,1,1.00\n2,1,10,10,20,50,1,1,0.35\n")
    bare = camera(tmp_path / "bare.txt", [(1, 1, BOX)])
    with pytest.raises(OmnitrackError, match="no ground truth holds a ground position"):
        evaluate({"a": bare}, {"a": placed}, ground=True)
    with pytest.raises(OmnitrackError, match="class and visibility"):
        evaluate({"a": visible}, {"a": placed}, ground=True)
    assert evaluate({"a": placed}, {"a": placed}, ground=True).ground is not None


def test_the_command_scores_ground_files_of_two_folders(tmp_path: Path) -> None:
    for name in ("out", "gt"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "C1.txt").write_text("1,1,10,10,20,50,1,1,0.35\n")
        (tmp_path / name / "ground.txt").write_text("1,1,0,0\n1,2,9,9\n")

    def ground(*options: str) -> dict[str, float]:
        arguments = [str(tmp_path / "out"), str(tmp_path / "gt"), "--ground", "--json", *options]
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        return dict(json.loads(done.stdout)["ground"])

    assert (ground()["idf1"], ground()["gt_ids"]) == (100, 2)
    assert ground("--area", "-1,-1,5,5")["gt_ids"] == 1
    for area in ("1,2,3", "5,0,1,9", "0,0,nan,1"):
        with pytest.raises(OmnitrackError, match="--area: expected X1,Y1,X2,Y2"):
            ground("--area", area)
    (tmp_path / "gt" / "ground.txt").unlink()
    with pytest.raises(OmnitrackError, match="class and visibility"):
        ground()


@needs_data
def test_the_truth_of_wildtrack_scores_itself() -> None:
    folder = DATA / "wildtrack_boxes" / "partA" / "gt"
    arguments = [str(folder), str(folder), "--ground", "--json", "--frames", "1-10"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    ground = json.loads(done.stdout)["ground"]
    truth = np.loadtxt(folder / "ground.txt", delimiter=",")
    assert (ground["mota"], ground["gt_ids"]) == (100, len(set(truth[truth[:, 0] <= 10, 1])))


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


def test_boxes_are_cut_to_the_picture_if_asked(tmp_path: Path) -> None:
    """Who is annotated beyond the picture is found in it only."""
    gt = camera(tmp_path / "gt.txt", [(1, 1, (-60.0, 10.0, 30.0, 60.0))])
    pred = camera(tmp_path / "pred.txt", [(1, 4, (0.0, 10.0, 30.0, 60.0))])

    def idf1(*options: str) -> float:
        done = CliRunner().invoke(app, [str(pred), str(gt), "--json", *options], catch_exceptions=False)
        return float(json.loads(done.stdout)["cameras"]["camera"]["idf1"])

    assert idf1() == 0
    assert idf1("--size", "100x100") == 100
    assert idf1("--size", "100X100") == 100
    for size in ("100", "0x9", "axb", "-1x5", "1920x²"):
        with pytest.raises(OmnitrackError, match="--size: expected WIDTHxHEIGHT"):
            idf1("--size", size)


def test_a_box_outside_of_the_picture_matches_nothing(tmp_path: Path) -> None:
    """Somebody annotated and somebody found there are both cut to one line on the picture's edge."""
    gt = camera(tmp_path / "gt.txt", [(1, 1, (-60.0, 10.0, -30.0, 60.0)), (1, 2, (10.0, 10.0, 30.0, 60.0))])
    pred = camera(tmp_path / "pred.txt", [(1, 4, (-90.0, 10.0, -50.0, 60.0)), (1, 5, (10.0, 10.0, 30.0, 60.0))])
    done = CliRunner().invoke(app, [str(pred), str(gt), "--json", "--size", "100x100"], catch_exceptions=False)
    scores = json.loads(done.stdout)["cameras"]["camera"]
    assert (scores["idf1"], scores["false_positives"], scores["false_negatives"]) == (50, 1, 1)


WILDTRACK_TOOL = REFERENCE_TOOL.parent / "wildtrack_score.py"


@pytest.mark.skipif(not WILDTRACK_TOOL.is_file(), reason="the reference scoring script does not lie beside the data")
def test_wildtrack_scores_equal_the_reference_script(tmp_path: Path) -> None:
    folder, rng = DATA / "wildtrack_boxes", np.random.default_rng(2)
    truth = folder / "partA" / "gt"
    for file in sorted(truth.glob("C?.txt")):
        rows = read_mot(file)
        rows = rows[rng.random(len(rows)) > 0.1]
        ids = rows.ids + 500 * (rows.frames > 8 + rows.ids % 5)
        boxes = rows.boxes_xyxy + rng.normal(0, 4, (len(rows), 1)).round(2)
        write_mot(tmp_path / file.name, MotRows(rows.frames, ids, boxes, rows.conf, rows.ground_metres))
    places = np.loadtxt(truth / "ground.txt", delimiter=",")
    places[:, 2:] += rng.normal(0, 0.4, (len(places), 2)).round(3)
    np.savetxt(tmp_path / "ground.txt", places, fmt=["%d", "%d", "%.3f", "%.3f"], delimiter=",")
    script = [sys.executable, str(WILDTRACK_TOOL), str(tmp_path), "partA", str(folder), "--frames", "1", "20"]
    done = subprocess.run(script, capture_output=True, check=True, text=True, cwd=WILDTRACK_TOOL.parent)
    expected = json.loads(done.stdout)
    arguments = [str(tmp_path), str(truth), "--ground", "--json", "--frames", "1-20", "--size", "1920x1080"]
    result = CliRunner().invoke(app, [*arguments, "--area=-3.5,-9.5,9.5,27.5"], catch_exceptions=False)
    ours = json.loads(result.stdout)
    for mine, theirs in ((ours["mtmc"], expected["image"]), (ours["ground"], expected["ground"])):
        assert 50 < mine["idf1"] < 99
        assert mine["idf1"] / 100 == pytest.approx(theirs["IDF1"], abs=1e-4)
        assert mine["mota"] / 100 == pytest.approx(theirs["MOTA"], abs=1e-4)
    assert ours["mtmc"]["hota"] / 100 == pytest.approx(expected["image"]["HOTA"], abs=1e-4)
