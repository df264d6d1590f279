"""Training as functions over one piece of state, the Run."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from reid import weights
from reid.config import TrainingConfig
from reid.datasets import Sample
from reid.errors import ReidError
from reid.hints import check_places, followed, scaled, spreads
from reid.loading import Collate, CropBatch, CropDataset, ViewDataset, batches
from reid.objective import Answer, Lesson, Objective
from reid.optimising import make_optimiser, rate_factor, set_rate
from reid.osnet import OSNet, build
from reid.progress import SCORES, EpochReport, Listeners, append_to_log
from reid.samplers import Batch, person_batches, shuffled_batches
from reid.tasks import Task, scores, task_of
from reid.views import TaughtViews

CHECKPOINT = "checkpoint.pth"
FINAL = "osnet.safetensors"
LOG = "log.csv"
VIEWS = "views"
SPREAD_SAMPLES = 256
"""From so many crops the size of the teacher's maps is known."""


@dataclass(slots=True)
class Run:
    """All that changes while training, epoch being how many are done, the frequencies (a,) of attributes, and by place
    in the trunk the spread of the teacher's maps.
    """

    network: OSNet
    projection: nn.Linear | None
    optimiser: torch.optim.Optimizer
    device: torch.device
    frequencies: Tensor | None = None
    spread: Mapping[str, Tensor] = field(default_factory=dict)
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
    task = task_of(config.data)
    task.check_batch(config.batch)
    _claim(out, config)
    views = _views(config, task.samples, out)
    run = _begin(config, task, views.dimension if views is not None and config.loss.direction else 0)
    if views is not None and views.gives_hints:
        run.spread = _spread_of_hints(views, run.network, config, len(task.samples), listeners)
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
        append_to_log(out / LOG, report)
        _write_checkpoint(out / CHECKPOINT, run)
        listeners.epoch(report)
    metadata = {"variant": config.variant, "seed": str(config.seed), **config.input.spec.to_metadata()}
    if task.names:
        metadata["outputs"] = " ".join(task.names)
    weights.save(run.network, out / FINAL, metadata, half, with_head=bool(task.names))
    return out / FINAL


def _claim(out: Path, config: TrainingConfig) -> None:
    """Make `out` this configuration's folder, or check that it is already. A kill leaves a whole record or none."""
    out.mkdir(parents=True, exist_ok=True)
    record = out / "config.json"
    if record.is_file():
        if _recorded(record) != config:
            raise ReidError(f"{out}: holds a run of another configuration; choose another folder or remove it")
        return
    partial = record.with_suffix(".partial")
    partial.write_text(config.model_dump_json(indent=2))
    partial.replace(record)


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


def _spread_of_hints(
    views: TaughtViews, network: OSNet, config: TrainingConfig, samples: int, listeners: Listeners
) -> dict[str, Tensor]:
    """By place, from crops of all data sets. Raises ReidError for places or maps that do not fit the network."""
    check_places(network, views.map_shapes, config.input.height, config.input.width)
    indices = np.arange(0, samples, max(samples // SPREAD_SAMPLES, 1))
    views.prepare(indices.tolist(), lambda crops: listeners.teacher(crops, len(indices)))
    return spreads(views.maps(indices, 0))


def _begin(config: TrainingConfig, task: Task, teacher_dimension: int) -> Run:
    device = torch.device(_device_name(config.device))
    torch.manual_seed(config.seed)
    network = build(config.variant, task.outputs)
    if config.initial_weights is not None:
        state = weights.read_state_dict(config.initial_weights)
        weights.load_state(network, state, str(config.initial_weights))
    projection = nn.Linear(network.spec.feature_dim, teacher_dimension) if teacher_dimension else None
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    learning: list[nn.Module] = [network]
    if projection is not None:
        learning.append(projection.to(device))
    frequencies = task.frequencies()
    if frequencies is not None:
        frequencies = frequencies.to(device)
    return Run(network, projection, make_optimiser(config.optimiser, learning), device, frequencies)


def _device_name(wanted: str) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return wanted


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
    _freeze(run, run.epoch < config.schedule.frozen_epochs)
    objective = Objective(config.loss, run.network, run.projection, run.frequencies)
    guided = run.epoch < config.schedule.guided_epochs
    total = 0.0
    loaded = batches(dataset, order, (config.seed, run.epoch), Collate(config.input.spec), config.workers)
    for number, batch in enumerate(loaded):
        factor = rate_factor(config.schedule, run.epoch + number / len(order), config.epochs)
        set_rate(run.optimiser, config.optimiser.learning_rate * factor)
        run.optimiser.zero_grad(set_to_none=True)
        lesson = _lesson(run, batch, dataset)
        loss = objective.loss(_answer(run, config, batch, lesson.hints if guided else {}), lesson, guided)
        if not torch.isfinite(loss):
            raise ReidError(f"the loss became {loss.item()} in epoch {run.epoch + 1}; lower optimiser.learning_rate")
        loss.backward()  # type: ignore[no-untyped-call]
        run.optimiser.step()
        total += loss.item()
        listeners.batch(number + 1, len(order), loss.item())
    return total / len(order)


def _lesson(run: Run, batch: CropBatch, dataset: CropDataset | ViewDataset) -> Lesson:
    teacher = dataset.teacher(batch.indices)
    hints = {place: maps.to(run.device) for place, maps in dataset.hints(batch.indices).items()}
    return Lesson(
        batch.targets.to(run.device),
        None if teacher is None else teacher.to(run.device),
        scaled(hints, run.spread),
    )


def _answer(run: Run, config: TrainingConfig, batch: CropBatch, given: Mapping[str, Tensor]) -> Answer:
    """given: the teacher's maps that the parts of the trunk see; {} lets each see what its predecessor makes."""
    images = batch.images.to(run.device, memory_format=torch.channels_last)
    with torch.autocast(run.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
        features, maps = followed(run.network, images, given)
    return Answer(features.float(), maps)


def _freeze(run: Run, frozen: bool) -> None:
    """Frozen: the trunk keeps its weights and its batch statistics, and only the new layers learn."""
    run.network.train(not frozen)
    run.network.requires_grad_(not frozen)
    for layer in run.new_layers():
        layer.requires_grad_(True)


def _scores(run: Run, config: TrainingConfig, task: Task) -> dict[str, float]:
    """Figures of the task by the names of EpochReport's fields, in the epochs that are due."""
    last = run.epoch == config.epochs
    due = last or (config.evaluate_every > 0 and run.epoch % config.evaluate_every == 0)
    if not due or task.tested is None:
        return {}
    found = scores(run.network, task.tested, config.input.spec)
    return {name: value for name, value in found.items() if name in SCORES}


def _write_checkpoint(path: Path, run: Run) -> None:
    """Atomically: a kill at any instant leaves the previous checkpoint or this one."""
    partial = path.with_suffix(".partial")
    torch.save(run.state(), partial)
    partial.replace(path)
