"""Readers on small trees with the real file names."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from reid.datasets import READERS, UNLABELLED, Division, Sample, evenly_spread, read
from reid.errors import ReidError


def plant(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.zeros((16, 8, 3), np.uint8))
    return root


def who(samples: tuple[Sample, ...]) -> list[tuple[str, int, int]]:
    return [(sample.path.name, sample.person, sample.camera) for sample in samples]


def test_market1501(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        "bounding_box_train/0002_c1s1_000451_03.jpg",
        "bounding_box_train/0007_c3s3_077419_03.jpg",
        "query/0001_c1s1_001051_00.jpg",
        "bounding_box_test/-1_c1s1_000401_03.jpg",
        "bounding_box_test/0000_c2s1_000151_01.jpg",
        "bounding_box_test/0001_c6s1_002401_00.jpg",
    )
    (root / "bounding_box_test" / "Thumbs.db").touch()
    data = read("market1501", root)
    assert who(data.train) == [("0002_c1s1_000451_03.jpg", 2, 1), ("0007_c3s3_077419_03.jpg", 7, 3)]
    assert who(data.query) == [("0001_c1s1_001051_00.jpg", 1, 1)]
    assert who(data.gallery) == [("0000_c2s1_000151_01.jpg", 0, 2), ("0001_c6s1_002401_00.jpg", 1, 6)]


@pytest.mark.parametrize(
    ("name", "train", "query", "gallery"),
    [
        ("dukemtmc", "0001_c2_f0046182.jpg", "0005_c2_f0046985.jpg", "0005_c5_f0051781.jpg"),
        ("cuhk03", "0001_c1_1.png", "0003_c1_2.png", "0003_c2_7.png"),
    ],
)
def test_other_sets_in_market_layout(name: str, train: str, query: str, gallery: str, tmp_path: Path) -> None:
    plant(tmp_path, f"bounding_box_train/{train}", f"query/{query}", f"bounding_box_test/{gallery}")
    data = read(name, tmp_path)
    assert who(data.train) == [(train, 1, int(train[6]))]
    assert who(data.query) == [(query, int(query[3]), int(query[6]))]
    assert who(data.gallery) == [(gallery, int(query[3]), int(gallery[6]))]


def test_msmt17(tmp_path: Path) -> None:
    lists = {
        "list_train.txt": "0000/0000_000_01_0303morning_0008_0.jpg 0\n",
        "list_val.txt": "0000/0000_024_14_0303morning_0036_0.jpg 0\n",
        "list_query.txt": "0003/0003_001_07_0303noon_0100_1.jpg 3\n",
        "list_gallery.txt": "0003/0003_009_02_0303noon_0100_1.jpg 3\n",
    }
    for file, text in lists.items():
        (tmp_path / file).write_text(text)
    data = read("msmt17", tmp_path)
    assert [(s.person, s.camera) for s in data.train] == [(0, 1), (0, 14)]
    assert data.train[0].path == tmp_path / "train" / "0000" / "0000_000_01_0303morning_0008_0.jpg"
    assert who(data.query) == [("0003_001_07_0303noon_0100_1.jpg", 3, 7)]
    assert data.gallery[0].path.is_relative_to(tmp_path / "test")
    (tmp_path / "list_val.txt").unlink()
    with pytest.raises(ReidError, match=r"list_val\.txt"):
        read("msmt17", tmp_path)


def test_viper_halves_are_disjoint_and_follow_the_seed(tmp_path: Path) -> None:
    for person in range(10):
        plant(tmp_path, f"cam_a/{person:03}_0.bmp", f"cam_b/{person:03}_90.bmp")
    data = read("viper", tmp_path, Division(seed=1))
    trained, tested = ({s.person for s in part} for part in (data.train, data.query))
    assert len(trained) == len(tested) == 5
    assert not trained & tested
    assert {s.camera for s in data.query} == {0}
    assert {s.camera for s in data.gallery} == {1}
    assert read("viper", tmp_path, Division(seed=1)) == data
    assert any(read("viper", tmp_path, Division(seed=seed)) != data for seed in (2, 3, 4))


def test_grid_strangers_are_in_the_gallery_only(tmp_path: Path) -> None:
    for person in range(1, 5):
        plant(
            tmp_path,
            f"probe/{person:04}_1_25004_107_32_106_221.jpeg",
            f"gallery/{person:04}_5_25023_116_134_128_330.jpeg",
        )
    plant(tmp_path, "gallery/0000_5_25001_1_2_3_4.jpeg")
    data = read("grid", tmp_path)
    assert len({s.person for s in data.train}) == 2
    assert 0 not in {s.person for s in (*data.train, *data.query)}
    assert ("0000_5_25001_1_2_3_4.jpeg", 0, 5) in who(data.gallery)


def test_cuhk01_cameras_and_division(tmp_path: Path) -> None:
    plant(tmp_path, *(f"{person:04}{crop:03}.jpg" for person in (1, 2, 3) for crop in (1, 2, 3, 4)))
    data = read("cuhk01", tmp_path, Division(test_people=(1, 2)))
    assert {s.person for s in data.train} == {3}
    assert who(data.query) == [(f"{p:04}{c:03}.jpg", p, 0) for p in (1, 2) for c in (1, 2)]
    assert who(data.gallery) == [(f"{p:04}{c:03}.jpg", p, 1) for p in (1, 2) for c in (3, 4)]
    assert len(read("cuhk01", tmp_path, Division((1, 2), everyone=True)).train) == 12


def test_plain_folder(tmp_path: Path) -> None:
    data = read("folder", plant(tmp_path, "12_3_anything.jpg", "7_1_x.png"))
    assert who(data.train) == [("12_3_anything.jpg", 12, 3), ("7_1_x.png", 7, 1)]
    assert data.train == data.query == data.gallery


def test_person_boxes_are_unlabelled_and_upright(tmp_path: Path) -> None:
    plant(tmp_path, "images/coco_1.jpg", "images/other_1.jpg", "images/coco_unlabelled.jpg")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "coco_1.txt").write_text("0 .5 .5 .2 .6\n0 .5 .5 .05 .1\n0 .5 .5 .6 .5\n")
    (tmp_path / "labels" / "other_1.txt").write_text("0 .5 .5 .2 .6\n")
    data = read("person_boxes", tmp_path, Division(prefixes=("coco",)))
    assert [(s.path.name, s.person, s.box_cxcywh) for s in data.train] == [
        ("coco_1.jpg", UNLABELLED, (0.5, 0.5, 0.2, 0.6))
    ]
    assert data.query == data.gallery == ()


@pytest.mark.parametrize("name", sorted(READERS))
def test_missing_folder_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(ReidError, match="nowhere"):
        read(name, tmp_path / "nowhere")


@pytest.mark.parametrize(("total", "count"), [(300, 256), (10, 3), (5, 8), (0, 4), (7, 1)])
def test_an_even_spread_reaches_both_ends(total: int, count: int) -> None:
    chosen = evenly_spread(range(total), count)
    assert len(chosen) == min(total, count)
    if len(chosen) > 1:
        steps = np.diff(chosen)
        assert (chosen[0], chosen[-1]) == (0, total - 1)
        assert steps.max() - steps.min() <= 1


def test_names_that_do_not_fit_and_unknown_sets(tmp_path: Path) -> None:
    with pytest.raises(ReidError, match=r"holiday\.jpg"):
        read("folder", plant(tmp_path, "holiday.jpg"))
    with pytest.raises(ReidError, match="market1501"):
        read("market", tmp_path)
