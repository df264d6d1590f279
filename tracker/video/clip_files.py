"""The files of clips: their names, what time they show, and which go when there are too many."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

SUFFIX = ".mkv"  # can be played up to its last byte, also after a kill
_NAME = re.compile(r"(?P<camera>.+)_(?P<began>\d{8}T\d{6})Z(-\d+)?")
_TIME = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, slots=True)
class Clip:
    """began: by its name, UTC. ended: when the camera's next one began; None for its last one."""

    path: Path
    began: datetime
    ended: datetime | None


def new_clip(folder: Path, camera: str, began: datetime) -> Path:
    """FOLDER/CAMERA_20261121T101500Z.mkv, or with a number behind it where that exists."""
    stem = f"{camera}_{began.astimezone(UTC):{_TIME}}Z"
    path, number = folder / f"{stem}{SUFFIX}", 2
    while path.exists():
        path = folder / f"{stem}-{number}{SUFFIX}"
        number += 1
    return path


def clips_of(folder: Path, camera: str) -> list[Clip]:
    """A camera's clips in order of time. A clip lasts until the next one begins, as far as anything was filmed."""
    began = []
    for path in folder.glob(f"*{SUFFIX}"):
        match = _NAME.fullmatch(path.stem)
        if match is not None and match["camera"] == camera:
            began.append((datetime.strptime(match["began"], _TIME).replace(tzinfo=UTC), path))
    ends = [*(later for _, (later, _) in pairwise(sorted(began))), None]
    return [Clip(path, start, end) for (start, path), end in zip(sorted(began), ends, strict=False)]


def keep_quota(folder: Path, quota_bytes: int) -> None:
    """Delete the clips written to longest ago until the rest fit. Files that are no clips are left alone."""
    clips = []
    for path in folder.glob(f"*{SUFFIX}"):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # another camera's reader was faster
        clips.append((status.st_mtime_ns, status.st_size, path))
    total = sum(size for _, size, _ in clips)
    for _, size, path in sorted(clips):
        if total <= quota_bytes:
            return
        path.unlink(missing_ok=True)
        total -= size
