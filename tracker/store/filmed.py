"""Clips that show people of whom the history tells: who is erased there must not be left in them."""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select

from tracker.errors import OmnitrackError
from tracker.store.models import Camera, RunCamera, Tracklet
from tracker.store.runs import utc
from tracker.video.clip_files import Clip, clips_of

_LOG = logging.getLogger(__name__)
_MARGIN = timedelta(seconds=5)
"""A picture may arrive, and be written to a clip, so much later than it was taken."""


def clips_with(connection: Connection, tracklets: Collection[int]) -> list[Path]:
    """The clips of the time of these sightings, whole, by the cameras that saw them."""
    filmed = (RunCamera.run_id == Tracklet.run_id) & (RunCamera.camera_id == Tracklet.camera_id)
    rows = connection.execute(
        select(RunCamera.clips, Camera.name, Tracklet.start_us, Tracklet.end_us)
        .join(RunCamera, filmed)
        .join(Camera, Camera.id == Tracklet.camera_id)
        .where(Tracklet.id.in_(tracklets), RunCamera.clips.is_not(None))
    )
    seen: dict[tuple[str, str], list[tuple[datetime, datetime]]] = defaultdict(list)
    for folder, camera, start_us, end_us in rows:
        seen[str(folder), camera].append((utc(start_us) - _MARGIN, utc(end_us) + _MARGIN))
    return [
        clip.path
        for (folder, camera), spans in seen.items()
        for clip in _clips(folder, camera)
        if any(clip.began <= end and (clip.ended is None or clip.ended >= start) for start, end in spans)
    ]


def clips_before(connection: Connection, moment: datetime, camera: int | None) -> list[Path]:
    """The clips (of one camera, by its row) that end before the moment."""
    filmed = select(RunCamera.clips, Camera.name).join(Camera, Camera.id == RunCamera.camera_id)
    filmed = filmed.where(RunCamera.clips.is_not(None)).distinct()
    if camera is not None:
        filmed = filmed.where(Camera.id == camera)
    rows = connection.execute(filmed)
    return [clip.path for folder, name in rows for clip in _clips(str(folder), name) if _end(clip) < moment]


def delete_clips(clips: Iterable[Path]) -> None:
    """A clip that is just being written goes as well. Raises OmnitrackError for one that cannot be deleted."""
    for clip in clips:
        try:
            clip.unlink(missing_ok=True)
        except OSError as error:
            raise OmnitrackError(
                f"{clip}: cannot be deleted ({error.strerror}), so nothing was erased; may you write to its folder?"
            ) from None


def _clips(folder: str, camera: str) -> list[Clip]:
    if not Path(folder).is_dir():
        _LOG.warning("clips of camera %s lay in %s, which is not there: look after them yourself", camera, folder)
        return []
    return clips_of(Path(folder), camera)


def _end(clip: Clip) -> datetime:
    return clip.ended or datetime.fromtimestamp(clip.path.stat().st_mtime, UTC)
