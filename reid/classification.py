"""How well a network with a head names classes or attributes. All scores are in parts of 1."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from reid import weights
from reid.datasets import Sample, read_crop
from reid.errors import ReidError
from reid.labelled import LabelledData
from reid.metadata import read_metadata
from reid.osnet import OSNet
from reid.preprocess import FloatArray, InputSpec, to_batch


@dataclass(frozen=True, slots=True)
class ClassScores:
    """Share of the pictures whose class is the most likely one, or among the five most likely."""

    top_1: float
    top_5: float


@dataclass(frozen=True, slots=True)
class AttributeScores:
    """The five figures of PA-100K (Liu et al. 2017): mean_accuracy is label-based, the others are example-based."""

    mean_accuracy: float
    accuracy: float
    precision: float
    recall: float
    f1: float


def class_scores(logits: FloatArray, classes: NDArray[np.int64]) -> ClassScores:
    """Logits (n, c) and the true classes (n,), n >= 1. A class as likely as the true one counts as less likely."""
    own = logits[np.arange(len(classes)), classes]
    better = (logits > own[:, None]).sum(1)
    return ClassScores(float((better < 1).mean()), float((better < 5).mean()))


def attribute_scores(logits: FloatArray, attributes: NDArray[np.int64]) -> AttributeScores:
    """Logits (n, a), an attribute being claimed above 0, and the true attributes (n, a) of 0 and 1, n >= 1.

    mean_accuracy: the mean over the attributes of (true positive rate + true negative rate) / 2; a rate over nothing,
    of an attribute that all or none have, is left out of its mean. accuracy, precision and recall: the means over the
    pictures of |claimed and true| divided by |claimed or true|, |claimed| and |true|, 0 where the divisor is; f1 is
    of these two means.
    """
    claimed, true = logits > 0, attributes == 1
    rates = np.stack([_share(claimed & true, true, 0), _share(~claimed & ~true, ~true, 0)])  # (2, a)
    both = claimed & true
    accuracy, precision, recall = (
        float(np.nan_to_num(_share(both, whole, 1)).mean()) for whole in (claimed | true, claimed, true)
    )
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return AttributeScores(float(np.nanmean(rates, axis=0).mean()), accuracy, precision, recall, f1)


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_], axis: int) -> NDArray[np.float64]:
    """Count of part by count of whole along the axis; nan where the whole is empty."""
    counts = whole.sum(axis)
    shares: NDArray[np.float64] = np.where(counts, part.sum(axis) / np.maximum(counts, 1), np.nan)
    return shares


def predict(
    network: OSNet,
    samples: Sequence[Sample],
    spec: InputSpec,
    advance: Callable[[int], None] = lambda crops: None,
    batch_size: int = 64,
) -> FloatArray:
    """Logits (n, outputs) of whole pictures; `advance` is told of every batch. The network ends in evaluation mode."""
    device = next(network.parameters()).device
    network.eval()
    blocks = []
    with torch.inference_mode():
        for start in range(0, len(samples), batch_size):
            crops = [read_crop(sample) for sample in samples[start : start + batch_size]]
            features = network(torch.from_numpy(to_batch(crops, spec)).to(device))
            blocks.append(network.classify(features).float().cpu().numpy())
            advance(len(crops))
    return np.concatenate(blocks)


def open_network(path: Path, data: LabelledData, variant: str | None = None) -> OSNet:
    """Weights with a head for the classes or attributes of `data`. Raises ReidError where it was trained on others."""
    network = weights.load_with_head(path, variant)
    trained = read_metadata(path).get("outputs", "").split()
    if trained and trained != list(data.names):
        raise ReidError(f"{path}: its head names {', '.join(trained[:5])} ..., and the data set {data.names[0]} ...")
    return network


def evaluate_labelled(
    network: OSNet, data: LabelledData, spec: InputSpec, advance: Callable[[int], None] = lambda crops: None
) -> ClassScores | AttributeScores:
    """Scores on the test part. Raises ReidError where it is empty, or the head does not fit the data set."""
    head = network.classifier
    if not data.test:
        raise ReidError("this data set has no test pictures; check `root`")
    if head is None or head.out_features != len(data.names):
        outputs = "no head" if head is None else f"a head for {head.out_features} of them"
        raise ReidError(f"the data set has {len(data.names)} classes or attributes, and the network {outputs}")
    logits = predict(network, data.test, spec, advance)
    if data.has_attributes:
        return attribute_scores(logits, np.array([sample.attributes for sample in data.test], np.int64))
    return class_scores(logits, np.array([sample.person for sample in data.test], np.int64))
