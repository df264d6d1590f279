"""Training on a tiny set: it learns, it imitates, and a kill at any instant changes nothing."""

import csv
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import safetensors.torch
import torch

from reid import weights
from reid.config import AugmentationConfig, BatchConfig, OptimiserConfig, ScheduleConfig
from reid.config import load as load_config
from reid.errors import ReidError
from reid.metadata import input_spec_of, read_metadata
from reid.optimising import make_optimiser, rate_factor, set_rate
from reid.osnet import OSNet
from reid.preprocess import InputSpec
from reid.progress import EpochReport, Listeners
from reid.train import train
from reid.variants import VARIANTS

CONFIG = """
variant: osnet_x0_25
input: {{height: 32, width: 16}}
data: [{{name: folder, root: "{root}/crops"}}]
teachers: [{{path: "{root}/teacher.safetensors"}}]
epochs: 3
batch: {{people: 3, crops: 2}}
augmentation: {{colour: 0.5, erase: 0.5}}
optimiser: {{name: adamw, learning_rate: 0.002, weight_decay: 0.01}}
schedule: {{kind: cosine, warmup_epochs: 1}}
loss: {{triplet: 1.0, direction: 1.0, relation: 1.0, cosines: 1.0}}
device: cpu
evaluate_every: 2
"""

KILLED_RUN = """
import os, signal, sys
from pathlib import Path
from reid.config import load
from reid.progress import Listeners
from reid.train import train
epoch = 0
def on_epoch(report):
    global epoch
    epoch = report.epoch
def on_batch(number, total, loss):
    if epoch == 1 and number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
train(load(Path(sys.argv[1])), Path(sys.argv[2]), Listeners(batch=on_batch, epoch=on_epoch))
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration file beside its crops (people are colours) and its teacher."""
    root = tmp_path_factory.mktemp("tiny")
    (root / "crops").mkdir()
    rng = np.random.default_rng(0)
    for person in range(6):
        colour = rng.integers(0, 256, 3)
        for camera in range(4):
            crop = np.clip(colour + rng.normal(0, 20, (40, 20, 3)), 0, 255).astype(np.uint8)
            cv2.imwrite(str(root / "crops" / f"{person}_{camera}_.png"), crop)
    torch.manual_seed(5)
    weights.save(OSNet(VARIANTS["osnet_x0_25"]), root / "teacher.safetensors", InputSpec(32, 16).to_metadata())
    config = root / "plan.yaml"
    config.write_text(CONFIG.format(root=root))
    return config


