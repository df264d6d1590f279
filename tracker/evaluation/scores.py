"""Single-camera, multi-camera and ground-plane scores of MOT files; the metric maths is TrackEval's.

Protocols:
  camera  each camera alone.
  mtmc    all cameras laid end to end as one sequence with global ids: a person is right in two cameras only
          under one id. IDSW (and MOTA) may count one extra switch per person at the seam between two cameras.
  ground  one point per id and frame (tracker.evaluation.ground), of files of their own or averaged over the cameras.

Ignore boxes are ground-truth rows with flag 0 and all rows of ignore files. A prediction that the per-frame
assignment to real boxes leaves over is dropped when the box it overlaps most is an ignore box, at IoU >= the
threshold: neither rewarded nor punished.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tracker.core.boxes import iou as iou_matrix
from tracker.errors import OmnitrackError
from tracker.evaluation.ground import Area, Places, ground_steps, inside, places_told, read_ground
from tracker.evaluation.metrics import Scores, TimeStep, score
from tracker.evaluation.mot import MotRows, read_mot

Pairs = list[tuple[MotRows, MotRows]]
"""Per frame of a camera: real ground truth and prediction."""


@dataclass(frozen=True, slots=True)
class Report:
    """Scores by camera; mtmc is None for one camera, ground is None unless asked for."""

    cameras: dict[str, Scores]
    mtmc: Scores | None
    ground: Scores | None


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
) -> tuple[Pairs, int]:
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


def told_places(cameras: Mapping[str, Pairs]) -> tuple[Places, Places]:
    """True and found places by columns 8 and 9. Raises OmnitrackError where one side has none."""
    pairs = list(chain.from_iterable(cameras.values()))
    both = [places_told(rows) for rows in zip(*pairs, strict=True)] if pairs else [np.zeros((0, 4))] * 2
    for places, what in zip(both[::-1], ("prediction", "ground truth"), strict=True):
        if not len(places):
            raise OmnitrackError(
                f"no {what} holds a ground position (columns 8 and 9, metres); nor do both folders hold a ground.txt"
            )
    truth, found = both
    if (truth[:, 2] == 1).all() and (np.abs(truth[:, 3] - 0.5) <= 0.5).all():
        raise OmnitrackError(
            "the ground truth holds class and visibility in columns 8 and 9, not metres; both folders need a ground.txt"
        )
    return truth, found


def read_places(truth: Path, found: Path) -> tuple[Places, Places]:
    """True and found places of two files. Raises OmnitrackError where one of them has none."""
    both = read_ground(truth), read_ground(found)
    for places, path in zip(both, (truth, found), strict=True):
        if not len(places):
            raise OmnitrackError(f"{path}: holds no ground position")
    return both


def on_ground(
    both: tuple[Places, Places],
    frames: tuple[int, int] | None,
    area: Area | None,
    distance_metres: float,
    dropped: int,
) -> Scores:
    """The scores of true and found places."""
    first, last = frames or (1, int(max(places[:, 0].max() for places in both)))
    truth, found = both if area is None else (inside(places, area) for places in both)
    return score(ground_steps(truth, found, range(first, last + 1), distance_metres), 0.5, dropped)


def _read(path: Path, image_size: tuple[int, int] | None) -> MotRows:
    rows = read_mot(path)
    return rows if image_size is None else rows.clipped(image_size)


def evaluate(
    gt: Mapping[str, Path],
    pred: Mapping[str, Path],
    ignore: Mapping[str, Path] | None = None,
    *,
    iou: float = 0.5,
    frames: tuple[int, int] | None = None,
    ground: bool | tuple[Path, Path] = False,
    area: Area | None = None,
    distance_metres: float = 1.0,
    image_size: tuple[int, int] | None = None,
) -> Report:
    """Score MOT files, given as {camera: path}; `frames` (first, last) limits all cameras to these frames.

    image_size: (width, height) to which all boxes are cut; people are annotated beyond the picture, and found in it.
    ground: also score places on the ground, told by columns 8 and 9; or by two files, of the truth and of those found.
    area: of the ground, where places count. distance_metres: within which they match.
    Raises OmnitrackError for cameras without counterpart, unreadable files, ids that stand twice in a frame, and ground
    without places.
    """
    if unmatched := set(gt) ^ set(pred):
        raise OmnitrackError(f"camera {sorted(unmatched)[0]!r} has either no ground truth or no prediction")
    if strangers := set(ignore or {}) - set(gt):
        raise OmnitrackError(f"ignore file for unknown camera {sorted(strangers)[0]!r}")
    pairs: dict[str, Pairs] = {}
    steps: dict[str, list[TimeStep]] = {}
    cameras: dict[str, Scores] = {}
    for name in gt:
        truth, guess = _read(gt[name], image_size), _read(pred[name], image_size)
        require_unique(truth[truth.conf != 0], str(gt[name]))
        require_unique(guess, str(pred[name]))
        ignored = _read(ignore[name], image_size) if ignore and name in ignore else None
        pairs[name], dropped = paired_frames(truth, guess, ignored, iou, frames)
        steps[name] = [box_step(g, p) for g, p in pairs[name]]
        cameras[name] = score(steps[name], iou, dropped)
    dropped = sum(c.dropped for c in cameras.values())
    joined = [step for name in gt for step in steps[name]]
    mtmc = score(joined, iou, dropped) if len(gt) > 1 else None
    if not ground:
        return Report(cameras, mtmc, None)
    if isinstance(ground, tuple):
        both, dropped = read_places(*ground), 0
    else:
        both = told_places(pairs)
    return Report(cameras, mtmc, on_ground(both, frames, area, distance_metres, dropped))
