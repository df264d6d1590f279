"""Stored tracks with their boxes."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from sqlalchemy import Connection, RowMapping, func, select
from sqlalchemy.orm import aliased

from tracker.core.types import FloatArray, IntArray
from tracker.store.models import Camera, Identity, Observations, Run, RunCamera, Tracklet
from tracker.store.packing import unpack


@dataclass(frozen=True, slots=True, eq=False)
class TrackletRow:
    """A stored track with its boxes. identity_id: the survivor, None if the track was never linked.

    frames (n,) int64 from 0; t_seconds (n,) float64 on the run's stream clock, to the microsecond;
    boxes_xyxy (n, 4) float32 pixels of the original frame; scores (n,) float32.
    """

    camera: str
    track_id: int
    identity_id: int | None
    name: str | None
    frames: IntArray
    t_seconds: np.ndarray[tuple[int], np.dtype[np.float64]]
    boxes_xyxy: FloatArray
    scores: FloatArray


def latest_run(connection: Connection) -> int | None:
    return connection.execute(select(func.max(Run.id))).scalar()


def tracklets(connection: Connection, run_id: int, camera: str | None = None) -> Iterator[TrackletRow]:
    """The tracks of a run, by camera name and track id, each with all its boxes in order of time."""
    person = aliased(Identity)
    chosen = (
        select(
            Tracklet.id,
            Camera.name.label("camera"),
            Tracklet.track_id,
            person.id.label("identity_id"),
            person.name,
            RunCamera.epoch_us,
            Observations.first_frame,
            Observations.start_us,
            Observations.boxes,
        )
        .join(Camera, Camera.id == Tracklet.camera_id)
        .join(RunCamera, (RunCamera.run_id == Tracklet.run_id) & (RunCamera.camera_id == Tracklet.camera_id))
        .join(Observations, Observations.tracklet_id == Tracklet.id)
        .outerjoin(Identity, Identity.id == Tracklet.identity_id)
        .outerjoin(person, person.id == Identity.survivor_id)
        .where(Tracklet.run_id == run_id)
        .order_by(Camera.name, Tracklet.track_id, Observations.first_frame)
    )
    if camera is not None:
        chosen = chosen.where(Camera.name == camera)
    rows = connection.execute(chosen).mappings()
    for _, chunks in groupby(rows, key=lambda row: row["id"]):
        yield _tracklet(list(chunks))


def sighting_boxes(connection: Connection, tracklet_id: int) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Frames (n,) int64, times (n,) int64 UTC microseconds, boxes_xyxy (n, 4) and scores (n,) float32 of a sighting."""
    columns = (Observations.first_frame, Observations.start_us, Observations.boxes)
    chosen = select(*columns).where(Observations.tracklet_id == tracklet_id).order_by(Observations.first_frame)
    return _joined([unpack(*row) for row in connection.execute(chosen)])


def _tracklet(chunks: list[RowMapping]) -> TrackletRow:
    first = chunks[0]
    parts = [unpack(chunk["first_frame"], chunk["start_us"], chunk["boxes"]) for chunk in chunks]
    frames, times_us, boxes_xyxy, scores = _joined(parts)
    return TrackletRow(
        camera=first["camera"],
        track_id=first["track_id"],
        identity_id=first["identity_id"],
        name=first["name"],
        frames=frames,
        t_seconds=(times_us - first["epoch_us"]) / 1e6,
        boxes_xyxy=boxes_xyxy,
        scores=scores,
    )


def _joined(
    parts: list[tuple[IntArray, IntArray, FloatArray, FloatArray]],
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    frames, times_us, boxes_xyxy, scores = zip(*(parts or [unpack(0, 0, b"")]), strict=True)
    return np.concatenate(frames), np.concatenate(times_us), np.concatenate(boxes_xyxy), np.concatenate(scores)
