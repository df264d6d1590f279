"""Zones and lines, what happened there, and the ways between cameras."""

from sqlalchemy import JSON, BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from tracker.store.models.base import BIG, Base, Key, Micros, reference

NO_PLACE = "none"
"""The kind of a nameless row of zones: from then on the camera has none."""


class PlaceEventRow(Base):
    """Something that happened at a zone or line of a camera (core/zones.py). identity_id: who it was as known then; who
    it is today is the tracklet's identity. people: in a zone that is too full.
    """

    __tablename__ = "place_events"
    id: Mapped[Key]
    run_id: Mapped[int] = reference("runs.id")
    camera_id: Mapped[int] = reference("cameras.id")
    kind: Mapped[str]
    place: Mapped[str]
    at_us: Mapped[Micros]
    tracklet_id: Mapped[int | None] = reference("tracklets.id", cascade=True)
    identity_id: Mapped[int | None] = mapped_column(BIG, ForeignKey("identities.id", ondelete="SET NULL"))
    direction: Mapped[str | None]
    dwell_seconds: Mapped[float | None]
    people: Mapped[int | None]
    __table_args__ = (
        Index(None, "at_us"),
        Index(None, "camera_id", "at_us"),
        Index(None, "place", "at_us", "tracklet_id"),
        Index(None, "tracklet_id"),
        Index(None, "identity_id"),
        {"sqlite_autoincrement": True},
    )


class ZoneRow(Base):
    """A zone or line (kind) of a camera in a run, from since_us on. points: (x, y) in fractions of the picture's width
    and height. most_people: more in a zone at once are an event.
    """

    __tablename__ = "zones"
    run_id: Mapped[int] = reference("runs.id", cascade=True, primary_key=True)
    camera_id: Mapped[int] = reference("cameras.id", primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    since_us: Mapped[Micros] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str]
    points: Mapped[list[list[float]]] = mapped_column(JSON)
    most_people: Mapped[int | None]


class Way(Base):
    """How often a person was seen next by another camera, as of the last time this was added up (ways.py).

    gap_us: from leaving one to entering the other, of all times. person_id: a survivor; erased with the sightings.
    """

    __tablename__ = "ways"
    person_id: Mapped[int] = mapped_column(BIG, primary_key=True, autoincrement=False)
    from_id: Mapped[int] = reference("cameras.id", primary_key=True)
    to_id: Mapped[int] = reference("cameras.id", primary_key=True)
    times: Mapped[int]
    gap_us: Mapped[Micros]


class WayTotal(Base):
    """The same of all people together; people: different ones."""

    __tablename__ = "way_totals"
    from_id: Mapped[int] = reference("cameras.id", primary_key=True)
    to_id: Mapped[int] = reference("cameras.id", primary_key=True)
    times: Mapped[int]
    people: Mapped[int]
    gap_us: Mapped[Micros]


class StalePerson(Base):
    """Somebody whose ways have changed since they were added up. Written by triggers (migration 0007)."""

    __tablename__ = "stale_people"
    person_id: Mapped[int] = mapped_column(BIG, primary_key=True, autoincrement=False)