@pytest.fixture(scope="module")
def finished(plan: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished")
    torch.set_num_threads(1)
    train(load_config(plan), out)
    return out


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_run_leaves_a_log_and_weights_that_name_their_input(finished: Path) -> None:
    log = rows(finished)
    assert [row["epoch"] for row in log] == ["1", "2", "3"]
    assert [row["rank_1"] != "" for row in log] == [False, True, True]
    assert float(log[-1]["loss"]) < float(log[0]["loss"])
    assert input_spec_of(finished / "osnet.safetensors") == InputSpec(32, 16)
    assert read_metadata(finished / "osnet.safetensors")["variant"] == "osnet_x0_25"
    assert weights.load(finished / "osnet.safetensors").classifier is None


def test_a_kill_in_the_middle_of_an_epoch_changes_nothing(plan: Path, finished: Path, tmp_path: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_RUN, plan, tmp_path],
        cwd=Path(__file__).parents[2],
        env={"OMP_NUM_THREADS": "1", "PATH": ""},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert [row["epoch"] for row in rows(tmp_path)] == ["1"]
    epochs: list[EpochReport] = []
    resumed = train(load_config(plan), tmp_path, Listeners(epoch=epochs.append))
    assert [report.epoch for report in epochs] == [2, 3]
    expected = safetensors.torch.load_file(finished / "osnet.safetensors")
    result = safetensors.torch.load_file(resumed)
    assert all(torch.equal(result[key], expected[key]) for key in expected)
    columns = ("epoch", "loss", "rank_1", "mean_ap")
    assert [[row[c] for c in columns] for row in rows(tmp_path)] == [
        [row[c] for c in columns] for row in rows(finished)
    ]


def test_a_finished_run_stores_its_weights_again_without_training(plan: Path, finished: Path) -> None:
    epochs: list[EpochReport] = []
    before = safetensors.torch.load_file(finished / "osnet.safetensors")
    after = safetensors.torch.load_file(train(load_config(plan), finished, Listeners(epoch=epochs.append)))
    assert epochs == []
    assert all(torch.equal(after[key], before[key]) for key in before)


def test_more_people_a_batch_than_there_are_is_refused_before_the_folder_is_taken(plan: Path, tmp_path: Path) -> None:
    crowded = load_config(plan).model_copy(update={"batch": BatchConfig(people=7, crops=2)})
    with pytest.raises(ReidError, match=r"batch\.people is 7, but the training data have 6 people"):
        train(crowded, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_of_another_configuration_is_refused(plan: Path, finished: Path) -> None:
    with pytest.raises(ReidError, match="another configuration"):
        train(load_config(plan).model_copy(update={"seed": 1}), finished)


def test_a_run_from_before_an_option_existed_goes_on(plan: Path, finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "old")
    record = tmp_path / "old" / "config.json"
    content = json.loads(record.read_text())
    assert content["loss"].pop("attributes") == 0
    record.write_text(json.dumps(content))
    assert train(load_config(plan), tmp_path / "old").is_file()
    assert json.loads(record.read_text()) == content
    record.write_text("{}")
    with pytest.raises(ReidError, match="another configuration"):
        train(load_config(plan), tmp_path / "old")


def test_a_kill_while_the_configuration_is_written_leaves_no_torn_record(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        train(load_config(plan), tmp_path)
    assert not (tmp_path / "config.json").exists()


def test_frozen_epochs_train_only_the_new_layers(plan: Path, tmp_path: Path) -> None:
    start = plan.parent / "teacher.safetensors"
    config = load_config(plan).model_copy(
        update={"epochs": 1, "initial_weights": start, "schedule": ScheduleConfig(frozen_epochs=1)}
    )
    trained = safetensors.torch.load_file(train(config, tmp_path))
    initial = safetensors.torch.load_file(start)
    assert all(torch.equal(trained[key], initial[key]) for key in initial)


def test_a_loss_that_is_not_finite_stops_the_run(plan: Path, tmp_path: Path) -> None:
    wild = load_config(plan).model_copy(update={"optimiser": OptimiserConfig(learning_rate=1e20, momentum=0.0)})
    with pytest.raises(ReidError, match="learning_rate"):
        train(wild, tmp_path)


def test_the_schedules_of_the_paper() -> None:
    steps = ScheduleConfig(milestones=(150, 225, 300))
    assert [rate_factor(steps, epoch, 350) for epoch in (0, 149, 150, 225, 300)] == pytest.approx(
        [1, 1, 0.1, 0.01, 1e-3]
    )
    cosine = ScheduleConfig(kind="cosine", warmup_epochs=2)
    assert [rate_factor(cosine, epoch, 10) for epoch in (2, 5, 10)] == pytest.approx([0.9045, 0.5, 0], abs=1e-4)
    assert rate_factor(ScheduleConfig(kind="cosine", span=20), 5, 10) == pytest.approx(rate_factor(cosine, 2.5, 10))
    assert rate_factor(cosine, 0, 10) < rate_factor(cosine, 1, 10) < rate_factor(cosine, 2, 10)


@pytest.mark.parametrize(
    ("name", "kind", "amsgrad"), [("sgd", "SGD", None), ("amsgrad", "Adam", True), ("adamw", "AdamW", False)]
)
def test_optimisers(name: str, kind: str, amsgrad: bool | None) -> None:
    config = OptimiserConfig.model_validate({"name": name})
    optimiser = make_optimiser(config, [torch.nn.Linear(1, 1)])
    assert type(optimiser).__name__ == kind
    assert optimiser.defaults.get("amsgrad") == amsgrad


def test_normalisation_layers_learn_at_a_rate_of_their_own() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    optimiser = make_optimiser(OptimiserConfig(normalisation_factor=4), [network])
    set_rate(optimiser, 0.5)
    rates = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    assert [rates[id(p)] for p in network.parameters()] == [0.5, 0.5, 2.0, 2.0]


def test_the_network_learns_who_is_who(plan: Path, tmp_path: Path) -> None:
    calm = AugmentationConfig(colour=0.0, erase=0.0)
    config = load_config(plan).model_copy(update={"epochs": 12, "evaluate_every": 0, "augmentation": calm})
    train(config, tmp_path)
    assert float(rows(tmp_path)[-1]["rank_1"]) > 0.8
