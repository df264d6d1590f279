"""A student learns from the maps inside its teacher: what is asked for, what is refused, and that it helps."""

import csv
from pathlib import Path

import cv2
import numpy as np
import openvino
import pytest
import torch

from reid import weights
from reid.config import TeacherConfig, TrainingConfig
from reid.errors import ReidError
from reid.export import to_openvino
from reid.extractor import FeatureExtractor
from reid.hints import followed, hint_loss, scaled, spreads
from reid.osnet import build
from reid.preprocess import OSNET_INPUT, InputSpec, to_batch
from reid.progress import Listeners
from reid.teachers import HintingTeacher, PlainTeacher, open_teacher
from reid.train import train

PLACES = (
    "stem",
    "conv2.1.reduce",
    "conv2.1.stream3.3",
    "conv2.1",
    "conv2.2",
    "conv2.transition",
    "conv3.1",
    "conv3.2",
    "conv3.transition",
    "conv4.1",
    "conv4.2",
)
CROPS = np.random.default_rng(1).integers(0, 256, (3, 60, 30, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OSNet of 256x128 pixels, whose normalisation has seen noise, as an IR."""
    folder = tmp_path_factory.mktemp("teacher")
    torch.manual_seed(2)
    network = build("osnet_x0_25").train()
    with torch.no_grad():
        network(torch.from_numpy(to_batch(list(CROPS), OSNET_INPUT)))
    weights.save(network, folder / "t.safetensors", OSNET_INPUT.to_metadata())
    to_openvino(folder / "t.safetensors", folder / "t.xml")
    return folder / "t.xml"


@pytest.fixture(scope="module")
def nodes(teacher: Path) -> dict[str, str]:
    """By place the node of the IR that has its map: the last of that shape before the next place's."""
    network = weights.load(teacher.with_suffix(".safetensors")).eval()
    batch = to_batch([CROPS[0]], OSNET_INPUT)
    model = openvino.Core().read_model(teacher)
    kinds = ("Relu", "MaxPool", "AvgPool")
    nodes = [node for node in model.get_ordered_ops() if node.get_type_name() in kinds]
    candidates = [node for node in nodes if node.output(0).partial_shape.rank.get_length() == 4]
    model.add_outputs([node.output(0) for node in candidates])
    outputs = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(batch)
    with torch.no_grad():
        _, maps = followed(network, torch.from_numpy(batch), {})
    found = {}
    for place in PLACES:
        wanted = maps[place].numpy()
        for number, node in enumerate(candidates, start=1):
            if outputs[number].shape == wanted.shape and np.allclose(outputs[number], wanted, atol=1e-3):
                found[place] = node.get_friendly_name()
    assert set(found) == set(PLACES)
    return found


def config_of(teacher: Path, nodes: dict[str, str]) -> TeacherConfig:
    return TeacherConfig(path=teacher, hints=nodes)


def test_maps_are_the_teachers_own_averaged_down(teacher: Path, nodes: dict[str, str]) -> None:
    described = open_teacher(config_of(teacher, nodes), InputSpec(128, 64)).describe(list(CROPS))
    network = weights.load(teacher.with_suffix(".safetensors")).eval()
    with torch.no_grad():
        _, maps = followed(network, torch.from_numpy(to_batch(list(CROPS), OSNET_INPUT)), {})
    for place in PLACES:
        expected = torch.nn.functional.avg_pool2d(maps[place], 2).numpy()
        assert described.maps[place].shape == expected.shape
        assert np.corrcoef(described.maps[place].ravel(), expected.ravel())[0, 1] > 0.999  # computed in bfloat16
    plain = open_teacher(TeacherConfig(path=teacher), InputSpec(128, 64))
    assert isinstance(plain, PlainTeacher)
    np.testing.assert_allclose(described.features, plain.describe(list(CROPS)).features, atol=2e-2)
    np.testing.assert_allclose(described.features, FeatureExtractor.open(teacher)(list(CROPS)), atol=5e-2)


def test_a_teacher_that_cannot_give_these_hints_is_named(teacher: Path, nodes: dict[str, str]) -> None:
    with pytest.raises(ReidError, match=r"t\.xml: has no node nowhere"):
        HintingTeacher(config_of(teacher, {"stem": "nowhere"}), InputSpec(128, 64))
    with pytest.raises(ReidError, match="no multiple of the input 100x50"):
        HintingTeacher(config_of(teacher, nodes), InputSpec(100, 50))
    with pytest.raises(ReidError, match=r"none\.xml"):
        HintingTeacher(TeacherConfig(path=teacher.with_name("none.xml"), hints=nodes), InputSpec(128, 64))


def test_every_part_of_the_trunk_sees_what_it_is_given() -> None:
    torch.manual_seed(0)
    network = build("osnet_x0_25").eval()
    images = torch.rand(2, 3, 64, 32)
    with torch.no_grad():
        features, own = followed(network, images, {})
        assert torch.equal(features, network(images))
        assert torch.equal(own["conv4.transition"], network.feature_maps(images))
        given = {place: torch.rand_like(own[place]) for place in ("conv2.2", "conv3.1.stream2.1", "conv4.transition")}
        guided_features, guided = followed(network, images, given)
        behind = network.places()["conv2.transition"](given["conv2.2"])
        expected = network.fc(given["conv4.transition"].mean((2, 3)))
    assert torch.equal(guided["conv2.2"], own["conv2.2"])
    assert torch.equal(guided["conv2.transition"], behind)
    assert not torch.allclose(guided["conv3.1"], own["conv3.1"])
    torch.testing.assert_close(guided_features, expected)
    assert torch.equal(network(images), features)  # nothing of it stays behind


def test_scaled_channels_have_a_spread_of_one_and_still_ones_are_not_blown_up() -> None:
    rng = np.random.default_rng(0)
    maps = {"stem": (rng.normal(3, 1, (50, 3, 8, 4)) * np.array([1, 10, 0])[:, None, None]).astype(np.float32)}
    maps["stem"][:, 2] = rng.normal(100, 1, (50, 8, 4))  # is nearly always the same
    spread = spreads(maps)
    told = scaled({"stem": torch.from_numpy(maps["stem"])}, spread)
    assert told["stem"].std((0, 2, 3)).tolist() == pytest.approx([1, 1, 0.04], abs=0.01)
    assert told["stem"][:, 2].mean() == pytest.approx(4, rel=0.01)
    dead = spreads({"stem": np.stack([maps["stem"][:, 0], np.zeros((50, 8, 4), np.float32)], 1)})["stem"]
    assert 0 < dead[1] < 0.05 * dead[0]
    assert hint_loss(told, told) == 0
    assert hint_loss({"stem": told["stem"] + 1}, told) == pytest.approx(1)


@pytest.fixture(scope="module")
def plan(teacher: Path, nodes: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> TrainingConfig:
    crops = tmp_path_factory.mktemp("crops")
    rng = np.random.default_rng(0)
    for person in range(6):
        colour = rng.integers(0, 256, 3)
        for camera in range(2):
            crop = np.clip(colour + rng.normal(0, 20, (40, 20, 3)), 0, 255).astype(np.uint8)
            cv2.imwrite(str(crops / f"{person}_{camera}_.png"), crop)
    return TrainingConfig.model_validate(
        {
            "variant": "osnet_x0_25",
            "input": {"height": 32, "width": 16},
            "data": [{"name": "folder", "root": crops}],
            "teachers": [{"path": teacher, "hints": nodes}],
            "views": 2,
            "epochs": 6,
            "batch": {"people": 3, "crops": 2},
            "optimiser": {"name": "adamw", "learning_rate": 0.01, "normalisation_factor": 4},
            "schedule": {"kind": "cosine", "guided_epochs": 4},
            "loss": {"identity": 0, "hints": 1, "direction": 1, "cosines": 1},
            "device": "cpu",
            "evaluate_every": 0,
        }
    )


def losses(out: Path) -> list[float]:
    with (out / "log.csv").open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def test_a_guided_student_comes_near_its_teacher_and_goes_on_after_a_stop(plan: TrainingConfig, tmp_path: Path) -> None:
    train(plan, tmp_path / "whole")
    whole = losses(tmp_path / "whole")
    assert whole[3] < 0.75 * whole[0]

    class StopError(Exception):
        pass

    def stop(report: object) -> None:
        raise StopError

    with pytest.raises(StopError):
        train(plan, tmp_path / "stopped", Listeners(epoch=stop))
    train(plan, tmp_path / "stopped")
    assert losses(tmp_path / "stopped") == whole


def test_places_that_do_not_fit_are_named(plan: TrainingConfig, nodes: dict[str, str], tmp_path: Path) -> None:
    def with_hints(hints: dict[str, str]) -> TrainingConfig:
        teachers = (plan.teachers[0].model_copy(update={"hints": hints}),)
        return plan.model_copy(update={"teachers": teachers})

    with pytest.raises(ReidError, match=r"'conv9\.1' is no place of this network; it has stem, conv2\.1\.reduce"):
        train(with_hints({"conv9.1": nodes["conv2.1"]}), tmp_path / "a")
    with pytest.raises(ReidError, match=r"at conv3\.1 the teacher's map is 64x8x4, the network's 96x4x2"):
        train(with_hints({"conv3.1": nodes["conv2.1"]}), tmp_path / "b")
