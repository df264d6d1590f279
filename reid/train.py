"""Training as functions over one piece of state, the Run."""

import csv
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from reid import losses, weights
from reid.config import OptimiserConfig, ScheduleConfig, TrainingConfig
from reid.datasets import Sample
from reid.errors import ReidError
from reid.loading import Collate, CropBatch, CropDataset, ViewDataset, batches
from reid.osnet import OSNet, build
from reid.samplers import Batch, person_batches, shuffled_batches
from reid.tasks import Task, scores, task_of
from reid.views import TaughtViews

CHECKPOINT = "checkpoint.pth"
FINAL = "osnet.safetensors"
LOG = "log.csv"
VIEWS = "views"


@dataclass(frozen=True, slots=True)
class EpochReport:
    """epoch counts from 1; loss is the mean over its batches; the rest only where it was evaluated: rank_1 and mean_ap
    of people, top_1 and top_5 of classes, mean_accuracy and f1 of attributes.
    """

    epoch: int
    learning_rate: float
    loss: float
    seconds: float
    rank_1: float | None = None
    mean_ap: float | None = None
    top_1: float | None = None
    top_5: float | None = None
    mean_accuracy: float | None = None
    f1: float | None = None


SCORES = ("rank_1", "mean_ap", "top_1", "top_5", "mean_accuracy", "f1")
"""The fields of EpochReport that an evaluation gives."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who wants to know how far a run is: crops described by the teachers, batches, epochs."""

    teacher: Callable[[int, int], None] = field(default=lambda crops, total: None)
    batch: Callable[[int, int, float], None] = field(default=lambda number, total, loss: None)
    epoch: Callable[[EpochReport], None] = field(default=lambda report: None)


