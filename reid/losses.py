"""What training minimises. features (n, d) are raw outputs; people (n,) int64, UNLABELLED where nobody knows."""

import torch
from torch import Tensor
from torch.nn import functional

from reid.datasets import UNLABELLED


def identity_loss(logits: Tensor, people: Tensor, smoothing: float) -> Tensor:
    """Label-smoothed cross entropy (Szegedy et al. 2016) over the labelled rows of logits (n, classes)."""
    known = people != UNLABELLED
    if not known.any():
        return logits.sum() * 0
    return functional.cross_entropy(logits[known], people[known], label_smoothing=smoothing)


def attribute_loss(logits: Tensor, attributes: Tensor, frequencies: Tensor) -> Tensor:
    """Sigmoid cross entropy of logits (n, a) and attributes (n, a) of 0 and 1, weighted as in DeepMAR (Li et al. 2015).

    frequencies (a,): p, the share of the training crops that have the attribute. Having it weighs exp(1 - p), not
    having it exp(p), so that rare attributes are not simply denied. The mean is over rows and attributes, so that their
    number does not change how large a learning rate may be.
    """
    weights = torch.exp(torch.where(attributes == 1, 1 - frequencies, frequencies))
    parts = functional.binary_cross_entropy_with_logits(logits, attributes.float(), weights, reduction="none")
    return parts.mean()


def triplet_loss(features: Tensor, people: Tensor, margin: float) -> Tensor:
    """Batch-hard triplets (Hermans et al. 2017): for every labelled row its farthest same and its nearest other person.

    A row without another crop of its person, or without another person, counts nothing.
    """
    known = people != UNLABELLED
    features, people = features[known], people[known]
    same = people[:, None] == people[None, :]
    itself = torch.eye(len(people), dtype=torch.bool, device=people.device)
    usable = (same & ~itself).any(1) & (~same).any(1) if len(people) else known[:0]
    if not usable.any():
        return features.sum() * 0
    distances = torch.cdist(features, features)
    farthest_same = distances.masked_fill(~same, 0).amax(1)
    nearest_other = distances.masked_fill(same, torch.inf).amin(1)
    return functional.relu(farthest_same - nearest_other + margin)[usable].mean()


def direction_loss(projected: Tensor, teacher: Tensor) -> Tensor:
    """Mean 1 - cosine of projected features (n, t) and the teacher's (n, t)."""
    return (1 - functional.cosine_similarity(projected, teacher)).mean()


def relation_loss(features: Tensor, teacher: Tensor, temperature: float = 0.1) -> Tensor:
    """Mean divergence KL(teacher || ours) of whom each row resembles: softmax of its cosines to the other rows.

    This, unlike direction_loss, shapes the very space in which people are compared; only differences of cosines
    count, since features that are never negative cannot be as far apart as the teacher's (Passalis and Tefas 2018).
    """
    if len(features) < 2:
        return features.sum() * 0
    ours, theirs = (_log_resemblance(rows, temperature) for rows in (features, teacher))
    return functional.kl_div(ours, theirs, log_target=True, reduction="batchmean")


def _log_resemblance(rows: Tensor, temperature: float) -> Tensor:
    """(n, d) -> (n, n - 1): log softmax of the cosines of each row to all others."""
    unit = functional.normalize(rows)
    others = ~torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    cosines = (unit @ unit.T)[others].view(len(unit), len(unit) - 1)
    return functional.log_softmax(cosines / temperature, dim=1)


def cosine_loss(features: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference between the cosines of all pairs of rows and the teacher's cosines of the same pairs.

    relation_loss cares most for whom a row resembles most, often its twin in the same camera; here pairs from two
    cameras count as much, and cosines come to mean what the teacher's mean. From a random start it collapses.
    """
    ours, theirs = functional.normalize(features), functional.normalize(teacher)
    return functional.mse_loss(ours @ ours.T, theirs @ theirs.T)
