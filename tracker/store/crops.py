"""Pictures of sightings. They lie in the database, so that whoever is forgotten is forgotten with their pictures."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from tracker.errors import NotFoundError
from tracker.store.dialects import upsert
from tracker.store.models import Crop, Identity, Tracklet
from tracker.store.runs import micros, utc

CropRow = dict[str, Any]
"""Columns of the crops table."""


@dataclass(frozen=True, slots=True)
class CropKey:
    """A picture's name: the sighting and the moment. quality in [0, 1]: how well the person is seen."""

    tracklet_id: int
    at: datetime
    quality: float


def write_crops(connection: Connection, rows: list[CropRow], *, keep: int) -> None:
    """Add pictures; of each sighting only the best `keep` stay."""
    if not rows:
        return
    connection.execute(upsert(connection.dialect.name, Crop).on_conflict_do_nothing(), rows)
    for tracklet_id in sorted({row["tracklet_id"] for row in rows}):
        of_sighting = Crop.tracklet_id == tracklet_id
        best = select(Crop.at_us).where(of_sighting).order_by(Crop.quality.desc(), Crop.at_us).limit(keep)
        connection.execute(delete(Crop).where(of_sighting, Crop.at_us.not_in(best)))


def move_crops(connection: Connection, tracklet_id: int, since_us: int, new_id: int) -> None:
    """What was seen of a tracklet from since_us on belongs to another."""
    later = (Crop.tracklet_id == tracklet_id) & (Crop.at_us >= since_us)
    connection.execute(update(Crop).where(later).values(tracklet_id=new_id))


def crops_of_sighting(connection: Connection, tracklet_id: int) -> tuple[CropKey, ...]:
    """Best first; none for an unknown sighting."""
    chosen = select(Crop.tracklet_id, Crop.at_us, Crop.quality).where(Crop.tracklet_id == tracklet_id)
    rows = connection.execute(chosen.order_by(Crop.quality.desc(), Crop.at_us))
    return tuple(CropKey(row.tracklet_id, utc(row.at_us), row.quality) for row in rows)


def crops_of_person(connection: Connection, survivor_id: int, *, limit: int | None = None) -> tuple[CropKey, ...]:
    """Of all sightings, best first."""
    chosen = (
        select(Crop.tracklet_id, Crop.at_us, Crop.quality)
        .join(Tracklet, Tracklet.id == Crop.tracklet_id)
        .join(Identity, Identity.id == Tracklet.identity_id)
        .where(Identity.survivor_id == survivor_id)
        .order_by(Crop.quality.desc(), Crop.tracklet_id, Crop.at_us)
        .limit(limit)
    )
    return tuple(CropKey(row.tracklet_id, utc(row.at_us), row.quality) for row in connection.execute(chosen))


def jpeg_of(connection: Connection, tracklet_id: int, at: datetime) -> bytes:
    """A picture by its name. Raises NotFoundError where there is none."""
    chosen = select(Crop.jpeg).where(Crop.tracklet_id == tracklet_id, Crop.at_us == micros(at))
    jpeg = connection.scalar(chosen)
    if jpeg is None:
        raise NotFoundError(f"there is no picture of sighting {tracklet_id} at {at.isoformat()}")
    return jpeg
