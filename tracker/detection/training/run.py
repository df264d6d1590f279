"""Training a person detector: data checked, network trained, or a run continued that was stopped."""

import json
from pathlib import Path

from tracker.detection.training.annotations import read_split
from tracker.detection.training.config import TrainingConfig
from tracker.detection.ultralytics_weights import quiet_ultralytics
from tracker.errors import OmnitrackError


def train(config: TrainingConfig, out: Path) -> Path:
    """Train, or continue the run that `out` holds, and return the network of the last epoch (moving average, .pt).

    All pictures and labels are read before anything is trained. OmnitrackError where one of them is wrong, or `out`
    holds a run of another configuration.
    """
    splits = {split: read_split(config.data, split) for split in ("train", "val")}
    out = out.resolve()
    _claim(out, config)
    quiet_ultralytics(out)
    import torch

    from tracker.detection.training.trainer import NETWORK, STATE, PersonTrainer

    if (out / STATE).is_file() and torch.load(out / STATE, map_location="cpu", weights_only=True)["complete"]:
        return out / NETWORK
    torch.set_num_threads(config.threads)
    PersonTrainer(config, splits, out, _device(config)).train()
    return out / NETWORK


def _claim(out: Path, config: TrainingConfig) -> None:
    """Make `out` this configuration's folder, or check that it is already."""
    out.mkdir(parents=True, exist_ok=True)
    record = out / "config.json"
    wanted = json.loads(config.model_dump_json())
    if record.is_file() and json.loads(record.read_text(encoding="utf-8")) != wanted:
        raise OmnitrackError(f"{out}: holds a run of another configuration; choose another folder or remove it")
    record.write_text(json.dumps(wanted, indent=2), encoding="utf-8")


def _device(config: TrainingConfig) -> str:
    """The trainer's name of the device."""
    import torch

    if config.device == "cuda" and not torch.cuda.is_available():
        raise OmnitrackError("device cuda: there is none; choose auto or cpu")
    return "cpu" if config.device == "cpu" or not torch.cuda.is_available() else "0"
