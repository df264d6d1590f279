from pathlib import Path

import numpy as np
import pytest

from tests.detection.training.pictures import write_data
from tracker.detection.training.annotations import read_boxes, read_split
from tracker.errors import OmnitrackError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path)


def test_reads_pictures_and_boxes(data: Path) -> None:
    images = read_split(data, "train")
    assert [len(image.boxes) for image in images] == [0, 1, 2, 2, 2, 2]
    assert {(image.height, image.width) for image in images} == {(64, 64)}
    np.testing.assert_allclose(images[1].boxes[0, 2:], [0.2, 0.5])


def test_an_empty_label_file_says_that_nobody_is_there(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("")
    boxes = read_boxes(tmp_path / "x.txt")
    assert boxes.shape == (0, 4)
    assert boxes.dtype == np.float32


def test_a_missing_label_file_is_named(data: Path) -> None:
    (data / "labels/train_3.txt").unlink()
    with pytest.raises(OmnitrackError, match=r"labels/train_3.txt: no labels can be read \(No such file"):
        read_split(data, "train")


def test_a_picture_that_does_not_decode_is_named(data: Path) -> None:
    (data / "images/val_1.jpg").write_bytes(b"\xff\xd8\xff truncated")
    with pytest.raises(OmnitrackError, match=r"images/val_1.jpg: is not a picture"):
        read_split(data, "val")


def test_a_missing_picture_is_named(data: Path) -> None:
    (data / "images/val_1.jpg").unlink()
    with pytest.raises(OmnitrackError, match=r"images/val_1.jpg: is missing"):
        read_split(data, "val")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("2 .5 .5 .1 .1", "class 2; only people"),
        ("0 .5 .5 .1", "is not a centre, width and height"),
        ("0 .5 .5 0 .1", "is not a centre, width and height"),
        ("0 .5 1.5 .1 .1", "is not a centre, width and height"),
        ("0 nan .5 .1 .1", "is not a centre, width and height"),
        ("person .5 .5 .1 .1", "holds something that is no number"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    labels = tmp_path / "x.txt"
    labels.write_text(f"0 .5 .5 .1 .1\n{line}\n")
    with pytest.raises(OmnitrackError, match=rf"x.txt, line 2: .*{complaint}"):
        read_boxes(labels)


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match=r"train.txt: cannot be read"):
        read_split(tmp_path, "train")


def test_an_empty_list_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text("\n")
    with pytest.raises(OmnitrackError, match=r"val.txt: names no pictures"):
        read_split(tmp_path, "val")
