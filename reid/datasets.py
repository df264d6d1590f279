"""Public re-identification data sets as lists of samples, by the names that their authors gave the files."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from reid.errors import ReidError
from reid.preprocess import Image, read_picture

Item = TypeVar("Item")
UNLABELLED = -1
SMALLEST_BOX_HEIGHT = 0.15
RECORD_SHAPE = (3, 32, 32)
RECORD_BYTES = 3 * 32 * 32
_PICTURES = {".jpg", ".jpeg", ".png", ".bmp"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One crop of a person: a file, or a part of it. person: the data set's own number, or UNLABELLED; in a data set
    of classes (reid.labelled) the class, and in one of attributes `attributes` has a 0 or 1 for each.

    box_cxcywh: centre and size as fractions of the picture's width and height; None is the whole picture.
    offset: where the RECORD_BYTES of the picture begin in a file of many (CIFAR); None is a file of one picture.
    """

    path: Path
    person: int
    camera: int
    box_cxcywh: tuple[float, float, float, float] | None = None
    offset: int | None = None
    attributes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ReidData:
    """A data set with its usual division. Query and gallery are empty where it has none."""

    train: tuple[Sample, ...] = ()
    query: tuple[Sample, ...] = ()
    gallery: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class Division:
    """Who trains and who tests, for the data sets that leave it open. test_people: first and last number, inclusive,
    for cuhk01. everyone: all of its people train, test people included. seed: of the random halves of viper and grid.
    prefixes: of the file names that person_boxes takes; none takes all.
    """

    test_people: tuple[int, int] = (1, 485)
    everyone: bool = False
    seed: int = 0
    prefixes: tuple[str, ...] = ()


def pictures(folder: Path) -> list[Path]:
    """The picture files of a folder, by name. Raises ReidError where there is no such folder."""
    if not folder.is_dir():
        raise ReidError(f"{folder}: no such folder; check `root` of this data set")
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)


def _named(folder: Path, pattern: str) -> list[Sample]:
    """Pictures of a folder whose names give person and camera. Raises ReidError for a name that does not fit."""
    samples = []
    for path in pictures(folder):
        match = re.match(pattern, path.name)
        if match is None:
            raise ReidError(f"{path}: the name does not give a person and a camera ({pattern})")
        samples.append(Sample(path, int(match["person"]), int(match["camera"])))
    return samples


def _market_layout(root: Path, division: Division) -> ReidData:
    """Market-1501, DukeMTMC-reID and CUHK03-NP (767/700): person -1 is junk, person 0 a distractor."""
    pattern = r"(?P<person>-?\d+)_c(?P<camera>\d+)"
    train, query, gallery = (
        tuple(sample for sample in _named(root / name, pattern) if sample.person != -1)
        for name in ("bounding_box_train", "query", "bounding_box_test")
    )
    return ReidData(train, query, gallery)


def _msmt17(root: Path, division: Division) -> ReidData:
    """list_*.txt hold `PPPP/PPPP_III_CC_*.jpg person`; training and validation people both train, as usual."""

    def listed(name: str, folder: str) -> list[Sample]:
        path = root / name
        if not path.is_file():
            raise ReidError(f"{path}: missing; MSMT17 has its lists beside its folders train and test")
        samples = []
        for line in path.read_text().splitlines():
            file, person = line.rsplit(maxsplit=1)
            samples.append(Sample(root / folder / file, int(person), int(Path(file).name.split("_")[2])))
        return samples

    train = listed("list_train.txt", "train") + listed("list_val.txt", "train")
    return ReidData(tuple(train), tuple(listed("list_query.txt", "test")), tuple(listed("list_gallery.txt", "test")))


def _viper(root: Path, division: Division) -> ReidData:
    """cam_a/PPP_ANGLE.bmp and cam_b/...: half of the people train, chosen by the seed."""
    first, second = (
        [Sample(path, int(path.name.split("_")[0]), camera) for path in pictures(root / folder)]
        for camera, folder in enumerate(("cam_a", "cam_b"))
    )
    return _random_halves(first, second, _people(first) & _people(second), division.seed)


def _grid(root: Path, division: Division) -> ReidData:
    """probe/PPPP_C_*.jpeg and gallery/...: 250 pairs, and strangers numbered 0 who are only ever in the gallery."""
    pattern = r"(?P<person>\d+)_(?P<camera>\d+)_"
    probe, gallery = _named(root / "probe", pattern), _named(root / "gallery", pattern)
    return _random_halves(probe, gallery, (_people(probe) & _people(gallery)) - {0}, division.seed)


