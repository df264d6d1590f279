"""Single-camera, multi-camera and ground-plane scores of MOT files; the metric maths is TrackEval's.

Protocols:
  camera  each camera alone.
  mtmc    all cameras laid end to end as one sequence with global ids: a person is right in two cameras only
          under one id. IDSW (and MOTA) may count one extra switch per person at the seam between two cameras.
  ground  one point per id and frame, averaged over the cameras; similarity max(0, 1 - d / 2D), so that a pair
          matches within D metres.

Ignore boxes are ground-truth rows with flag 0 and all rows of ignore files. A prediction that the per-frame
assignment to real boxes leaves over is dropped when the box it overlaps most is an ignore box, at IoU >= the
threshold: neither rewarded nor punished.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tracker.core.boxes import iou as iou_matrix
from tracker.errors import OmnitrackError
from tracker.evaluation.mot import MotRows, read_mot


@dataclass(frozen=True, slots=True)
class Scores:
    """Percentages (IDF1 .. MOTA) and counts. HOTA, DetA and AssA are means over alpha = 0.05 .. 0.95."""

    idf1: float
    idp: float
    idr: float
    hota: float
    deta: float
    assa: float
    mota: float
    id_switches: int
    false_positives: int
    false_negatives: int
    ids: int
    gt_ids: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Report:
    """Scores by camera; mtmc is None for one camera, ground is None unless asked for."""

    cameras: dict[str, Scores]
    mtmc: Scores | None
    ground: Scores | None


@dataclass(frozen=True, slots=True, eq=False)
class TimeStep:
    """What one time step compares: ids (g,) and (p,) and their similarity (g, p) in [0, 1]."""

    gt_ids: NDArray[np.int64]
    pred_ids: NDArray[np.int64]
    similarity: NDArray[np.float64]


def box_step(gt: MotRows, pred: MotRows) -> TimeStep:
    return TimeStep(gt.ids, pred.ids, np.asarray(iou_matrix(gt.boxes_xyxy, pred.boxes_xyxy), np.float64))


def on_ignored_box(
    real: NDArray[np.float64], ignore: NDArray[np.float64], pred: NDArray[np.float64], threshold: float
) -> NDArray[np.bool_]:
    """Mask (p,) of the predictions that stand on an ignore box and on no real one; boxes are xyxy."""
    if not len(ignore) or not len(pred):
        return np.zeros(len(pred), np.bool_)
    best_ignore = iou_matrix(pred, ignore).max(axis=1)
    drop: NDArray[np.bool_] = best_ignore >= threshold
    if len(real):
        iou = iou_matrix(pred, real)
        drop &= best_ignore > iou.max(axis=1)
        gated = np.where(iou >= threshold, iou, 0.0)
        row, column = linear_sum_assignment(gated, maximize=True)
        drop[row[gated[row, column] > 0]] = False
    return drop


def require_unique(rows: MotRows, what: str) -> None:
    """Raises OmnitrackError when an id stands twice in one frame."""
    pairs, count = np.unique(np.column_stack([rows.frames, rows.ids]), axis=0, return_counts=True)
    if (count > 1).any():
        frame, number = pairs[count > 1][0]
        raise OmnitrackError(f"{what}: id {number} stands more than once in frame {frame}; each id is one person")


def paired_frames(
    gt: MotRows, pred: MotRows, ignore: MotRows | None, threshold: float, frames: tuple[int, int] | None
) -> tuple[list[tuple[MotRows, MotRows]], int]:
    """Per frame (real ground truth, prediction) without ignored rows, and the number of predictions dropped."""
    real, ignored = gt[gt.conf != 0], gt[gt.conf == 0]
    if ignore is not None:
        ignored = MotRows.concatenate([ignored, ignore])
    first, last = frames or (1, int(max((r.frames.max() for r in (gt, pred) if len(r)), default=0)))
    steps, dropped = [], 0
    for frame in range(first, last + 1):
        g, i, p = (rows[rows.frames == frame] for rows in (real, ignored, pred))
        drop = on_ignored_box(g.boxes_xyxy, i.boxes_xyxy, p.boxes_xyxy, threshold)
        dropped += int(drop.sum())
        steps.append((g, p[~drop]))
    return steps, dropped


def score(steps: Sequence[TimeStep], threshold: float, dropped: int = 0) -> Scores:
    """Identity and CLEAR metrics at similarity >= threshold, HOTA over its usual thresholds."""
    from trackeval.metrics import CLEAR, HOTA, Identity  # slow to import; only evaluation needs it

    gt_index = {v: k for k, v in enumerate(sorted({int(i) for s in steps for i in s.gt_ids}))}
    pred_index = {v: k for k, v in enumerate(sorted({int(i) for s in steps for i in s.pred_ids}))}
    data: dict[str, Any] = {
        "num_timesteps": len(steps),
        "num_gt_ids": len(gt_index),
        "num_tracker_ids": len(pred_index),
        "num_gt_dets": sum(len(s.gt_ids) for s in steps),
        "num_tracker_dets": sum(len(s.pred_ids) for s in steps),
        "gt_ids": [np.array([gt_index[int(i)] for i in s.gt_ids], np.int64) for s in steps],
        "tracker_ids": [np.array([pred_index[int(i)] for i in s.pred_ids], np.int64) for s in steps],
        "similarity_scores": [s.similarity for s in steps],
    }
    quiet = {"THRESHOLD": threshold, "PRINT_CONFIG": False}
    identity, clear, hota = (m.eval_sequence(data) for m in (Identity(quiet), CLEAR(quiet), HOTA()))
    return Scores(
        idf1=100 * float(identity["IDF1"]),
        idp=100 * float(identity["IDP"]),
        idr=100 * float(identity["IDR"]),
        hota=100 * float(np.mean(hota["HOTA"])),
        deta=100 * float(np.mean(hota["DetA"])),
        assa=100 * float(np.mean(hota["AssA"])),
        mota=100 * float(clear["MOTA"]),
        id_switches=int(clear["IDSW"]),
        false_positives=int(clear["CLR_FP"]),
        false_negatives=int(clear["CLR_FN"]),
        ids=len(pred_index),
        gt_ids=len(gt_index),
        dropped=dropped,
    )


def positions(rows: MotRows) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """One ground point per id: ids (k,) and the mean of its rows (k, 2) in metres; rows without position left out."""
    rows = rows[~np.isnan(rows.ground_metres[:, 0])]
    ids = np.unique(rows.ids)
    points = [rows.ground_metres[rows.ids == i].mean(axis=0) for i in ids]
    return ids, np.array(points, np.float64).reshape(-1, 2)


def ground_steps(cameras: Sequence[Sequence[tuple[MotRows, MotRows]]], distance_metres: float) -> Iterator[TimeStep]:
    """Join the cameras frame by frame on the ground plane."""
    for t in range(max((len(c) for c in cameras), default=0)):
        here = [steps[t] for steps in cameras if t < len(steps)]
        gt_ids, gt_points = positions(MotRows.concatenate(g for g, _ in here))
        pred_ids, pred_points = positions(MotRows.concatenate(p for _, p in here))
        apart = np.linalg.norm(gt_points[:, None] - pred_points[None], axis=-1)
        yield TimeStep(gt_ids, pred_ids, np.clip(1 - apart / (2 * distance_metres), 0, None))


def evaluate(
    gt: Mapping[str, Path],
    pred: Mapping[str, Path],
    ignore: Mapping[str, Path] | None = None,
    *,
    iou: float = 0.5,
    frames: tuple[int, int] | None = None,
    ground: bool = False,
    distance_metres: float = 1.0,
) -> Report:
    """Score MOT files, given as {camera: path}; `frames` (first, last) limits all cameras to these frames.

    Raises OmnitrackError for cameras without counterpart, unreadable files and ids that stand twice in a frame.
    """
    if unmatched := set(gt) ^ set(pred):
        raise OmnitrackError(f"camera {sorted(unmatched)[0]!r} has either no ground truth or no prediction")
    if strangers := set(ignore or {}) - set(gt):
        raise OmnitrackError(f"ignore file for unknown camera {sorted(strangers)[0]!r}")
    pairs: dict[str, list[tuple[MotRows, MotRows]]] = {}
    steps: dict[str, list[TimeStep]] = {}
    cameras: dict[str, Scores] = {}
    for name in gt:
        truth, guess = read_mot(gt[name]), read_mot(pred[name])
        require_unique(truth[truth.conf != 0], str(gt[name]))
        require_unique(guess, str(pred[name]))
        ignored = read_mot(ignore[name]) if ignore and name in ignore else None
        pairs[name], dropped = paired_frames(truth, guess, ignored, iou, frames)
        steps[name] = [box_step(g, p) for g, p in pairs[name]]
        cameras[name] = score(steps[name], iou, dropped)
    dropped = sum(c.dropped for c in cameras.values())
    joined = [step for name in gt for step in steps[name]]
    mtmc = score(joined, iou, dropped) if len(gt) > 1 else None
    on_ground = None
    if ground:
        points = list(ground_steps(list(pairs.values()), distance_metres))
        if not any(len(p.pred_ids) for p in points):
            raise OmnitrackError("no prediction holds a ground position (columns 8 and 9, metres)")
        on_ground = score(points, 0.5, dropped)
    return Report(cameras, mtmc, on_ground)
