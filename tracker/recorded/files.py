"""Recorded detections: boxes, scores and embeddings of one camera, frame by frame."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import Detections, FloatArray
from tracker.errors import OmnitrackError
from tracker.evaluation.mot import read_mot
from tracker.recorded.joining import EMBEDDING_PREFIX, UNKNOWN_EMBEDDER, recover

MOST_FRAMES = 10_000_000
"""Four days at 30 frames a second: a higher number is a time or a slip, and would fill the memory with empty frames,
unless the file tells the times of that many.
"""
DEFAULT_RATE = 25.0
"""Frames per second where nobody says."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One camera. frames: detections of frame 1, 2, ...; image_size: (width, height) in pixels, None if unknown.
    embedder: the network that made the embeddings, as far as is known. t_seconds: (n_frames,) when each was taken, NaN
    for one that was not looked at; None if unknown.
    """

    camera_id: str
    frames: tuple[Detections, ...]
    image_size: tuple[int, int] | None = None
    embedder: str = UNKNOWN_EMBEDDER
    t_seconds: NDArray[np.float64] | None = None

    def times(self, frames_per_second: float | None) -> NDArray[np.float64]:
        """(n_frames,) seconds, NaN for frames that were not looked at.

        frames_per_second: counts in place of the recorded times; None: these, or where there are none DEFAULT_RATE.
        """
        if self.t_seconds is not None and frames_per_second is None:
            return self.t_seconds
        even = np.arange(len(self.frames)) / (frames_per_second or DEFAULT_RATE)
        return even if self.t_seconds is None else np.where(np.isnan(self.t_seconds), np.nan, even)

    def looked_at(self) -> list[Detections | None]:
        """The frames, None for one that was not looked at."""
        skipped = np.isnan(self.times(None)).tolist()
        return [None if skip else seen for seen, skip in zip(self.frames, skipped, strict=True)]

    def first(self, count: int) -> "Recording":
        """The first so many frames."""
        times = None if self.t_seconds is None else self.t_seconds[:count]
        return replace(self, frames=self.frames[:count], t_seconds=times)

    def clipped(self, image_size: tuple[int, int]) -> "Recording":
        """Boxes cut to a picture of (width, height) pixels; what lies outside is dropped."""
        frames = tuple(_clip(seen, image_size) for seen in self.frames)
        return replace(self, frames=frames, image_size=image_size)


def read_recording(
    camera_id: str, path: Path, embedding: str | None = None, embeddings_path: Path | None = None
) -> Recording:
    """Read an npz (frame (n,) from 1, boxes_xyxy (n, 4), conf (n,), emb* (n, d), sharpness (n,), n_frames, image_size,
    t_seconds (n_frames,)) or MOT text.

    embedding: name of the array of embeddings; needed only where there are several. embeddings_path: npz that holds
    the embeddings of a MOT text file, row by row. What a killed run left of an npz is made whole first. Raises
    OmnitrackError naming file and array.
    """
    path = recover(path)
    if path.suffix == ".npz":
        arrays = _load(path)
        frame, boxes, scores = (_numbers(arrays, name, path) for name in ("frame", "boxes_xyxy", "conf"))
    else:
        rows = read_mot(path)
        frame, boxes, scores = rows.frames, rows.boxes_xyxy, rows.conf
        arrays = {} if embeddings_path is None else _load(embeddings_path)
        if embedding is not None and embeddings_path is None:
            raise OmnitrackError(f"{path}: text holds no embeddings; give an npz, or do not name {embedding!r}")
    name = embedding or _only_embedding(arrays, embeddings_path or path)
    embeddings = None if name is None else _embeddings(arrays, name, embeddings_path or path)
    sharp = _numbers(arrays, "sharpness", path).astype(np.float32) if "sharpness" in arrays else None
    if any(column is not None and len(column) != len(frame) for column in (boxes, scores, embeddings, sharp)):
        shapes = [column.shape for column in (frame, boxes, scores, embeddings, sharp) if column is not None]
        raise OmnitrackError(f"{path}: frame, boxes, scores, embeddings and sharpness differ in length: {shapes}")
    if frame.ndim != 1 or not (frame == np.floor(frame)).all():
        raise OmnitrackError(f"{path}: frame must hold whole numbers (n,), the first frame is 1")
    count = _whole(arrays, "n_frames", 1, path)[0] if "n_frames" in arrays else int(frame.max(initial=0))
    size = _size(arrays, path)
    times = _times(arrays, count, path) if "t_seconds" in arrays else None
    try:
        with np.errstate(over="ignore"):  # what is too large for float32 is refused by Detections
            seen = Detections(boxes.astype(np.float32), scores.astype(np.float32), embeddings, sharp, size)
        if times is None and count > MOST_FRAMES:
            raise ValueError(f"the last frame is {count}; frames are counted from 1, at most {MOST_FRAMES}")
        frames = _split(frame, seen, count)
    except ValueError as error:
        raise OmnitrackError(f"{path}: {error}") from error
    embedder = (name or "").removeprefix(EMBEDDING_PREFIX).removeprefix("_") or UNKNOWN_EMBEDDER
    return Recording(camera_id, frames, size, embedder, times)


def interval_of(t_seconds: NDArray[np.float64]) -> float:
    """The usual seconds from one frame to the next, of times (n,) with NaN as in Recording."""
    gaps = np.diff(t_seconds[np.isfinite(t_seconds)])
    return float(np.median(gaps)) if len(gaps) else 1 / DEFAULT_RATE


def _load(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except FileNotFoundError:
        raise OmnitrackError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise OmnitrackError(f"{path}: not a readable npz file ({error})") from error


def _array(arrays: dict[str, NDArray[np.generic]], name: str, path: Path) -> NDArray[np.generic]:
    if name not in arrays:
        raise OmnitrackError(f"{path}: no array {name!r}; it holds {', '.join(sorted(arrays))}")
    return arrays[name]


def _numbers(arrays: dict[str, NDArray[np.generic]], name: str, path: Path) -> NDArray[np.generic]:
    """The named array; OmnitrackError where it does not hold numbers."""
    found = _array(arrays, name, path)
    if found.dtype.kind not in "fiu":
        raise OmnitrackError(f"{path}: {name} must hold numbers, its type is {found.dtype}")
    return found


def _whole(arrays: dict[str, NDArray[np.generic]], name: str, count: int, path: Path) -> tuple[int, ...]:
    """The named array of so many whole numbers."""
    found = _numbers(arrays, name, path)
    if found.size != count or found.dtype.kind == "f":
        raise OmnitrackError(f"{path}: {name} must hold whole numbers, {count} of them, got {found.tolist()}")
    return tuple(int(value) for value in found.flat)


def _size(arrays: dict[str, NDArray[np.generic]], path: Path) -> tuple[int, int] | None:
    """(width, height) of the pictures, as far as the file tells it."""
    if "image_size" not in arrays:
        return None
    width, height = _whole(arrays, "image_size", 2, path)
    return width, height


def _times(arrays: dict[str, NDArray[np.generic]], count: int, path: Path) -> NDArray[np.float64]:
    """Growing seconds of each of `count` frames, NaN where one was not looked at."""
    found = _numbers(arrays, "t_seconds", path).astype(np.float64)
    known = found[~np.isnan(found)]
    if found.shape != (count,) or not np.isfinite(known).all() or (np.diff(known) <= 0).any():
        raise OmnitrackError(f"{path}: t_seconds must hold growing seconds of all {count} frames (NaN: not looked at)")
    return found


def _only_embedding(arrays: dict[str, NDArray[np.generic]], path: Path) -> str | None:
    """Name of the only array whose name begins with `emb`; None where there is none."""
    names = sorted(key for key in arrays if key.startswith(EMBEDDING_PREFIX))
    if len(names) > 1:
        raise OmnitrackError(f"{path}: holds {', '.join(names)}: say which one counts, with --embedding")
    return names[0] if names else None


def _embeddings(arrays: dict[str, NDArray[np.generic]], name: str, path: Path) -> FloatArray:
    """Unit rows of the named array."""
    vectors = _numbers(arrays, name, path).astype(np.float32)
    if vectors.ndim != 2:
        raise OmnitrackError(f"{path}: {name} must have shape (n, d), got {vectors.shape}")
    if not (finite := np.isfinite(vectors).all(axis=1)).all():
        raise OmnitrackError(f"{path}: {name} is not finite in row {int(finite.argmin())}; zeros mean: not described")
    units: FloatArray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return units


def _split(frame: NDArray[np.generic], seen: Detections, count: int) -> tuple[Detections, ...]:
    """Detections of frame 1 .. count, rows of a frame in file order."""
    numbers = frame.astype(np.int64)
    if len(numbers) and (numbers.min() < 1 or numbers.max() > count):
        raise ValueError(f"frames must lie in 1 .. {count}, got {numbers.min()} .. {numbers.max()}")
    order = np.argsort(numbers, kind="stable")
    ends = np.searchsorted(numbers[order], np.arange(1, count + 1), side="right")
    return tuple(seen.take(rows) for rows in np.split(order, ends)[:count])


def _clip(seen: Detections, image_size: tuple[int, int]) -> Detections:
    boxes = seen.boxes_xyxy.clip(0, np.array([*image_size, *image_size], np.float32))
    inside = (boxes[:, 2] - boxes[:, 0] > 1) & (boxes[:, 3] - boxes[:, 1] > 1)
    return replace(seen.take(inside), boxes_xyxy=boxes[inside], image_size=image_size)
