"""Training as functions over one piece of state, the Run."""

import csv
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from reid import losses, weights
from reid.config import OptimiserConfig, ScheduleConfig, TrainingConfig
from reid.datasets import ReidData, Sample, read, read_crop
from reid.embedder import normalise_rows
from reid.errors import ReidError
from reid.evaluate import labels_of
from reid.loading import Collate, CropBatch, CropDataset, ViewDataset, batches, class_numbers
from reid.osnet import OSNet, build
from reid.preprocess import FloatArray, InputSpec, to_batch
from reid.ranking import evaluate
from reid.samplers import Batch, person_batches, shuffled_batches
from reid.views import TaughtViews

CHECKPOINT = "checkpoint.pth"
FINAL = "osnet.safetensors"
LOG = "log.csv"
VIEWS = "views"


@dataclass(frozen=True, slots=True)
class EpochReport:
    """epoch counts from 1; loss is the mean over its batches; rank_1 and mean_ap only where it was evaluated."""

    epoch: int
    learning_rate: float
    loss: float
    seconds: float
    rank_1: float | None = None
    mean_ap: float | None = None


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who wants to know how far a run is: crops described by the teachers, batches, epochs."""

    teacher: Callable[[int, int], None] = field(default=lambda crops, total: None)
    batch: Callable[[int, int, float], None] = field(default=lambda number, total, loss: None)
    epoch: Callable[[EpochReport], None] = field(default=lambda report: None)


@dataclass(slots=True)
class Run:
    """All that changes while training. epoch: how many are done."""

    network: OSNet
    projection: nn.Linear | None
    optimiser: torch.optim.Optimizer
    device: torch.device
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
    data = [read(source.name, source.root, source.division) for source in config.data]
    samples = [sample for part in data for sample in part.train]
    classes = class_numbers([part.train for part in data])
    if not samples:
        raise ReidError("the data sets of this configuration hold no training crops")
    views = _views(config, samples, out)
    run = _begin(config, max(classes) + 1, views.dimension if views is not None and config.loss.direction else 0)
    if (out / CHECKPOINT).is_file():
        run.restore(out / CHECKPOINT)
    shown = (classes, config.input.spec, config.augmentation.options)
    dataset: CropDataset | ViewDataset = CropDataset(samples, *shown)
    while run.epoch < config.epochs:
        started = time.monotonic()
        order = _epoch_order(config, classes, run.epoch)
        if views is not None:
            _prepare(views, order, listeners)
            dataset = ViewDataset(views, run.epoch % views.count, *shown)
        loss = _train_epoch(run, config, dataset, order, listeners)
        run.epoch += 1
        scores = _scores(run, config, data)
        rate = run.optimiser.param_groups[0]["lr"]
        report = EpochReport(run.epoch, rate, loss, time.monotonic() - started, *scores)
        _write_log(out / LOG, report)
        _write_checkpoint(out / CHECKPOINT, run)
        listeners.epoch(report)
    metadata = {"variant": config.variant, "seed": str(config.seed), **config.input.spec.to_metadata()}
    weights.save(run.network, out / FINAL, metadata, half)
    return out / FINAL


def _claim(out: Path, config: TrainingConfig) -> None:
    """Make `out` this configuration's folder, or check that it is already."""
    out.mkdir(parents=True, exist_ok=True)
    record = out / "config.json"
    wanted = json.loads(config.model_dump_json())
    if record.is_file() and json.loads(record.read_text()) != wanted:
        raise ReidError(f"{out}: holds a run of another configuration; choose another folder or remove it")
    record.write_text(json.dumps(wanted, indent=2))


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


def _begin(config: TrainingConfig, classes: int, teacher_dimension: int) -> Run:
    device = torch.device(_device_name(config.device))
    torch.manual_seed(config.seed)
    network = build(config.variant, classes)
    if config.initial_weights is not None:
        state = weights.read_state_dict(config.initial_weights)
        weights.load_state(network, state, str(config.initial_weights))
    projection = nn.Linear(network.spec.feature_dim, teacher_dimension) if teacher_dimension else None
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    parameters = list(network.parameters())
    if projection is not None:
        parameters += projection.to(device).parameters()
    return Run(network, projection, make_optimiser(config.optimiser, parameters), device)


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
    options, classes = config.loss, batch.classes.to(run.device)
    loss = features.new_zeros(())
    if options.identity:
        logits = run.network.classify(features)
        loss = loss + options.identity * losses.identity_loss(logits, classes, options.smoothing)
    if options.triplet:
        loss = loss + options.triplet * losses.triplet_loss(features, classes, options.margin)
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


def _scores(run: Run, config: TrainingConfig, data: Sequence[ReidData]) -> tuple[float | None, float | None]:
    """Rank-1 and mAP on the first data set that has queries, in the epochs that are due."""
    last = run.epoch == config.epochs
    due = last or (config.evaluate_every > 0 and run.epoch % config.evaluate_every == 0)
    tested = next((part for part in data if part.query and part.gallery), None)
    if not due or tested is None:
        return None, None
    query, gallery = (describe(run.network, part, config.input.spec) for part in (tested.query, tested.gallery))
    scores = evaluate(query, labels_of(tested.query), gallery, labels_of(tested.gallery))
    return scores.rank(1), scores.mean_ap


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
