"""Cameras dealt out to several devices; devices of the CPU stand in for GPUs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from reid.embedder import CropEmbedder
from reid.preprocess import InputSpec
from tracker import networks
from tracker.config import Config
from tracker.core.types import Detections, FloatArray
from tracker.inference.registry import load_registry
from tracker.inference.spec import ModelFormat, ModelKind
from tracker.inference.torch_session import TorchSession
from tracker.ports import Detector
from tracker.several_devices import SeveralDetectors, SeveralEmbedders, as_one
from tracker.video.frame import Image


class Grey:
    """A detector that finds one person, as wide as the picture is bright, and remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[list[int]] = []

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        self.shown.append([int(image[0, 0, 0]) for image in images])
        return [
            Detections(np.array([[0, 0, image[0, 0, 0], 1]], np.float32), np.ones(1, np.float32)) for image in images
        ]


def cameras(count: int) -> list[Image]:
    return [np.full((8, 8, 3), 1 + number, np.uint8) for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_cameras_are_dealt_out_in_turn_and_answers_keep_their_order(count: int) -> None:
    devices = [Grey(), Grey()]
    found = SeveralDetectors(devices).detect(cameras(count))
    assert [people.boxes_xyxy[0, 2] for people in found] == list(range(1, count + 1))
    assert [device.shown for device in devices] == [
        [share] if (share := list(range(first, count + 1, 2))) else [] for first in (1, 2)
    ]


def test_pictures_that_come_alone_are_dealt_out_in_turn() -> None:
    devices = [Grey(), Grey(), Grey()]
    several = SeveralDetectors(devices)
    for picture in cameras(6):
        (people,) = several.detect([picture])
        assert people.boxes_xyxy[0, 2] == picture[0, 0, 0]
    assert [device.shown for device in devices] == [[[1], [4]], [[2], [5]], [[3], [6]]]


def test_one_device_needs_nobody_to_deal() -> None:
    alone: Detector = Grey()
    assert as_one([alone], SeveralDetectors) is alone


def test_trouble_of_one_device_is_heard() -> None:
    class Broken(Grey):
        def detect(self, images: Sequence[Image]) -> list[Detections]:
            raise RuntimeError("fake: the device fell off the bus")

    with pytest.raises(RuntimeError, match="fell off the bus"):
        SeveralDetectors([Grey(), Broken()]).detect(cameras(2))


class Means(torch.nn.Module):
    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.mean(dim=(2, 3)) + torch.tensor([0.0, 1.0, 2.0])


def boxes_of(count: int) -> FloatArray:
    return np.array([[n, 0, n + 3, 6] for n in range(count)], np.float32).reshape(count, 4)


def test_two_devices_describe_people_as_one_does() -> None:
    """Two sessions on the CPU stand in for two GPUs."""

    class Pictures:
        """Gives the network of three numbers a crop the channels of the picture."""

        def __init__(self) -> None:
            self.session = TorchSession(Means(), "cpu", (None, 3, 8, 4))

        def infer(self, batch: Image) -> FloatArray:
            return self.session.infer(batch.transpose(0, 3, 1, 2).astype(np.float32))

    def one() -> CropEmbedder:
        return CropEmbedder(Pictures(), InputSpec(8, 4), "means", 3)

    images = [np.random.default_rng(n).integers(0, 256, (8, 8, 3), np.uint8) for n in range(5)]
    boxes = [boxes_of(n) for n in (2, 0, 3, 1, 1)]
    several = SeveralEmbedders([one(), one()])
    assert (several.name, several.dimension) == ("means", 3)
    for mine, expected in zip(several.embed(images, boxes), one().embed(images, boxes), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-5)
    with pytest.raises(ValueError, match="zip"):
        several.embed(images, boxes[:2])


@pytest.mark.parametrize(
    ("kind", "devices"), [(ModelKind.DETECTOR, ("cpu",)), (ModelKind.EMBEDDER, ("cuda:0", "cuda:1"))]
)
def test_the_built_in_detector_runs_on_the_cpu_and_the_embedder_on_every_device(
    kind: ModelKind, devices: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "resolve_devices", lambda _: ("cuda:0", "cuda:1"))
    (spec,) = [s for s in load_registry().models(kind) if s.format is ModelFormat.BUILT_IN]
    assert networks.devices_for(Config(), spec) == devices


def test_every_device_has_an_embedder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins for two GPUs: the sessions that would be opened there are opened on the CPU."""
    opened: list[str] = []

    def stand_in(module: torch.nn.Module, device: str, *rest: object, **options: object) -> TorchSession:
        opened.append(device)
        return TorchSession(module, "cpu", *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(networks, "TorchSession", stand_in)
    monkeypatch.setattr(networks, "resolve_devices", lambda _: ("cuda:0", "cuda:1"))
    config = Config.model_validate({"device": "cuda", "models": {"download": False}})
    monkeypatch.delenv("OMNITRACK_MODELS", raising=False)
    monkeypatch.setattr(networks, "cache_folder", lambda: Path("/nowhere"))
    built = networks.build_embedder(config, lambda _: None)
    assert opened == ["cuda:0", "cuda:1"]
    images = [np.random.default_rng(n).integers(0, 256, (40, 40, 3), np.uint8) for n in range(2)]
    boxes = [np.array([[0, 0, 20, 40]], np.float32)] * 2
    vectors = np.concatenate(built.embed(images, boxes))
    assert vectors.shape == (2, built.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
