"""What a run learns, and how the network that it trains is scored: people, classes or attributes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from reid.classification import evaluate_labelled
from reid.config import BatchConfig, DataConfig
from reid.datasets import UNLABELLED, ReidData, Sample, read, read_crop
from reid.embedder import normalise_rows
from reid.errors import ReidError
from reid.evaluate import labels_of
from reid.labelled import LABELLED_READERS, LabelledData
from reid.loading import Target, class_numbers
from reid.osnet import OSNet
from reid.preprocess import FloatArray, InputSpec, to_batch
from reid.ranking import evaluate


@dataclass(frozen=True, slots=True)
class Task:
    """classes: one per training sample, UNLABELLED where it has none. targets: what the loss compares the head with,
    the classes or the attributes. outputs: of the head. tested: what the network is scored on, None for nothing.
    """

    samples: Sequence[Sample]
    classes: Sequence[int]
    targets: Sequence[Target]
    outputs: int
    tested: ReidData | LabelledData | None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the outputs; empty for people, whose head serves training only."""
        return self.tested.names if isinstance(self.tested, LabelledData) else ()

    def frequencies(self) -> Tensor | None:
        """(a,) float32: the share of the training samples that have each attribute; None for another task."""
        if not (isinstance(self.tested, LabelledData) and self.tested.has_attributes):
            return None
        return torch.tensor(self.targets, dtype=torch.float32).mean(0)

    def check_batch(self, batch: BatchConfig) -> None:
        """Raises ReidError where a batch is to have more people than there are."""
        people = len(set(self.classes) - {UNLABELLED})
        if batch.people > people:
            raise ReidError(f"batch.people is {batch.people}, but the training data have {people} people; lower it")


def task_of(sources: Sequence[DataConfig]) -> Task:
    """The task of a configuration's data. Raises ReidError where they cannot be read or hold nothing to train on."""
    if sources[0].name in LABELLED_READERS:
        task = _labelled(LABELLED_READERS[sources[0].name](sources[0].root))
    else:
        task = _people([read(source.name, source.root, source.division) for source in sources])
    if not task.samples:
        raise ReidError("the data sets of this configuration hold no training crops")
    return task


def _labelled(data: LabelledData) -> Task:
    classes = [sample.person for sample in data.train]
    attributes = [sample.attributes for sample in data.train]
    return Task(data.train, classes, attributes if data.has_attributes else classes, len(data.names), data)


def _people(data: Sequence[ReidData]) -> Task:
    """All people of all data sets; the first that has queries is the one to score on."""
    samples = [sample for part in data for sample in part.train]
    classes = class_numbers([part.train for part in data])
    tested = next((part for part in data if part.query and part.gallery), None)
    return Task(samples, classes, classes, max(classes, default=-1) + 1, tested)


def scores(network: OSNet, tested: ReidData | LabelledData, spec: InputSpec) -> dict[str, float]:
    """Figures of a network that is being trained: rank_1 and mean_ap, top_1 and top_5, or those of the attributes."""
    if isinstance(tested, LabelledData):
        return asdict(evaluate_labelled(network, tested, spec))
    query, gallery = (describe(network, part, spec) for part in (tested.query, tested.gallery))
    ranked = evaluate(query, labels_of(tested.query), gallery, labels_of(tested.gallery))
    return {"rank_1": ranked.rank(1), "mean_ap": ranked.mean_ap}


def describe(network: OSNet, samples: Sequence[Sample], spec: InputSpec, batch_size: int = 64) -> FloatArray:
    """Unit features (n, d) of whole samples by a network that is being trained."""
    device = next(network.parameters()).device
    network.eval()
    rows = [np.zeros((0, network.spec.feature_dim), np.float32)]
    with torch.inference_mode():
        for start in range(0, len(samples), batch_size):
            images = to_batch([read_crop(sample) for sample in samples[start : start + batch_size]], spec)
            rows.append(network(torch.from_numpy(images).to(device)).float().cpu().numpy())
    return normalise_rows(np.concatenate(rows))
