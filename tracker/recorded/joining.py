"""From the file of a recording that is being made, or that a killed run left behind, to the npz that is read."""

import logging
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from numpy.typing import NDArray

from tracker.errors import OmnitrackError
from tracker.recorded.journal import JournalReader
from tracker.whole_files import written_whole

EMBEDDING_PREFIX = "emb"
UNKNOWN_EMBEDDER = "unknown"
COMPRESSION_LEVEL = 1
"""Higher ones take several times as long and save little."""

_LOG = logging.getLogger(__name__)
Array = NDArray[np.generic]


UNFINISHED = ".unfinished"


def unfinished(path: Path) -> Path:
    """The file in which a recording is kept until it is whole."""
    return path.with_name(path.name + UNFINISHED)


def finish(path: Path) -> float | None:
    """Make the recording of its unfinished file, which is then gone, with no more than a block of it in memory.

    Returns the seconds of its last picture, None where it has none. Raises OmnitrackError where something cannot be
    read or written, and leaves the unfinished file; BlockingIOError while another process is at it.
    """
    with JournalReader(unfinished(path)) as journal:
        with written_whole(path) as part, ZipFile(part, "w", ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL) as archive:
            for name, (kind, shape, chunks) in _layout(journal).items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(file, header)
                    for chunk in chunks:
                        file.write(chunk.astype(kind).tobytes())
        try:
            unfinished(path).unlink(missing_ok=True)
        except OSError as error:
            raise OmnitrackError(f"{unfinished(path)}: cannot be removed ({error.strerror})") from None
        return float(journal.column(journal.blocks[-1], "t_seconds")[-1]) if journal.blocks else None


def recover(path: Path) -> Path:
    """Where a run was killed while it recorded this, or could not finish it: make of what it kept what path names; if
    that is there already, of an earlier run, set it aside. Says in one line what was done. path may also name the
    unfinished file.

    Returns the recording that is meant. Raises OmnitrackError as finish(), and where a run is recording this for the
    first time.
    """
    if not path.name:  # a folder's own name, such as `.` or `/`
        return path
    meant = path.with_name(path.name.removesuffix(UNFINISHED))
    if not unfinished(meant).exists():
        return meant
    try:
        if meant.exists():
            aside = set_aside(meant)
            if aside is not None and path != meant:
                return recover(aside)
            if aside is not None:
                _LOG.warning(
                    "%s: this is an older recording, which is whole; the newer one was not finished (its run was "
                    "killed, or could not write it) and is now named %s",
                    meant,
                    aside,
                )
            return meant
        last = finish(meant)
        kept = "before its first picture" if last is None else f"up to second {last:.1f}"
        _LOG.warning(
            "%s: the run that recorded this was killed, or could not finish it; what it saw is here, %s", meant, kept
        )
    except BlockingIOError:
        if not meant.exists():
            raise OmnitrackError(f"{meant}: a run is recording this; wait for its end, or end it") from None
    return meant


def set_aside(path: Path) -> Path | None:
    """Give what a run kept of this recording and did not finish a name that no run writes to, and return the recording
    that it can become; None where nothing was kept. Raises OmnitrackError where that cannot be done, BlockingIOError
    while a run is recording this.
    """
    free = (path.with_name(f"{path.stem}.interrupted-{number}{path.suffix}") for number in count(1))
    other = next(name for name in free if not name.exists() and not unfinished(name).exists())
    with JournalReader(unfinished(path)) as journal:
        try:
            if not journal.blocks:
                unfinished(path).unlink()
                return None
            unfinished(path).rename(unfinished(other))
        except OSError as error:
            raise OmnitrackError(f"{unfinished(path)}: cannot be renamed ({error.strerror})") from None
    return other


def _layout(journal: JournalReader) -> dict[str, tuple[np.dtype[np.generic], tuple[int, ...], Iterator[Array]]]:
    """Type, shape and pieces of every array of the npz, by name; see files.read_recording()."""
    blocks = journal.blocks
    people = sum(block.people for block in blocks)
    frames = int(journal.column(blocks[-1], "number")[-1]) + 1 if blocks else 0
    dimension = max((block.dimension for block in blocks), default=0)

    def column(name: str) -> Iterator[Array]:
        return (journal.column(block, name) for block in blocks)

    layout: dict[str, tuple[np.dtype[np.generic], tuple[int, ...], Iterator[Array]]] = {
        "frame": (np.dtype("<i4"), (people,), _frames(journal)),
        "boxes_xyxy": (np.dtype("<f4"), (people, 4), column("boxes_xyxy")),
        "conf": (np.dtype("<f4"), (people,), column("conf")),
        "n_frames": (np.dtype("<i4"), (), iter([np.array(frames)])),
        "t_seconds": (np.dtype("<f8"), (frames,), _times(journal)),
    }
    if people and all(block.dimension == dimension for block in blocks if block.people):
        suffix = "" if journal.embedder == UNKNOWN_EMBEDDER else f"_{journal.embedder}"
        layout[EMBEDDING_PREFIX + suffix] = (np.dtype("<f2"), (people, dimension), column("embeddings"))
    if all(block.measured == block.people for block in blocks):
        layout["sharpness"] = (np.dtype("<f4"), (people,), column("sharpness"))
    if blocks and all(blocks[-1].size):
        layout["image_size"] = (np.dtype("<i4"), (2,), iter([np.array(blocks[-1].size)]))
    return layout


def _frames(journal: JournalReader) -> Iterator[Array]:
    """Numbers from 1 of the pictures in which people were seen, one for each of them."""
    for block in journal.blocks:
        yield np.repeat(
            journal.column(block, "number").astype(np.int64) + 1, journal.column(block, "counts").astype(np.int64)
        )


def _times(journal: JournalReader) -> Iterator[Array]:
    """Seconds of all pictures, NaN of those that were not looked at."""
    begun = 0
    for block in journal.blocks:
        numbers = journal.column(block, "number").astype(np.int64)
        times = np.full(int(numbers[-1]) + 1 - begun, np.nan)
        times[numbers - begun] = journal.column(block, "t_seconds")
        begun = int(numbers[-1]) + 1
        yield times