@dataclass(slots=True)
class Run:
    """All that changes while training, epoch being how many are done, and the frequencies (a,) of attributes."""

    network: OSNet
    projection: nn.Linear | None
    optimiser: torch.optim.Optimizer
    device: torch.device
    frequencies: Tensor | None = None
    epoch: int = 0

    def new_layers(self) -> list[nn.Module]:
        return [layer for layer in (self.network.classifier, self.projection) if layer is not None]

    def state(self) -> dict[str, object]:
        projection = self.projection.state_dict() if self.projection is not None else {}
        return {
            "network": self.network.state_dict(),
            "projection": projection,
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
        }

    def restore(self, path: Path) -> None:
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        if self.projection is not None:
            self.projection.load_state_dict(state["projection"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch = state["epoch"]


def train(config: TrainingConfig, out: Path, listeners: Listeners | None = None, half: bool = False) -> Path:
    """Train, or continue a run that `out` holds, and return the weights (safetensors) of the last epoch.

    Writes log.csv, a checkpoint per epoch, and the configuration; the result does not depend on interruptions.
    Raises ReidError where `out` holds a run of another configuration, or the data cannot be read.
    """
    listeners = listeners or Listeners()
    _claim(out, config)
    task = task_of(config.data)
    views = _views(config, task.samples, out)
    run = _begin(config, task, views.dimension if views is not None and config.loss.direction else 0)
    if (out / CHECKPOINT).is_file():
        run.restore(out / CHECKPOINT)
    shown = (task.targets, config.input.spec, config.augmentation.options)
    dataset: CropDataset | ViewDataset = CropDataset(task.samples, *shown)
    while run.epoch < config.epochs:
        started = time.monotonic()
        order = _epoch_order(config, task.classes, run.epoch)
        if views is not None:
            _prepare(views, order, listeners)
            dataset = ViewDataset(views, run.epoch % views.count, *shown)
        loss = _train_epoch(run, config, dataset, order, listeners)
        run.epoch += 1
        found = _scores(run, config, task)
        rate = run.optimiser.param_groups[0]["lr"]
        report = EpochReport(run.epoch, rate, loss, time.monotonic() - started, **found)
        _write_log(out / LOG, report)
        _write_checkpoint(out / CHECKPOINT, run)
        listeners.epoch(report)
    metadata = {"variant": config.variant, "seed": str(config.seed), **config.input.spec.to_metadata()}
    if task.names:
        metadata["outputs"] = " ".join(task.names)
    weights.save(run.network, out / FINAL, metadata, half, with_head=bool(task.names))
    return out / FINAL


def _claim(out: Path, config: TrainingConfig) -> None:
    """Make `out` this configuration's folder, or check that it is already."""
    out.mkdir(parents=True, exist_ok=True)
    record = out / "config.json"
    if record.is_file() and _recorded(record) != config:
        raise ReidError(f"{out}: holds a run of another configuration; choose another folder or remove it")
    record.write_text(config.model_dump_json(indent=2))


def _recorded(record: Path) -> TrainingConfig | None:
    """The configuration of a run, a key that came later having its default; None where it is none of ours."""
    try:
        return TrainingConfig.model_validate_json(record.read_text())
    except ValidationError:
        return None


def _views(config: TrainingConfig, samples: Sequence[Sample], out: Path) -> TaughtViews | None:
    if not config.teachers:
        return None
    return TaughtViews(
        out / VIEWS,
        samples,
        config.teachers,
        config.input.spec,
        config.augmentation.options,
        config.views,
        config.seed,
    )


def _prepare(views: TaughtViews, order: list[Batch], listeners: Listeners) -> None:
    indices = {index for batch in order for index in batch}
    views.prepare(indices, lambda crops: listeners.teacher(crops, len(indices)))


def _begin(config: TrainingConfig, task: Task, teacher_dimension: int) -> Run:
    device = torch.device(_device_name(config.device))
    torch.manual_seed(config.seed)
    network = build(config.variant, task.outputs)
    if config.initial_weights is not None:
        state = weights.read_state_dict(config.initial_weights)
        weights.load_state(network, state, str(config.initial_weights))
    projection = nn.Linear(network.spec.feature_dim, teacher_dimension) if teacher_dimension else None
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    parameters = list(network.parameters())
    if projection is not None:
        parameters += projection.to(device).parameters()
    frequencies = task.frequencies()
    if frequencies is not None:
        frequencies = frequencies.to(device)
    return Run(network, projection, make_optimiser(config.optimiser, parameters), device, frequencies)


def _device_name(wanted: str) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wanted


def make_optimiser(config: OptimiserConfig, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimiser of a configuration; fused, since OSNet has many small tensors."""
    rate, decay = config.learning_rate, config.weight_decay
    if config.name == "sgd":
        return torch.optim.SGD(parameters, rate, config.momentum, weight_decay=decay, fused=True)
    if config.name == "amsgrad":
        return torch.optim.Adam(parameters, rate, weight_decay=decay, amsgrad=True, fused=True)
    return torch.optim.AdamW(parameters, rate, weight_decay=decay, fused=True)


def rate_factor(schedule: ScheduleConfig, progress: float, epochs: int) -> float:
    """By what the learning rate is multiplied after `progress` epochs (a fraction) of `epochs`."""
    if progress < schedule.warmup_epochs:
        return (progress + 1e-3) / (schedule.warmup_epochs + 1e-3)
    if schedule.kind == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress / (schedule.span or epochs)))
    return float(0.1 ** sum(progress >= milestone for milestone in schedule.milestones))


def _epoch_order(config: TrainingConfig, classes: Sequence[int], epoch: int) -> list[Batch]:
    rng = np.random.default_rng((config.seed, epoch))
    batch = config.batch
    if batch.people:
        return person_batches(classes, batch.people, batch.crops, batch.unlabelled, rng)
    return shuffled_batches(len(classes), batch.size, rng)


def _train_epoch(
    run: Run,
    config: TrainingConfig,
    dataset: CropDataset | ViewDataset,
    order: list[Batch],
    listeners: Listeners,
) -> float:
    """One pass over `order`; returns the mean loss."""
    frozen = run.epoch < config.schedule.frozen_epochs
    _freeze(run, frozen)
    total = 0.0
    loaded = batches(dataset, order, (config.seed, run.epoch), Collate(config.input.spec), config.workers)
    for number, batch in enumerate(loaded):
        factor = rate_factor(config.schedule, run.epoch + number / len(order), config.epochs)
        for group in run.optimiser.param_groups:
            group["lr"] = config.optimiser.learning_rate * factor
        run.optimiser.zero_grad(set_to_none=True)
        with torch.autocast(run.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
            features = run.network(batch.images.to(run.device, memory_format=torch.channels_last))
        loss = total_loss(run, config, features.float(), batch, dataset.teacher(batch.indices))
        if not torch.isfinite(loss):
            raise ReidError(f"the loss became {loss.item()} in epoch {run.epoch + 1}; lower optimiser.learning_rate")
        loss.backward()  # type: ignore[no-untyped-call]
        run.optimiser.step()
        total += loss.item()
        listeners.batch(number + 1, len(order), loss.item())
    return total / len(order)


def _freeze(run: Run, frozen: bool) -> None:
    """Frozen: the trunk keeps its weights and its batch statistics, and only the new layers learn."""
    run.network.train(not frozen)
    run.network.requires_grad_(not frozen)
    for layer in run.new_layers():
        layer.requires_grad_(True)


def total_loss(run: Run, config: TrainingConfig, features: Tensor, batch: CropBatch, teacher: Tensor | None) -> Tensor:
    """The weighted sum of the parts that the configuration asks for. features: (n, d) float32, teacher: (n, t)."""
    options, targets = config.loss, batch.targets.to(run.device)
    loss = features.new_zeros(())
    if options.identity:
        logits = run.network.classify(features)
        loss = loss + options.identity * losses.identity_loss(logits, targets, options.smoothing)
    if run.frequencies is not None:
        logits = run.network.classify(features)
        loss = loss + options.attributes * losses.attribute_loss(logits, targets, run.frequencies)
    if options.triplet:
        loss = loss + options.triplet * losses.triplet_loss(features, targets, options.margin)
    if teacher is None:
        return loss
    teacher = teacher.to(run.device)
    if options.direction and run.projection is not None:
        loss = loss + options.direction * losses.direction_loss(run.projection(features), teacher)
    if options.relation:
        loss = loss + options.relation * losses.relation_loss(features, teacher)
    if options.cosines:
        loss = loss + options.cosines * losses.cosine_loss(features, teacher)
    return loss


def _scores(run: Run, config: TrainingConfig, task: Task) -> dict[str, float]:
    """Figures of the task by the names of EpochReport's fields, in the epochs that are due."""
    last = run.epoch == config.epochs
    due = last or (config.evaluate_every > 0 and run.epoch % config.evaluate_every == 0)
    if not due or task.tested is None:
        return {}
    found = scores(run.network, task.tested, config.input.spec)
    return {name: value for name, value in found.items() if name in SCORES}


def _write_log(path: Path, report: EpochReport) -> None:
    """Append a row; rows of this and later epochs, left by a run that was killed before its checkpoint, go."""
    row = asdict(report)
    earlier: list[dict[str, str]] = []
    if path.is_file():
        with path.open(newline="") as file:
            earlier = [done for done in csv.DictReader(file) if int(done["epoch"]) < report.epoch]
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        writer.writeheader()
        writer.writerows([*earlier, row])
    partial.replace(path)


def _write_checkpoint(path: Path, run: Run) -> None:
    """Atomically: a kill at any instant leaves the previous checkpoint or this one."""
    partial = path.with_suffix(".partial")
    torch.save(run.state(), partial)
    partial.replace(path)