def _random_halves(probe: list[Sample], gallery: list[Sample], people: set[int], seed: int) -> ReidData:
    shuffled = np.random.default_rng(seed).permutation(sorted(people))
    training = set(shuffled[: len(shuffled) // 2].tolist())
    return ReidData(
        tuple(s for s in (*probe, *gallery) if s.person in training),
        tuple(s for s in probe if s.person not in training),
        tuple(s for s in gallery if s.person not in training),
    )


def _people(samples: Iterable[Sample]) -> set[int]:
    return {sample.person for sample in samples}


def _cuhk01(root: Path, division: Division) -> ReidData:
    """PPPPKKK: crops 1 and 2 of a person are camera A's (queries), 3 and 4 camera B's (gallery)."""
    first, last = division.test_people
    crops = [(path, int(path.stem[:4]), int(path.stem[4:])) for path in pictures(root)]
    samples = [Sample(path, person, 0 if crop <= 2 else 1) for path, person, crop in crops]
    test = [sample for sample in samples if first <= sample.person <= last]
    return ReidData(
        tuple(s for s in samples if division.everyone or not first <= s.person <= last),
        tuple(s for s in test if s.camera == 0),
        tuple(s for s in test if s.camera == 1),
    )


def _folder(root: Path, division: Division) -> ReidData:
    """ID_CAMERA_*: every crop trains, and every crop is a query against the crops of the other cameras."""
    samples = tuple(_named(root, r"(?P<person>\d+)_(?P<camera>\d+)_"))
    return ReidData(samples, samples, samples)


def _person_boxes(root: Path, division: Division) -> ReidData:
    """Photographs with person boxes in YOLO layout (images/, labels/): crops without identity, for distillation.

    Boxes lower than .15 of the picture, or wider than high, show too little of a person and are left out.
    """
    samples = []
    for path in pictures(root / "images"):
        labels = root / "labels" / f"{path.stem}.txt"
        if not path.name.startswith(division.prefixes or ("",)) or not labels.is_file():
            continue
        for line in labels.read_text().splitlines():
            _, x, y, width, height = (float(part) for part in line.split())
            if height >= max(SMALLEST_BOX_HEIGHT, width):
                samples.append(Sample(path, UNLABELLED, 0, (x, y, width, height)))
    return ReidData(tuple(samples))


READERS: Mapping[str, Callable[[Path, Division], ReidData]] = {
    "market1501": _market_layout,
    "dukemtmc": _market_layout,
    "cuhk03": _market_layout,
    "msmt17": _msmt17,
    "viper": _viper,
    "grid": _grid,
    "cuhk01": _cuhk01,
    "folder": _folder,
    "person_boxes": _person_boxes,
}


def read(name: str, root: Path, division: Division | None = None) -> ReidData:
    """The data set `name` (a key of READERS) below `root`. Raises ReidError for a wrong name, folder or file name."""
    if name not in READERS:
        raise ReidError(f"unknown data set {name!r}; known: {', '.join(READERS)}")
    return READERS[name](root, division or Division())


def evenly_spread(items: Sequence[Item], count: int) -> list[Item]:
    """`count` >= 1 items at equal distances from the first to the last; all of them if there are fewer."""
    places = np.unique(np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int))
    return [items[place] for place in places]


def read_crop(sample: Sample) -> Image:
    """The sample's part of its picture, (h, w, 3) BGR uint8. Raises ReidError for a file that is no picture."""
    if sample.offset is not None:
        record = np.fromfile(sample.path, np.uint8, RECORD_BYTES, offset=sample.offset).reshape(RECORD_SHAPE)
        return np.ascontiguousarray(record[::-1].transpose(1, 2, 0))
    picture = read_picture(sample.path)
    if sample.box_cxcywh is None:
        return picture
    height, width = picture.shape[:2]
    x, y, w, h = sample.box_cxcywh
    left, right = int(max((x - w / 2) * width, 0)), round(min((x + w / 2) * width, width))
    top, bottom = int(max((y - h / 2) * height, 0)), round(min((y + h / 2) * height, height))
    return picture[top : max(bottom, top + 1), left : max(right, left + 1)].copy()
