"""Rows of tracklets as they grow, and as they are cut where the matcher finds that the person has changed."""

from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, func, insert, select, update

from tracker.store.constraints import inherit
from tracker.store.crops import move_crops
from tracker.store.dialects import later_of, upsert
from tracker.store.models import Observations, Tracklet
from tracker.store.packing import ROW, cut
from tracker.store.places import move_place_events


def grow_tracklets(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Insert tracklets, or extend those that are there: observation_count is the number of boxes that join."""
    if not rows:
        return
    connection.execute(_grown(connection.dialect.name), rows)


@cache  # building a statement takes longer than executing it
def _grown(dialect: str) -> Executable:
    new = upsert(dialect, Tracklet)
    grown = {
        "end_us": later_of(Tracklet.end_us, new.excluded.end_us),
        "observation_count": Tracklet.observation_count + new.excluded.observation_count,
    }
    return new.on_conflict_do_update(index_elements=["id"], set_=grown)


def stretch_from(
    connection: Connection, run_id: int, camera_id: int, track_id: int, since_us: int, new_id: int
) -> int | None:
    """Row of the part of a track that begins at since_us, cut off as new_id if there is none yet; None for a track
    that is not stored.
    """
    track = (Tracklet.run_id == run_id, Tracklet.camera_id == camera_id, Tracklet.track_id == track_id)
    parts = select(Tracklet.id, Tracklet.start_us).where(*track).order_by(Tracklet.start_us)
    rows = connection.execute(parts).all()
    if not rows:
        return None
    covering = [row for row in rows if row.start_us <= since_us] or rows[:1]
    found = covering[-1]
    if found.id != new_id and found.start_us < since_us:
        _cut(connection, found.id, since_us, new_id)
        return new_id
    if found.id == new_id and len(covering) > 1:
        _cut(connection, covering[-2].id, since_us, new_id)
    return int(found.id)


def _cut(connection: Connection, tracklet_id: int, since_us: int, new_id: int) -> None:
    """Move the boxes from since_us on to new_id, which may hold later ones already."""
    old = connection.execute(select(Tracklet).where(Tracklet.id == tracklet_id)).one()
    of_old = Observations.tracklet_id == tracklet_id
    before = select(Observations).where(of_old, Observations.start_us < since_us)
    later = of_old & (Observations.start_us >= since_us)
    chunk = connection.execute(before.order_by(Observations.start_us.desc()).limit(1)).one()
    kept, tail, last_us = cut(chunk.first_frame, chunk.start_us, chunk.boxes, since_us)
    in_later_chunks = select(func.coalesce(func.sum(func.length(Observations.boxes)), 0)).where(later)
    moved = ((connection.scalar(in_later_chunks) or 0) + len(tail["boxes"] if tail else b"")) // ROW.itemsize
    row = {column: getattr(old, column) for column in ("run_id", "camera_id", "track_id")}
    row |= {"start_us": since_us, "end_us": max(old.end_us, since_us), "observation_count": moved}
    grow_tracklets(connection, [{"id": new_id, **row}])
    inherited = {"identity_id": old.identity_id}
    connection.execute(update(Tracklet).where(Tracklet.id == new_id).values(inherited))
    connection.execute(update(Observations).where(later).values(tracklet_id=new_id))
    if tail:
        this = of_old & (Observations.first_frame == chunk.first_frame)
        connection.execute(update(Observations).where(this).values(boxes=kept))
        connection.execute(insert(Observations).values(tracklet_id=new_id, **tail))
    inherit(connection, tracklet_id, new_id)
    move_crops(connection, tracklet_id, since_us, new_id)
    move_place_events(connection, tracklet_id, since_us, new_id)
    shortened = {"end_us": last_us, "observation_count": old.observation_count - moved}
    connection.execute(update(Tracklet).where(Tracklet.id == tracklet_id).values(shortened))
