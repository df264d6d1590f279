"""Why segments belong to their group: the numbers behind a link, for people to read."""

from collections.abc import Mapping, Sequence

import numpy as np

from tracker.core.types import LinkEvidence
from tracker.crosscam.comparison import Comparison


def link_evidence(
    moved: Sequence[int], name: int, groups: Mapping[int, Sequence[int]], comparison: Comparison
) -> LinkEvidence:
    """Evidence for the rows `moved` being in the group called `name`. groups: the rows of every group, by identity.

    The rule is "new" where nothing else is in the group, "cannot-link" where a likelier group was vetoed, else
    "appearance".
    """
    rest = [row for row in groups[name] if row not in moved]
    scores = {other: _mean(moved, rows, comparison) for other, rows in groups.items() if other != name}
    runner_up = max(scores, key=lambda other: (scores[other], -other), default=None)
    score = _mean(moved, rest, comparison) if rest else 0.0
    rule = "appearance" if rest else "new"
    if runner_up is not None and scores[runner_up] > score and _vetoed(moved, groups[runner_up], comparison):
        rule = "cannot-link"
    return LinkEvidence(
        rule=rule,
        score=score,
        cosine=float(comparison.cosines[np.ix_(moved, rest)].mean()) if rest else None,
        runner_up_identity_id=runner_up,
        runner_up_score=None if runner_up is None else scores[runner_up],
        parts={"appearance": score, "threshold_cosine": comparison.calibration.threshold},
    )


def _mean(moved: Sequence[int], rows: Sequence[int], comparison: Comparison) -> float:
    """Mean log odds between two sets of rows, as the clustering weighs it."""
    weights = np.outer(comparison.weights[list(moved)], comparison.weights[list(rows)])
    return float(np.average(comparison.log_odds[np.ix_(moved, rows)], weights=weights))


def _vetoed(moved: Sequence[int], rows: Sequence[int], comparison: Comparison) -> bool:
    return any(comparison.forbidden(a, b) for a in moved for b in rows)
