"""Storing what happened at zones and lines, and erasing it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from tracker.core.zones import PlaceEvent
from tracker.store.models import Identity, PlaceEventRow, Tracklet
from tracker.store.runs import ActiveRun


@dataclass(frozen=True, slots=True)
class PlannedPlaceEvent:
    """An event on its way to the database. identity_id: who it was, as the matcher knows at this moment."""

    camera: str
    event: PlaceEvent
    identity_id: int | None


def write_place_events(connection: Connection, run: ActiveRun, planned: Sequence[PlannedPlaceEvent]) -> None:
    """Store events, whose tracklets and identities are stored already."""
    rows = []
    for one in planned:
        event, camera = one.event, run.cameras[one.camera]
        at_us = run.to_us(event.t_seconds, one.camera)
        present = None if one.identity_id is None else run.people.present(one.identity_id)
        rows.append(
            {
                "run_id": run.id,
                "camera_id": camera.id,
                "kind": event.kind.value,
                "place": event.place,
                "at_us": at_us,
                "tracklet_id": _tracklet_at(connection, run.id, camera.id, event.track_id, at_us),
                "identity_id": connection.scalar(select(Identity.id).where(Identity.id == present)),
                "direction": event.direction,
                "dwell_seconds": event.dwell_seconds,
                "people": event.count,
            }
        )
    if rows:
        connection.execute(insert(PlaceEventRow), rows)


def move_place_events(connection: Connection, tracklet_id: int, since_us: int, new_id: int) -> None:
    """The part of a track from since_us on became a tracklet of its own."""
    later = (PlaceEventRow.tracklet_id == tracklet_id) & (PlaceEventRow.at_us >= since_us)
    connection.execute(update(PlaceEventRow).where(later).values(tracklet_id=new_id))


def erase_place_events(connection: Connection, before_us: int, camera: int | None) -> int:
    """Erase what concerned nobody in particular (others go with their sighting); -> how many."""
    old = delete(PlaceEventRow).where(PlaceEventRow.tracklet_id.is_(None), PlaceEventRow.at_us < before_us)
    return connection.execute(old if camera is None else old.where(PlaceEventRow.camera_id == camera)).rowcount


def _tracklet_at(connection: Connection, run_id: int, camera: int, track_id: int | None, at_us: int) -> int | None:
    """The part of a track in which an instant lies; None for one that is not stored."""
    if track_id is None:
        return None
    track = (Tracklet.run_id == run_id, Tracklet.camera_id == camera, Tracklet.track_id == track_id)
    begun = (Tracklet.start_us <= at_us).desc()
    parts = select(Tracklet.id).where(*track).order_by(begun, Tracklet.start_us.desc())
    return connection.scalars(parts.limit(1)).first()
