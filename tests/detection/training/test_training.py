"""The trainer on drawn people: seconds, not figures."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from tests.detection.training.pictures import write_data
from tracker.detection.training.config import NetworkConfig, ScheduleConfig, TrainingConfig, load
from tracker.detection.training.run import train
from tracker.errors import OmnitrackError

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


def plan(data: Path, epochs: int = 2) -> TrainingConfig:
    schedule = ScheduleConfig(epochs=epochs, sizes=((0.0, 32), (0.5, 64)), mosaic_until=0.5, warmup_epochs=0.5)
    network = NetworkConfig(width=0.125, distances=4)
    return TrainingConfig(data=data, schedule=schedule, network=network, batch=3, device="cpu", threads=1)


def weights_of(out: Path) -> dict[str, torch.Tensor]:
    state = torch.load(out / "state.pth", weights_only=True)
    return {f"{part}.{name}": tensor for part in ("model", "ema") for name, tensor in state[part].items()}


def assert_same_state(one: Path, other: Path) -> None:
    ours, theirs = weights_of(one), weights_of(other)
    assert ours.keys() == theirs.keys()
    different = [name for name, tensor in ours.items() if not torch.equal(tensor, theirs[name])]
    assert not different


class Killed(BaseException):
    pass


def test_a_run_that_was_stopped_goes_on_to_the_same_state(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracker.detection.training import trainer

    train(plan(data), tmp_path / "whole")
    with monkeypatch.context() as patched:
        count = trainer.PersonTrainer._count_batch

        def stop_in_second_epoch(self: trainer.PersonTrainer) -> None:
            count(self)
            if self.epoch == 1:
                raise Killed

        patched.setattr(trainer.PersonTrainer, "_count_batch", stop_in_second_epoch)
        with pytest.raises(Killed):
            train(plan(data), tmp_path / "stopped")
    network = train(plan(data), tmp_path / "stopped")
    assert_same_state(tmp_path / "whole", tmp_path / "stopped")
    rows = (tmp_path / "stopped/log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2"]
    # a finished run is left as it is
    written = network.stat().st_mtime_ns
    assert train(plan(data), tmp_path / "stopped").stat().st_mtime_ns == written


def test_a_folder_of_another_run_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(plan(data, epochs=5).model_dump_json())
    with pytest.raises(OmnitrackError, match="holds a run of another configuration"):
        train(plan(data), tmp_path)


def test_a_second_part_begins_where_the_first_ended(data: Path, tmp_path: Path) -> None:
    from tracker.detection.training.annotations import read_split
    from tracker.detection.training.trainer import PersonTrainer

    first = train(plan(data, epochs=1), tmp_path / "first")
    splits = {split: read_split(data, split) for split in ("train", "val")}
    trainer = PersonTrainer(
        plan(data).model_copy(update={"initial_weights": first}), splits, tmp_path / "second", "cpu"
    )
    trainer.setup_model()
    ended = torch.load(tmp_path / "first/state.pth", weights_only=True)["ema"]
    for name, tensor in trainer.model.state_dict().items():
        torch.testing.assert_close(tensor, ended[name], rtol=1e-3, atol=1e-4)
    wider = plan(data).model_copy(update={"initial_weights": first, "network": NetworkConfig(width=0.25)})
    with pytest.raises(OmnitrackError, match=r"network.pt: initial_weights of a network with another width"):
        PersonTrainer(wider, splits, tmp_path / "third", "cpu").setup_model()


def test_wrong_data_are_found_before_anything_is_trained(tmp_path: Path) -> None:
    root = write_data(tmp_path / "data")
    (root / "labels/val_1.txt").write_text("3 .5 .5 .1 .1\n")
    with pytest.raises(OmnitrackError, match=r"val_1.txt, line 1: class 3"):
        train(plan(root), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_killed_process_goes_on_to_the_same_state(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(plan(data, epochs=6).model_dump(mode="json")))
    train(load(file), tmp_path / "whole")
    command = [sys.executable, str(ROOT / "main.py"), "detector", "train", str(file), "--out", str(tmp_path / "killed")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = tmp_path / "killed/log.csv"
    while process.poll() is None and not (log.is_file() and len(log.read_text().splitlines()) > 2):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not torch.load(tmp_path / "killed/state.pth", weights_only=True)["complete"]
    subprocess.run(command, check=True, capture_output=True)
    assert_same_state(tmp_path / "whole", tmp_path / "killed")
