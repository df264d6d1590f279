"""Pictures with the boxes of people, in the YOLO layout: read and checked before anything is trained."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tracker.core.types import FloatArray
from tracker.errors import OmnitrackError

PERSON = 0


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """height, width in pixels. boxes: (n, 4) float32 centre x, centre y, width, height as parts of the picture."""

    path: Path
    height: int
    width: int
    boxes: FloatArray


def read_split(root: Path, split: str) -> list[LabelledImage]:
    """All pictures that root/SPLIT.txt names, one path a line, relative to root. Every picture is decoded once.

    The boxes of images/x.jpg are in labels/x.txt, a line each: 0 and four parts of the picture; an empty file says
    that nobody is in it. OmnitrackError names the first file that is missing, does not decode or says anything else.
    """
    listing = root / f"{split}.txt"
    try:
        names = listing.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise OmnitrackError(f"{listing}: cannot be read ({error.strerror})") from error
    paths = [root / name.strip() for name in names if name.strip()]
    if not paths:
        raise OmnitrackError(f"{listing}: names no pictures")
    return [_read(path) for path in paths]


def _read(path: Path) -> LabelledImage:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if image is None:
        raise OmnitrackError(
            f"{path}: {'is not a picture' if path.is_file() else 'is missing'}; remove it from the list"
        )
    height, width = image.shape[:2]
    return LabelledImage(path, height, width, read_boxes(label_file(path)))


def label_file(image: Path) -> Path:
    """.../images/x.jpg -> .../labels/x.txt."""
    return image.parent.parent / "labels" / f"{image.stem}.txt"


def read_boxes(path: Path) -> FloatArray:
    """(n, 4) float32: centre x, centre y, width, height as parts of the picture. OmnitrackError names file and line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise OmnitrackError(
            f"{path}: no labels can be read ({error.strerror}); nobody in sight is an empty file"
        ) from error
    boxes = [_box(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    return np.array(boxes, np.float32).reshape(-1, 4)


def _box(line: str, place: str) -> list[float]:
    try:
        label, *box = map(float, line.split())
    except ValueError as error:
        raise OmnitrackError(f"{place}: {line!r} holds something that is no number") from error
    if label != PERSON:
        raise OmnitrackError(f"{place}: class {label:g}; only people, class {PERSON}, can be learnt")
    if len(box) != 4 or not all(0 <= part <= 1 for part in box) or box[2] * box[3] <= 0:
        raise OmnitrackError(f"{place}: {box} is not a centre, width and height as parts of the picture")
    return box
