"""Readers of classes and attributes on small trees with the real file names, and what they say of damaged ones."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from reid.datasets import UNLABELLED, read_crop
from reid.errors import ReidError
from reid.labelled import LABELLED_READERS, LabelledData
from tests.reid.labelled import (
    ATTRIBUTES,
    COLOURS_BGR,
    SYNSETS,
    plant_cifar10,
    plant_cifar100,
    plant_imagenet,
    plant_pa100k,
)

PLANT: dict[str, Callable[[Path], Path]] = {
    "cifar10": plant_cifar10,
    "cifar100": plant_cifar100,
    "imagenet": plant_imagenet,
    "pa100k": plant_pa100k,
}


def planted(name: str, root: Path) -> LabelledData:
    return LABELLED_READERS[name](PLANT[name](root / name))


@pytest.mark.parametrize(
    ("name", "names", "train", "test"),
    [
        ("cifar10", ("airplane", "automobile", "bird"), [0, 1, 2] * 10, [0, 1, 2] * 2),
        ("cifar100", ("apple", "aquarium_fish", "baby"), [0, 1, 2] * 2, [0, 1, 2]),
        ("imagenet", SYNSETS, [0, 0, 1, 1, 2, 2], [0, 1, 2]),
    ],
)
def test_classes(name: str, names: tuple[str, ...], train: list[int], test: list[int], tmp_path: Path) -> None:
    data = planted(name, tmp_path)
    assert (data.names, data.has_attributes) == (names, False)
    assert [sample.person for sample in data.train] == train
    assert [sample.person for sample in data.test] == test
    for sample in (*data.train, *data.test):
        mean_bgr = read_crop(sample).mean((0, 1))
        assert np.abs(mean_bgr - COLOURS_BGR[sample.person]).max() < 8


def test_attributes(tmp_path: Path) -> None:
    data = planted("pa100k", tmp_path)
    assert (data.names, data.has_attributes) == (ATTRIBUTES, True)
    assert (len(data.train), len(data.test)) == (24, 8)
    assert data.train[0].path == tmp_path / "pa100k" / "data" / "000001.jpg"
    assert data.test[0].path.name == "000027.jpg"
    assert [sample.attributes for sample in data.train[:3]] == [(1, 0, 0), (0, 1, 0), (1, 1, 0)]
    assert {sample.person for sample in data.train} == {UNLABELLED}
    (tmp_path / "pa100k" / "release_data").mkdir()
    (tmp_path / "pa100k" / "data").rename(tmp_path / "pa100k" / "release_data" / "release_data")
    moved = LABELLED_READERS["pa100k"](tmp_path / "pa100k")
    assert read_crop(moved.test[0]).shape == (40, 20, 3)


@pytest.mark.parametrize(
    ("name", "missing", "complaint"),
    [
        ("cifar10", "data_batch_3.bin", "binary version"),
        ("cifar10", "batches.meta.txt", "binary version"),
        ("cifar100", "test.bin", "binary version"),
        ("imagenet", "val", "folder per synset"),
        ("imagenet", "val/n01443537", "folder per synset"),
        ("imagenet", "train", "folder per synset"),
        ("pa100k", "annotation.mat", "beside its pictures"),
        ("pa100k", "data", "pictures of PA-100K"),
    ],
)
def test_a_missing_part_is_named(name: str, missing: str, complaint: str, tmp_path: Path) -> None:
    root = PLANT[name](tmp_path / name)
    path = root / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(ReidError, match=complaint) as caught:
        LABELLED_READERS[name](root)
    assert str(path) in str(caught.value)


def test_imagenet_without_synsets(tmp_path: Path) -> None:
    (tmp_path / "train" / "cats").mkdir(parents=True)
    with pytest.raises(ReidError, match="no folder of a synset"):
        LABELLED_READERS["imagenet"](tmp_path)


def test_damaged_records(tmp_path: Path) -> None:
    root = plant_cifar10(tmp_path / "cifar10")
    path = root / "data_batch_2.bin"
    whole = path.read_bytes()
    for content, complaint in ((whole[:-1], "damaged"), (b"", "damaged"), (b"\x07" + whole[1:], "has class 7")):
        path.write_bytes(content)
        with pytest.raises(ReidError, match=rf"data_batch_2\.bin: {complaint}"):
            LABELLED_READERS["cifar10"](root)


def test_damaged_annotations(tmp_path: Path) -> None:
    root = plant_pa100k(tmp_path / "pa100k")
    path = root / "annotation.mat"
    whole, content = path.read_bytes(), {k: v for k, v in loadmat(path).items() if not k.startswith("__")}
    for damaged in (b"", b"no MATLAB file", whole[: len(whole) // 2], whole[:200], whole[:128] + b"\xff" * 400):
        path.write_bytes(damaged)
        with pytest.raises(ReidError, match=r"annotation\.mat"):
            LABELLED_READERS["pa100k"](root)
    for change, complaint in (
        ({"test_label": content["test_label"][:-1]}, "test_label"),
        ({"train_label": content["train_label"] + 1}, "train_label"),
    ):
        savemat(path, {**content, **change})
        with pytest.raises(ReidError, match=complaint):
            LABELLED_READERS["pa100k"](root)
    savemat(path, {"attributes": content["attributes"]})
    with pytest.raises(ReidError, match="has no train_images_name"):
        LABELLED_READERS["pa100k"](root)
