"""Scores of heads against plain loops from their definitions."""

from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
import torch

from reid import weights
from reid.classification import attribute_scores, class_scores, evaluate_labelled, open_network
from reid.errors import ReidError
from reid.labelled import LABELLED_READERS
from reid.osnet import build
from reid.preprocess import FloatArray, InputSpec
from tests.reid.labelled import plant_cifar10, plant_cifar100


def reference(claimed: list[list[bool]], true: list[list[bool]]) -> tuple[float, ...]:
    """mA, accuracy, precision, recall, F1 by loops over attributes and pictures."""
    accuracies = []
    for a in range(len(true[0])):
        rates = []
        for value in (True, False):
            concerned = [n for n in range(len(true)) if true[n][a] is value]
            if concerned:
                rates.append(sum(claimed[n][a] is value for n in concerned) / len(concerned))
        accuracies.append(sum(rates) / len(rates))
    accuracy = precision = recall = 0.0
    for ours, theirs in zip(claimed, true, strict=True):
        mine = {a for a, has in enumerate(ours) if has}
        real = {a for a, has in enumerate(theirs) if has}
        accuracy += len(mine & real) / len(mine | real) / len(true) if mine | real else 0
        precision += len(mine & real) / len(mine) / len(true) if mine else 0
        recall += len(mine & real) / len(real) / len(true) if real else 0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0
    return sum(accuracies) / len(accuracies), accuracy, precision, recall, f1


@pytest.mark.parametrize("seed", range(5))
def test_attributes_equal_the_definitions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(-0.5, 1, (30, 6)).astype(np.float32)
    true = rng.random((30, 6)) < rng.random(6)
    true[:, 0] = False  # nobody has it
    true[:, 1] = True  # everybody has it
    true[3, 1:] = False
    logits[3] = -1  # nothing claimed, nothing true
    found = astuple(attribute_scores(logits, true.astype(np.int64)))
    assert found == pytest.approx(reference((logits > 0).tolist(), true.tolist()))


def test_attributes_at_their_best_and_with_no_claim() -> None:
    true = np.array([[1, 0], [0, 1]])
    assert astuple(attribute_scores(np.where(true, 1, -1).astype(np.float32), true)) == (1, 1, 1, 1, 1)
    assert astuple(attribute_scores(np.full((2, 2), -1, np.float32), true)) == (0.5, 0, 0, 0, 0)


def test_classes_equal_a_sorted_list() -> None:
    rng = np.random.default_rng(0)
    logits, classes = rng.normal(size=(50, 8)).astype(np.float32), rng.integers(0, 8, 50)
    hits = [
        [row.argsort()[::-1].tolist().index(own) < k for row, own in zip(logits, classes, strict=True)] for k in (1, 5)
    ]
    assert astuple(class_scores(logits, classes)) == pytest.approx([np.mean(hit) for hit in hits])


def test_top_5_of_three_classes_is_certain() -> None:
    logits: FloatArray = np.array([[3, 2, 1]], np.float32)
    assert astuple(class_scores(logits, np.array([2]))) == (0, 1)


def test_a_head_of_other_classes_is_refused(tmp_path: Path) -> None:
    data = LABELLED_READERS["cifar10"](plant_cifar10(tmp_path / "ten"))
    other = LABELLED_READERS["cifar100"](plant_cifar100(tmp_path / "hundred"))
    torch.manual_seed(0)
    network = build("osnet_x0_25", len(data.names))
    path = tmp_path / "net.safetensors"
    weights.save(network, path, {"outputs": " ".join(data.names)}, with_head=True)
    assert torch.equal(open_network(path, data).classifier.weight, network.classifier.weight)  # type: ignore[union-attr]
    assert weights.load(path).classifier is None
    with pytest.raises(ReidError, match=r"airplane.*apple"):
        open_network(path, other)
    weights.save(network, path, {})
    with pytest.raises(ReidError, match="holds no classifier"):
        open_network(path, data)
    for wrong in (build("osnet_x0_25"), build("osnet_x0_25", 7)):
        with pytest.raises(ReidError, match="has 3 classes or attributes"):
            evaluate_labelled(wrong, data, InputSpec(32, 32))
