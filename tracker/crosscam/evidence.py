"""Why segments belong to their group: the numbers behind a link, for people to read."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import LinkEvidence
from tracker.crosscam.comparison import Comparison
from tracker.crosscam.constraints import Veto

Vetoing = Callable[[int, int], Veto | None]
"""Why two rows must stay apart; None: they need not."""


class Explainer:
    """Explains the links of one round. groups: the rows of every group, by identity. veto: of the pairs that the
    clustering kept apart, by what cameras saw or by people's word.
    """

    def __init__(self, groups: Mapping[int, Sequence[int]], comparison: Comparison, veto: Vetoing) -> None:
        self._groups = groups
        self._comparison = comparison
        self._veto_of = veto
        self._names = np.array(list(groups), np.int64)
        self._number = np.zeros(len(comparison.weights), np.int64)
        for number, rows in enumerate(groups.values()):
            self._number[rows] = number
        self._mass = np.bincount(self._number, comparison.weights, len(groups))

    def evidence(self, moved: Sequence[int], name: int) -> LinkEvidence:
        """Evidence for the rows `moved` being in the group called `name`.

        The rule is the veto where a likelier group was vetoed, "new" where nothing else is in the group, else the part
        of the score that says most, mostly "appearance". Scores are mean log odds of the pairs; the
        clustering adds an advantage for the present identity and, among many, counts rivals against each other.
        """
        comparison = self._comparison
        rest = [row for row in self._groups[name] if row not in moved]
        weights = comparison.weights[list(moved)]
        support = comparison.log_odds[:, moved] @ weights * comparison.weights
        scores = np.bincount(self._number, support, len(self._mass)) / (self._mass * weights.sum())
        scores[self._names == name] = -np.inf
        runner_up = int(scores.argmax()) if len(scores) > 1 else None
        score, cosine, parts = 0.0, None, dict.fromkeys(comparison.parts, 0.0)
        threshold = comparison.calibration.threshold
        if rest:
            pairs = np.ix_(moved, rest)
            shares = np.outer(weights, comparison.weights[rest])
            score = float(np.average(comparison.log_odds[pairs], weights=shares))
            parts = {name: float(np.average(part[pairs], weights=shares)) for name, part in comparison.parts.items()}
            cosine, threshold = float(comparison.cosines[pairs].mean()), float(comparison.thresholds[pairs].mean())
        return LinkEvidence(
            rule=self._veto(moved, score, runner_up, scores) or (max(parts, key=parts.__getitem__) if rest else "new"),
            score=score,
            cosine=cosine,
            runner_up_identity_id=None if runner_up is None else int(self._names[runner_up]),
            runner_up_score=None if runner_up is None else float(scores[runner_up]),
            parts={**parts, "threshold_cosine": threshold},
        )

    def _veto(
        self, moved: Sequence[int], score: float, runner_up: int | None, scores: NDArray[np.float64]
    ) -> str | None:
        if runner_up is not None and scores[runner_up] > score:
            rivals = self._groups[int(self._names[runner_up])]
            vetoes = {self._veto_of(a, b) for a in moved for b in rivals}
            return next((veto.value for veto in Veto if veto in vetoes), None)
        return None
