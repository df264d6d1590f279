"""How well tracks fit the truth, whatever is compared: boxes or places. The metric maths is TrackEval's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


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


@dataclass(frozen=True, slots=True, eq=False)
class TimeStep:
    """What one time step compares: ids (g,) and (p,) and their similarity (g, p) in [0, 1]."""

    gt_ids: NDArray[np.int64]
    pred_ids: NDArray[np.int64]
    similarity: NDArray[np.float64]


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
