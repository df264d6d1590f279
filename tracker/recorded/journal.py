"""A recording while it is being made: appended, a few seconds at a time, to a file beside the one that it will become,
so that a process that is killed loses no more than these seconds.

The file begins with MAGIC and the name of the network, each a line. Then come blocks: HEAD, whose numbers say how long
the block's columns are, and the columns one after the other. A block that is cut off or damaged does not count, nor
does what follows it.
"""

import errno
import fcntl
import math
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import Detections
from tracker.errors import OmnitrackError

MAGIC = b"omnitrack recording 1\n"
HEAD = np.dtype(
    [(name, "<u4") for name in ("checksum", "pictures", "people", "width", "height", "dimension", "measured")]
)
"""checksum: CRC-32 of all that follows it in the block. width, height: of the latest picture. dimension: of embeddings,
0 where nobody is described. measured: people whose sharpness is known, all or none.
"""
Array = NDArray[np.generic]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What was seen in one picture. number: from 0. size: (width, height) in pixels, (0, 0) where it is not known."""

    number: int
    t_seconds: float
    detections: Detections
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Block:
    """Where a block's columns lie. start: of the first one, in bytes from the beginning of the file."""

    start: int
    pictures: int
    people: int
    size: tuple[int, int]
    dimension: int
    measured: int

    def columns(self) -> dict[str, tuple[np.dtype[np.generic], tuple[int, ...]]]:
        """Type and shape by name, in file order. counts: people by picture."""
        return {
            "number": (np.dtype("<i8"), (self.pictures,)),
            "t_seconds": (np.dtype("<f8"), (self.pictures,)),
            "counts": (np.dtype("<i8"), (self.pictures,)),
            "boxes_xyxy": (np.dtype("<f4"), (self.people, 4)),
            "conf": (np.dtype("<f4"), (self.people,)),
            "sharpness": (np.dtype("<f4"), (self.measured,)),
            "embeddings": (np.dtype("<f2"), (self.people if self.dimension else 0, self.dimension)),
        }

    @property
    def n_bytes(self) -> int:
        """Of all columns together."""
        return sum(kind.itemsize * math.prod(shape) for kind, shape in self.columns().values())


class JournalWriter:
    """A new file, for one process at a time. embedder: the network that made the embeddings.

    Raises OmnitrackError for a file that is there already or cannot be made; what was begun is then gone again.
    """

    def __init__(self, path: Path, embedder: str) -> None:
        try:
            self._file = FileIO(path, "xb")
        except OSError as error:
            raise OmnitrackError(f"{path}: cannot be written ({error.strerror})") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(self._file.fileno()).st_nlink == 0:
                raise BlockingIOError(errno.EAGAIN, "another process removed it")
            self._append(MAGIC + embedder.encode() + b"\n")
        except OSError as error:
            self._file.close()
            if not isinstance(error, BlockingIOError):  # that is another process's by now
                path.unlink(missing_ok=True)
            raise OmnitrackError(f"{path}: cannot be written ({error.strerror})") from None

    def append(self, pictures: Sequence[Picture]) -> None:
        """Write some pictures, at least one, in order. Raises OSError; what was begun then does not count, and nothing
        can follow it.
        """
        found = [picture.detections for picture in pictures]
        looks = [seen.embeddings for seen in found if len(seen) and seen.embeddings is not None]
        sharp = [seen.sharpness for seen in found if len(seen) and seen.sharpness is not None]
        counts = [len(seen) for seen in found]
        width, height = pictures[-1].size
        dimension = looks[0].shape[1] if sum(map(len, looks)) == sum(counts) > 0 else 0
        measured = sum(counts) if sum(map(len, sharp)) == sum(counts) else 0
        block = Block(0, len(pictures), sum(counts), (width, height), dimension, measured)
        values: dict[str, Array] = {
            "number": np.array([picture.number for picture in pictures]),
            "t_seconds": np.array([picture.t_seconds for picture in pictures]),
            "counts": np.array(counts),
            "boxes_xyxy": np.concatenate([seen.boxes_xyxy for seen in found]),
            "conf": np.concatenate([seen.scores for seen in found]),
            "sharpness": np.concatenate(sharp) if measured else np.zeros(0),
            "embeddings": np.concatenate(looks) if dimension else np.zeros((0, dimension)),
        }
        columns = b"".join(values[name].astype(kind).tobytes() for name, (kind, _) in block.columns().items())
        head = np.array((0, len(pictures), sum(counts), width, height, dimension, measured), HEAD)
        head["checksum"] = _checksum(head.tobytes(), columns)
        self._append(head.tobytes() + columns)

    def close(self) -> None:
        self._file.close()

    def _append(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) or 0 :]


class JournalReader:
    """The whole blocks of such a file; columns are read one block at a time. Use as a context manager.

    Raises OmnitrackError where the file cannot be read, and BlockingIOError while another process is at it.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("r+b")  # a network file system grants an exclusive lock only to who may write
        except OSError as error:
            raise OmnitrackError(f"{path}: cannot be read ({error.strerror})") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # a process that was killed at once, or met a full disk, leaves less than the first line
            if not MAGIC.startswith(self._file.readline()):
                raise OmnitrackError(f"{path}: not a recording that a run left behind; move it away")
            self._n_bytes = path.stat().st_size
            self.embedder = self._file.readline().decode(errors="replace").strip()
            self.blocks = list(self._whole_blocks())
        except BaseException as error:
            self._file.close()
            if isinstance(error, OSError) and not isinstance(error, BlockingIOError):
                raise OmnitrackError(f"{path}: cannot be read ({error.strerror})") from None
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def column(self, block: Block, name: str) -> Array:
        """One of Block.columns()."""
        offset = block.start
        for other, (kind, shape) in block.columns().items():
            if other == name:
                self._file.seek(offset)
                return np.frombuffer(self._file.read(kind.itemsize * math.prod(shape)), kind).reshape(shape)
            offset += kind.itemsize * math.prod(shape)
        raise KeyError(name)

    def _whole_blocks(self) -> Iterator[Block]:
        while len(raw := self._file.read(HEAD.itemsize)) == HEAD.itemsize:
            checksum, pictures, people, width, height, dimension, measured = np.frombuffer(raw, HEAD)[0].item()
            block = Block(self._file.tell(), pictures, people, (width, height), dimension, measured)
            if block.start + block.n_bytes > self._n_bytes:
                return
            if _checksum(raw, self._file.read(block.n_bytes)) != checksum:
                return
            yield block


def _checksum(head: bytes, columns: bytes) -> int:
    return zlib.crc32(columns, zlib.crc32(head[HEAD["checksum"].itemsize :]))
