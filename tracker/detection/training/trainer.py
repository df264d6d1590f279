"""Ultralytics' trainer with what it lacks: a resume that changes nothing, an end in time, bfloat16 on the CPU."""

import csv
import math
import os
import random
import time
from copy import copy, deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.loss import v8DetectionLoss

from tracker.detection.training.annotations import LabelledImage
from tracker.detection.training.config import TrainingConfig
from tracker.detection.training.data import PersonDataset
from tracker.detection.training.network import PEOPLE, architecture
from tracker.detection.ultralytics_weights import load_weights
from tracker.errors import OmnitrackError

STATE = "state.pth"
NETWORK = "network.pt"
LOG = "log.csv"
UNLIMITED = 1_000_000
"""Epochs of a run that ends by the clock."""

Splits = dict[str, list[LabelledImage]]


class PersonTrainer(DetectionTrainer):  # type: ignore[misc]
    """Trains a network on splits "train" and "val"; `out` gets log.csv, and after each epoch state.pth and network.pt.

    An epoch's random draws depend on the seed and its number alone, and state.pth holds all the rest: a run that was
    killed goes on from its last whole epoch as if nothing had happened (with `hours`, on what is left of them).
    """

    def __init__(self, config: TrainingConfig, splits: Splits, out: Path, device: str) -> None:
        self._config, self._splits, self._out = config, splits, out
        self._elapsed_before = 0.0
        self._batch_number = 0
        self._mosaic = True
        super().__init__(overrides=_overrides(config, out, device))
        self.args.workers = min(1, config.threads - 1) if device == "cpu" else 4
        self.add_callback("on_train_epoch_start", PersonTrainer._begin_epoch)
        self.add_callback("on_train_batch_start", PersonTrainer._set_rate)
        self.add_callback("on_train_batch_end", PersonTrainer._count_batch)

    # What is trained

    def get_dataset(self) -> dict[str, Any]:
        return {**self._splits, "nc": len(PEOPLE), "names": PEOPLE, "channels": 3}

    def build_dataset(self, img_path: Any, mode: str = "train", batch: int | None = None) -> PersonDataset:
        training = mode == "train"
        return PersonDataset(
            img_path,
            self._config.augmentation,
            imgsz=self.args.imgsz,
            batch_size=batch,
            augment=training,
            hyp=self.args,
            rect=not training,
            pad=0.0 if training else 0.5,
            data=self.data,
        )

    def setup_model(self) -> None:
        """A network with random weights, or those of an earlier run."""
        network = DetectionModel(architecture(self._config.network), nc=len(PEOPLE), verbose=False)
        weights = self._config.initial_weights
        if weights is not None:
            try:
                network.load_state_dict(load_weights(weights, self._out).model.float().state_dict())
            except RuntimeError as error:
                raise OmnitrackError(f"{weights}: initial_weights of a network with another width or depth") from error
        self.model = network.to(memory_format=torch.channels_last)

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        batch = super().preprocess_batch(batch)
        size = self._config.schedule.size_at(self._progress())
        if size != batch["img"].shape[-1]:
            batch["img"] = nn.functional.interpolate(batch["img"], (size, size), mode="bilinear", align_corners=False)
        batch["img"] = batch["img"].contiguous(memory_format=torch.channels_last)
        if self._config.half and self.device.type == "cpu":
            # within the trainer's own context, which restores it: ultralytics knows half precision on CUDA only
            torch.set_autocast_enabled("cpu", True)
        return batch

    def _setup_train(self) -> None:
        super()._setup_train()
        self.model.criterion = _FullPrecisionLoss(self.model)
        if (self._out / STATE).is_file():
            self._restore(self._out / STATE)

    # How far it is

    def _progress(self) -> float:
        """Share of the training that is done, in [0, 1]."""
        schedule = self._config.schedule
        if schedule.hours is not None:
            return min(1.0, self._elapsed() / (schedule.hours * 3600))
        return float((self.epoch + self._batch_number / len(self.train_loader)) / self.epochs)

    def _elapsed(self) -> float:
        return self._elapsed_before + time.time() - self.train_time_start

    def _setup_scheduler(self) -> None:
        """The trainer asks for the share of the first rate at an epoch; it is told that of this very moment."""
        self.epoch, self.train_time_start = self.start_epoch, time.time()
        self.lf = lambda epoch: self._rate_share()
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self.lf)

    def _rate_share(self) -> float:
        final = self._config.optimiser.final
        return final + (1 - final) * (1 + math.cos(math.pi * self._progress())) / 2

    def _set_rate(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * self._rate_share()

    def _count_batch(self) -> None:
        self._batch_number += 1
        if self._config.schedule.hours is not None and self._progress() >= 1:
            self.stop = True

    def _begin_epoch(self) -> None:
        self._batch_number = 0
        seed = self._config.seed * 1_000_003 + self.epoch
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 - ultralytics draws from the global generator
        torch.manual_seed(seed)
        if self._mosaic and self._progress() >= self._config.schedule.mosaic_until:
            self._mosaic = False
            self.train_loader.dataset.close_mosaic(hyp=copy(self.args))
        self.train_loader.generator.manual_seed(seed)
        self.train_loader.reset()

    # What is kept

    def save_model(self) -> bool:
        """Write network.pt, then state.pth; each is replaced whole, so that a kill leaves the former one."""
        network = deepcopy(self.ema.ema).half().to(memory_format=torch.contiguous_format)
        network.criterion = None
        arguments = {key: value for key, value in vars(self.args).items() if key != "save_dir"}
        _replace(self._out / NETWORK, {"model": network, "epoch": self.epoch, "train_args": arguments})
        state = {
            "epoch": self.epoch,
            "elapsed": self._elapsed(),
            "model": self.model.state_dict(),
            "ema": self.ema.ema.state_dict(),
            "updates": self.ema.updates,
            "optimiser": self.optimizer.state_dict(),
            "best_fitness": float(self.best_fitness),
            "complete": self.stop,
        }
        _replace(self._out / STATE, state)
        return True

    def _restore(self, path: Path) -> None:
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.ema.ema.load_state_dict(state["ema"])
        self.ema.updates = state["updates"]
        self.optimizer.load_state_dict(state["optimiser"])
        self.best_fitness = state["best_fitness"]
        self._elapsed_before = state["elapsed"]
        self.epoch = self.start_epoch = state["epoch"] + 1
        self.scheduler.last_epoch = state["epoch"]

    def save_metrics(self, metrics: dict[str, float]) -> None:
        """Append a row to log.csv."""
        row = {"epoch": self.epoch + 1, "seconds": round(self._elapsed()), **metrics}
        path = self._out / LOG
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)

    def final_eval(self) -> None:
        """Nothing: the last network was validated already, and it is the one to keep."""


