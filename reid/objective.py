"""The loss of one batch: the weighted sum of the parts that a configuration asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from reid import losses
from reid.config import LossConfig
from reid.hints import hint_loss
from reid.osnet import OSNet


@dataclass(frozen=True, slots=True)
class Answer:
    """What the network made of a batch: features (n, d) float32, and by place in the trunk its maps (n, c, h, w)."""

    features: Tensor
    maps: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What it should have made: targets int64, (n,) or (n, a); the teachers' unit features (n, t) and scaled maps."""

    targets: Tensor
    teacher: Tensor | None = None
    hints: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Objective:
    """projection: from our features to the teachers', for loss.direction. frequencies (a,): of attributes."""

    options: LossConfig
    network: OSNet
    projection: nn.Linear | None
    frequencies: Tensor | None

    def loss(self, answer: Answer, lesson: Lesson, guided: bool = False) -> Tensor:
        """guided: only hints and direction count, since features mean nothing yet."""
        total = answer.features.new_zeros(())
        if lesson.hints:
            total = total + self.options.hints * hint_loss(answer.maps, lesson.hints)
        if lesson.teacher is not None and self.projection is not None:
            projected = self.projection(answer.features)
            total = total + self.options.direction * losses.direction_loss(projected, lesson.teacher)
        if guided:
            return total
        return total + self._of_targets(answer.features, lesson.targets) + self._of_pairs(answer.features, lesson)

    def _of_targets(self, features: Tensor, targets: Tensor) -> Tensor:
        options, total = self.options, features.new_zeros(())
        if options.identity:
            logits = self.network.classify(features)
            total = total + options.identity * losses.identity_loss(logits, targets, options.smoothing)
        if self.frequencies is not None:
            logits = self.network.classify(features)
            total = total + options.attributes * losses.attribute_loss(logits, targets, self.frequencies)
        if options.triplet:
            total = total + options.triplet * losses.triplet_loss(features, targets, options.margin)
        return total

    def _of_pairs(self, features: Tensor, lesson: Lesson) -> Tensor:
        options, total = self.options, features.new_zeros(())
        if lesson.teacher is None:
            return total
        if options.relation:
            total = total + options.relation * losses.relation_loss(features, lesson.teacher)
        if options.cosines:
            total = total + options.cosines * losses.cosine_loss(features, lesson.teacher)
        return total
