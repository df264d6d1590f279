"""The newest picture of a camera, handed from its reader process to the pipeline through shared memory."""

import mmap
import os
import tempfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracker.video.frame import Image

_SLOTS = 4
_FIELDS = np.dtype(
    [("sequence", "<u8"), ("arrival", "<f8"), ("captured", "<f8"), ("camera_ahead", "<f8"), ("errors", "<u8")]
)
_NEWEST_BYTES = 64  # the number of the newest picture, alone in its cache line


@dataclass(frozen=True, slots=True, eq=False)
class RingEntry:
    """sequence counts the reader's pictures from 1. arrival and captured: monotonic seconds. camera_ahead:
    how far the camera's own clock is ahead of this machine's, or NaN. errors: packets so far that could not be decoded.
    """

    sequence: int
    image: Image
    arrival: float
    captured: float
    camera_ahead: float
    errors: int


class SharedFile:
    """Nameless shared memory that a process can inherit.

    It is gone with its last user, however that one ends: nothing to clean up after a kill, no limit of /dev/shm.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self.descriptor = _new_file() if descriptor is None else descriptor

    def close(self) -> None:
        os.close(self.descriptor)


def _new_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("omnitrack-frames")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class FrameRing:
    """Four slots in shared memory, one writer, any readers, no locks: the newest picture wins.

    Every slot carries its picture's number, cleared while it is written. A reader copies the newest slot and trusts
    the copy if the number is still there; the writer needs three more pictures to come round to it. A process that
    is killed at any point can therefore block nobody.
    """

    def __init__(self, file: SharedFile, width: int, height: int) -> None:
        self._shape = (height, width, 3)
        self._image_bytes = height * width * 3
        slot_bytes = -(-(_FIELDS.itemsize + self._image_bytes) // 64) * 64
        size = _NEWEST_BYTES + _SLOTS * slot_bytes
        if os.fstat(file.descriptor).st_size < size:
            os.ftruncate(file.descriptor, size)
        self._memory = mmap.mmap(file.descriptor, size)
        self._newest = np.ndarray(1, np.uint64, self._memory)
        self._fields: list[NDArray[np.void]] = []
        self._images: list[Image] = []
        for slot in range(_SLOTS):
            begin = _NEWEST_BYTES + slot * slot_bytes
            self._fields.append(np.ndarray(1, _FIELDS, self._memory, begin))
            self._images.append(np.ndarray(self._shape, np.uint8, self._memory, begin + _FIELDS.itemsize))

    def publish(
        self, image: Image, arrival: float, captured: float, camera_ahead: float, errors: int, left_out: int = 0
    ) -> None:
        """image: (height, width, 3) as the ring was made for. left_out: pictures before it that are not handed on; they
        count. Only one process may call this.
        """
        sequence = int(self._newest[0]) + 1 + left_out
        fields = self._fields[sequence % _SLOTS]
        fields["sequence"] = 0
        self._images[sequence % _SLOTS][:] = image
        for name, value in (("arrival", arrival), ("captured", captured), ("camera_ahead", camera_ahead)):
            fields[name] = value
        fields["errors"] = errors
        fields["sequence"] = sequence
        self._newest[0] = sequence

    def take(self, after: int) -> RingEntry | None:
        """A copy of the newest picture, if its number is above `after`."""
        while (sequence := int(self._newest[0])) > after:
            fields, image = self._fields[sequence % _SLOTS], self._images[sequence % _SLOTS]
            values, copy = fields[0].copy(), image.copy()
            if int(values["sequence"]) == sequence == int(fields["sequence"][0]):
                return RingEntry(
                    sequence,
                    copy,
                    float(values["arrival"]),
                    float(values["captured"]),
                    float(values["camera_ahead"]),
                    int(values["errors"]),
                )
        return None

    def close(self) -> None:
        del self._newest, self._fields, self._images
        self._memory.close()
