import numpy as np
import pytest
import torch
from torch import Tensor

from reid.datasets import UNLABELLED
from reid.losses import attribute_loss, cosine_loss, direction_loss, identity_loss, relation_loss, triplet_loss

PEOPLE = torch.tensor([0, 0, 1, 1, UNLABELLED])


def features() -> Tensor:
    return torch.randn(5, 6, generator=torch.Generator().manual_seed(1), requires_grad=True)


def test_identity_is_the_smoothed_definition_over_labelled_rows() -> None:
    logits = features().detach()[:, :3]
    expected = []
    for row, person in zip(logits[:4].double().numpy(), PEOPLE[:4].tolist(), strict=True):
        log_probability = row - np.log(np.exp(row).sum())
        target = np.full(3, 0.1 / 3)
        target[person] += 0.9
        expected.append(-(target * log_probability).sum())
    assert identity_loss(logits, PEOPLE, 0.1).item() == pytest.approx(np.mean(expected), rel=1e-5)


def test_triplet_is_the_hardest_pair_per_row() -> None:
    rows = features().detach()
    points = rows.double().numpy()
    expected: list[float] = []
    for i in range(4):
        distance = {j: float(np.linalg.norm(points[i] - points[j])) for j in range(4) if j != i}
        same = max(d for j, d in distance.items() if PEOPLE[j] == PEOPLE[i])
        other = min(d for j, d in distance.items() if PEOPLE[j] != PEOPLE[i])
        expected.append(max(same - other + 0.3, 0))
    assert triplet_loss(rows, PEOPLE, 0.3).item() == pytest.approx(np.mean(expected), rel=1e-5)


def test_triplet_ignores_people_without_a_partner() -> None:
    rows = features().detach()
    alone = torch.tensor([0, 0, 1, UNLABELLED, UNLABELLED])
    assert triplet_loss(rows[:2], torch.tensor([0, 0]), 0.3).item() == 0
    # Rows 0 and 1 are a pair, row 2 is the only other person: it counts as a stranger and not as an anchor.
    near, far = (torch.dist(rows[i], rows[j]).item() for i, j in ((0, 1), (0, 2)))
    second = max(near - torch.dist(rows[1], rows[2]).item() + 0.3, 0)
    assert triplet_loss(rows, alone, 0.3).item() == pytest.approx((max(near - far + 0.3, 0) + second) / 2, rel=1e-5)


def test_teacher_losses_vanish_for_a_perfect_student_and_only_then() -> None:
    rows = features().detach()
    assert direction_loss(3 * rows, rows).item() == pytest.approx(0, abs=1e-6)
    assert relation_loss(3 * rows, rows).item() == pytest.approx(0, abs=1e-6)
    assert direction_loss(rows.flip(0), rows).item() > 0.1
    assert relation_loss(rows.flip(0), rows).item() > 0.1
    assert cosine_loss(3 * rows, rows).item() == pytest.approx(0, abs=1e-6)


def test_cosines_are_compared_pair_by_pair() -> None:
    ours = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    teacher = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    # Pairs (1, 2), (1, 3), (2, 3): ours 0, .707, .707; the teacher's 1, 0, 0. Each counts twice of nine.
    assert cosine_loss(ours, teacher).item() == pytest.approx(2 * (1 + 0.5 + 0.5) / 9, rel=1e-5)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_every_loss_has_finite_gradients_even_without_people(count: int) -> None:
    rows = features()
    some, nobody = rows[:count], torch.full((count,), UNLABELLED)
    if count == 0:
        total = identity_loss(some, nobody, 0.1) + triplet_loss(some, nobody, 0.3) + relation_loss(some, some)
    else:
        parts = (identity_loss(some, nobody, 0.1), triplet_loss(some, nobody, 0.3), relation_loss(some, some.detach()))
        total = parts[0] + parts[1] + parts[2] + direction_loss(some, some.detach())
    total.backward()  # type: ignore[no-untyped-call]
    assert rows.grad is not None
    assert torch.isfinite(rows.grad).all()


def test_attributes_weigh_by_how_rare_they_are() -> None:
    logits = features().detach()[:, :3]
    attributes = torch.tensor([[1, 0, 0], [0, 1, 0], [1, 1, 1], [0, 0, 0], [1, 0, 0]])
    frequencies = [0.5, 0.9, 0.01]
    expected = 0.0
    for row, has in zip(logits.double().tolist(), attributes.tolist(), strict=True):
        for logit, present, share in zip(row, has, frequencies, strict=True):
            probability = 1 / (1 + np.exp(-logit))
            if present:
                expected -= np.exp(1 - share) * np.log(probability) / 15
            else:
                expected -= np.exp(share) * np.log(1 - probability) / 15
    assert attribute_loss(logits, attributes, torch.tensor(frequencies)).item() == pytest.approx(expected, rel=1e-5)
