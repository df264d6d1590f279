import subprocess
import sys

import cv2
import numpy as np
import pytest

from reid.embedder import CropEmbedder
from reid.preprocess import OPEN_MODEL_ZOO_INPUT, FloatArray, Image, InputSpec, crop, to_batch


class MeanColour:
    """A network of three features: the mean of every channel."""

    def __init__(self) -> None:
        self.batches: list[Image] = []

    def infer(self, batch: Image) -> FloatArray:
        self.batches.append(batch)
        mean: FloatArray = batch.mean(axis=(1, 2)).astype(np.float32)
        return mean


RAW = InputSpec(8, 4, order="bgr", scale=1.0, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


def embedder() -> tuple[CropEmbedder, MeanColour]:
    session = MeanColour()
    return CropEmbedder(session, RAW, "mean-colour", 3), session


def picture(blue: int, green: int, red: int) -> np.ndarray:
    return np.full((40, 30, 3), (blue, green, red), np.uint8)


def test_one_call_for_all_crops_of_a_step() -> None:
    subject, session = embedder()
    boxes = [
        np.array([[0, 0, 10, 20], [5, 5, 15, 25]], np.float32),
        np.zeros((0, 4), np.float32),
        np.array([[1, 1, 9, 9]], np.float32),
    ]
    rows = subject.embed([picture(200, 0, 0), picture(0, 0, 0), picture(0, 30, 40)], boxes)
    assert [r.shape for r in rows] == [(2, 3), (0, 3), (1, 3)]
    assert len(session.batches) == 1
    assert session.batches[0].shape == (3, 8, 4, 3)
    np.testing.assert_allclose(rows[0], [[1, 0, 0]] * 2, atol=1e-6)
    np.testing.assert_allclose(rows[2], [[0, 0.6, 0.8]], atol=1e-6)
    assert all(r.dtype == np.float32 for r in rows)


@pytest.mark.parametrize(
    "box", [[-50, -50, -1, -1], [31, 0, 60, 20], [5, 5, 6, 30], [28.6, 0, 99, 99], [0, 39, 30, 41]]
)
def test_a_box_outside_gives_zeros(box: list[float]) -> None:
    subject, session = embedder()
    (rows,) = subject.embed([picture(9, 9, 9)], [np.array([box, [0, 0, 10, 10]], np.float32)])
    assert rows[0].tolist() == [0, 0, 0]
    assert np.linalg.norm(rows[1]) == pytest.approx(1)
    assert len(session.batches[0]) == 1


def test_nothing_to_embed_never_calls_the_network() -> None:
    subject, session = embedder()
    assert subject.embed([], []) == []
    assert subject.embed([picture(1, 1, 1)], [np.zeros((0, 4), np.float32)])[0].shape == (0, 3)
    assert subject.embed_crops([]).shape == (0, 3)
    assert session.batches == []


def test_shapes_are_checked() -> None:
    subject, _ = embedder()
    with pytest.raises(ValueError, match="1 images but 0"):
        subject.embed([picture(1, 1, 1)], [])
    with pytest.raises(ValueError, match=r"\(4,\)"):
        subject.embed([picture(1, 1, 1)], [np.zeros(4, np.float32)])
    with pytest.raises(ValueError, match=r"\(1, 3\), expected \(1, 5\)"):
        CropEmbedder(MeanColour(), RAW, "x", 5).embed_crops([picture(1, 1, 1)])


def test_crop_is_clipped_to_the_picture() -> None:
    image = np.arange(40 * 30 * 3, dtype=np.uint8).reshape(40, 30, 3)
    part = crop(image, np.array([-5.0, 10.4, 7.6, 500.0]))
    assert part is not None
    np.testing.assert_array_equal(part, image[10:, :8])


def test_batch_is_rgb_normalised_by_imagenet() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (50, 20, 3), np.uint8)
    batch = to_batch([image], InputSpec(64, 32))
    rgb = cv2.cvtColor(cv2.resize(image, (32, 64)), cv2.COLOR_BGR2RGB)
    expected = ((rgb / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).transpose(2, 0, 1)
    assert batch.dtype == np.float32
    np.testing.assert_allclose(batch[0], expected, atol=1e-5)


def test_open_model_zoo_takes_raw_bgr() -> None:
    batch = to_batch([picture(1, 2, 3)], OPEN_MODEL_ZOO_INPUT)
    assert batch.shape == (1, 3, 256, 128)
    assert batch[0, :, 7, 7].tolist() == [1, 2, 3]


def test_empty_batch() -> None:
    assert to_batch([], InputSpec()).shape == (0, 3, 256, 128)


def test_input_survives_metadata() -> None:
    assert InputSpec.from_metadata(OPEN_MODEL_ZOO_INPUT.to_metadata()) == OPEN_MODEL_ZOO_INPUT
    assert InputSpec.from_metadata({}) == InputSpec()


@pytest.mark.parametrize(
    ("field", "value"), [("height", 0), ("order", "hsv"), ("scale", 0.0), ("std", (1.0, 0.0, 1.0))]
)
def test_a_bad_field_is_named(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        InputSpec(**{field: value})  # type: ignore[arg-type]


def test_embedding_imports_no_framework() -> None:
    code = "import sys, reid.embedder, reid.metadata; print([m for m in ('torch', 'openvino') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