class _FullPrecisionLoss(v8DetectionLoss):  # type: ignore[misc]
    """Losses in 32 bits, whatever the network computed in: eight bits of mantissa cannot tell sides of boxes apart."""

    def __call__(self, preds: Any, batch: dict[str, Any]) -> Any:
        outputs = {
            name: [level.float() for level in value] if isinstance(value, list) else value.float()
            for name, value in self.parse_output(preds).items()
        }
        with torch.autocast(batch["img"].device.type, enabled=False):
            return super().__call__(outputs, batch)


def _replace(path: Path, content: dict[str, Any]) -> None:
    unfinished = path.with_suffix(".unfinished")
    torch.save(content, unfinished)
    os.replace(unfinished, path)


def _overrides(config: TrainingConfig, out: Path, device: str) -> dict[str, Any]:
    """Ultralytics' names for a configuration."""
    augmentation, optimiser, schedule = config.augmentation, config.optimiser, config.schedule
    return {
        "task": "detect",
        "model": "own.yaml",
        "data": "own.yaml",
        "project": str(out.parent),
        "name": out.name,
        "exist_ok": True,
        "epochs": schedule.epochs or UNLIMITED,
        "patience": UNLIMITED,
        "warmup_epochs": schedule.warmup_epochs,
        "warmup_bias_lr": 0.0,
        "close_mosaic": 0,
        "imgsz": schedule.size,
        "batch": config.batch,
        "nbs": config.batch,
        "device": device,
        "seed": config.seed,
        "amp": "bf16" if config.half and device != "cpu" else False,
        "plots": False,
        "verbose": False,
        "optimizer": optimiser.name,
        "lr0": optimiser.rate,
        "momentum": optimiser.momentum,
        "weight_decay": optimiser.weight_decay,
        "mosaic": augmentation.mosaic,
        "scale": augmentation.scale,
        "translate": augmentation.translate,
        "fliplr": augmentation.flip,
        "hsv_h": augmentation.hue,
        "hsv_s": augmentation.saturation,
        "hsv_v": augmentation.value,
    }
