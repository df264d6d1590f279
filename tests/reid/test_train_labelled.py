"""Training heads on tiny sets: the loss falls, a stop changes nothing, and the weights score by the command."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from typer.testing import CliRunner

from reid.config import load
from reid.metadata import read_metadata
from reid.progress import EpochReport, Listeners
from reid.train import train
from tests.reid.labelled import ATTRIBUTES, plant_cifar10, plant_pa100k
from tracker.cli.reid import app
from tracker.errors import OmnitrackError

CONFIG = """
variant: osnet_x0_25
input: {{height: 32, width: {width}}}
data: [{{name: {name}, root: "{root}"}}]
epochs: 2
batch: {{size: 6}}
optimiser: {{name: adamw, learning_rate: 0.003, weight_decay: 0.01}}
schedule: {{kind: cosine}}
loss: {loss}
device: cpu
evaluate_every: 1
"""
TASKS: dict[str, tuple[Callable[[Path], Path], int, str, tuple[str, str]]] = {
    "cifar10": (plant_cifar10, 32, "{}", ("top_1", "top_5")),
    "pa100k": (plant_pa100k, 16, "{identity: 0, attributes: 1}", ("mean_accuracy", "f1")),
}


class StopError(Exception):
    pass


def stop_after_first(report: EpochReport) -> None:
    if report.epoch == 1:
        raise StopError


@pytest.fixture(scope="module", params=TASKS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The data set's name, and a folder with the data, plan.yaml, and the finished run."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    plant, width, loss, _ = TASKS[name]
    root = plant(folder / "data")
    (folder / "plan.yaml").write_text(CONFIG.format(width=width, name=name, root=root, loss=loss))
    torch.set_num_threads(1)
    train(load(folder / "plan.yaml"), folder / "run")
    return name, folder


def test_the_loss_falls_and_every_epoch_is_scored(run: tuple[str, Path]) -> None:
    name, folder = run
    with (folder / "run" / "log.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert float(second["loss"]) < float(first["loss"])
    for column in TASKS[name][3]:
        assert 0 <= float(second[column]) <= 1
    assert second["rank_1"] == ""


def test_a_stop_changes_nothing(run: tuple[str, Path], tmp_path: Path) -> None:
    _, folder = run
    plan = load(folder / "plan.yaml")
    with pytest.raises(StopError):
        train(plan, tmp_path, Listeners(epoch=stop_after_first))
    resumed = safetensors.torch.load_file(train(plan, tmp_path))
    expected = safetensors.torch.load_file(folder / "run" / "osnet.safetensors")
    assert "classifier.weight" in expected
    assert resumed.keys() == expected.keys()
    assert all(torch.equal(resumed[key], expected[key]) for key in expected)


def test_the_command_scores_as_the_last_epoch_did(run: tuple[str, Path]) -> None:
    name, folder = run
    path = folder / "run" / "osnet.safetensors"
    command = ["evaluate", str(path), "--data", name, "--root", str(folder / "data")]
    result = CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False)
    scores = json.loads(result.stdout)
    with (folder / "run" / "log.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    for column in TASKS[name][3]:
        assert scores[column] == pytest.approx(float(last[column]))
    table = CliRunner().invoke(app, command, catch_exceptions=False)
    assert f"{scores[TASKS[name][3][0]]:.3f}" in table.stdout
    with pytest.raises(OmnitrackError, match="--rerank"):
        CliRunner().invoke(app, [*command, "--rerank"], catch_exceptions=False)
    if name == "pa100k":
        assert read_metadata(path)["outputs"].split() == list(ATTRIBUTES)
