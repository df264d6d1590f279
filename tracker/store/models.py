"""The tables. Every time is UTC, in microseconds since 1970 (`*_us`): eight bytes that index and compare fast."""

from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, MetaData, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_BIG = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER keys are row ids in SQLite

Key = Annotated[int, mapped_column(_BIG, primary_key=True)]
Micros = Annotated[int, mapped_column(BigInteger)]


def _reference(column: str, *, cascade: bool = False, primary_key: bool = False) -> Any:
    """A foreign key; with cascade, the row disappears together with the row that it belongs to.

    Every reference to a row that may be erased needs an index, or erasing has to read the whole table.
    """
    key = ForeignKey(column, ondelete="CASCADE" if cascade else None)
    return mapped_column(_BIG, key, primary_key=primary_key)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Sequence(Base):
    """The next free number of a kind. Kept apart from the rows, so that numbers of erased rows never come back."""

    __tablename__ = "sequences"
    name: Mapped[str] = mapped_column(primary_key=True)
    next_value: Mapped[int] = mapped_column(_BIG)


class Camera(Base):
    """longest_stay_us: no tracklet of this camera was ever longer, so that a search in time knows where to end."""

    __tablename__ = "cameras"
    id: Mapped[Key]
    name: Mapped[str] = mapped_column(unique=True)
    longest_stay_us: Mapped[Micros] = mapped_column(BigInteger, server_default="0")


class Run(Base):
    """One start of the program. finished_us is None while it runs, and for ever if it was killed."""

    __tablename__ = "runs"
    id: Mapped[Key]
    started_us: Mapped[Micros]
    finished_us: Mapped[Micros | None]
    program_version: Mapped[str]


class RunCamera(Base):
    """A camera's part in a run. epoch_us is the wall time of the stream's t_seconds = 0. clips: the folder in which
    what it sent is kept, None: it is not.
    """

    __tablename__ = "run_cameras"
    run_id: Mapped[int] = _reference("runs.id", cascade=True, primary_key=True)
    camera_id: Mapped[int] = _reference("cameras.id", primary_key=True)
    source: Mapped[str]
    epoch_us: Mapped[Micros]
    clips: Mapped[str | None]


class Embedder(Base):
    """The network that made the embeddings. Vectors of different networks cannot be compared."""

    __tablename__ = "embedders"
    id: Mapped[Key]
    name: Mapped[str] = mapped_column(unique=True)
    dimension: Mapped[int]


class Identity(Base):
    """A person. merged_into_id: the merge as it was decided; survivor_id: where all merges end (itself if unmerged).

    run_id: the run that found the person, None for one that a user split off.
    """

    __tablename__ = "identities"
    id: Mapped[Key] = mapped_column(_BIG, primary_key=True, autoincrement=False)
    run_id: Mapped[int | None] = _reference("runs.id")
    state: Mapped[str]
    name: Mapped[str | None]
    merged_into_id: Mapped[int | None] = _reference("identities.id")
    survivor_id: Mapped[int] = _reference("identities.id")
    __table_args__ = (Index(None, "survivor_id"), Index(None, "merged_into_id"), Index(None, "name"))


class Tracklet(Base):
    """One confirmed local track, or the part of it from start_us on where the matcher found that the person changed.

    identity_id is its latest link; who it is today is that identity's survivor.
    """

    __tablename__ = "tracklets"
    id: Mapped[Key]
    run_id: Mapped[int] = _reference("runs.id")
    camera_id: Mapped[int] = _reference("cameras.id")
    track_id: Mapped[int] = mapped_column(_BIG)
    identity_id: Mapped[int | None] = _reference("identities.id")
    start_us: Mapped[Micros]
    end_us: Mapped[Micros]
    observation_count: Mapped[int]
    __table_args__ = (
        UniqueConstraint("run_id", "camera_id", "track_id", "start_us"),
        Index(None, "identity_id", "start_us", "end_us", "camera_id"),
        Index(None, "camera_id", "end_us", "start_us", "identity_id"),
        Index(None, "end_us", "start_us", "identity_id", "camera_id"),
    )


class Observations(Base):
    """A few seconds of one tracklet's boxes in one row: see packing.py."""

    __tablename__ = "observations"
    tracklet_id: Mapped[int] = _reference("tracklets.id", cascade=True, primary_key=True)
    first_frame: Mapped[int] = mapped_column(_BIG, primary_key=True)
    start_us: Mapped[Micros]
    boxes: Mapped[bytes] = mapped_column(LargeBinary)


class Embedding(Base):
    """Quality-weighted mean appearance of a tracklet: unit vector, little-endian float16. weight: sum of qualities.

    earlier: the same of its earlier half, None for one seen only once; earlier_share: how long the sum behind it is,
    over that behind the whole, so that the later half is known as well.
    """

    __tablename__ = "embeddings"
    tracklet_id: Mapped[int] = _reference("tracklets.id", cascade=True, primary_key=True)
    embedder_id: Mapped[int] = _reference("embedders.id")
    weight: Mapped[float]
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    earlier: Mapped[bytes | None] = mapped_column(LargeBinary)
    earlier_share: Mapped[float | None]


class Event(Base):
    """Each change of the set of identities, in order; ids only grow, so a consumer can resume after the last it saw.

    run_id: the run that decided it, None if a user did.
    """

    __tablename__ = "events"
    id: Mapped[Key]
    run_id: Mapped[int | None] = _reference("runs.id")
    kind: Mapped[str]
    at_us: Mapped[Micros]
    identity_id: Mapped[int] = _reference("identities.id")
    previous_identity_id: Mapped[int | None] = _reference("identities.id")
    tracklet_id: Mapped[int | None] = _reference("tracklets.id", cascade=True)
    __table_args__ = (
        Index(None, "identity_id"),
        Index(None, "previous_identity_id"),
        Index(None, "tracklet_id"),
        {"sqlite_autoincrement": True},
    )


class PlaceEventRow(Base):
    """Something that happened at a zone or line of a camera (core/zones.py). identity_id: who it was as known then; who
    it is today is the tracklet's identity. people: in a zone that is too full.
    """

    __tablename__ = "place_events"
    id: Mapped[Key]
    run_id: Mapped[int] = _reference("runs.id")
    camera_id: Mapped[int] = _reference("cameras.id")
    kind: Mapped[str]
    place: Mapped[str]
    at_us: Mapped[Micros]
    tracklet_id: Mapped[int | None] = _reference("tracklets.id", cascade=True)
    identity_id: Mapped[int | None] = mapped_column(_BIG, ForeignKey("identities.id", ondelete="SET NULL"))
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
    run_id: Mapped[int] = _reference("runs.id", cascade=True, primary_key=True)
    camera_id: Mapped[int] = _reference("cameras.id", primary_key=True)
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
    person_id: Mapped[int] = mapped_column(_BIG, primary_key=True, autoincrement=False)
    from_id: Mapped[int] = _reference("cameras.id", primary_key=True)
    to_id: Mapped[int] = _reference("cameras.id", primary_key=True)
    times: Mapped[int]
    gap_us: Mapped[Micros]


class WayTotal(Base):
    """The same of all people together; people: different ones."""

    __tablename__ = "way_totals"
    from_id: Mapped[int] = _reference("cameras.id", primary_key=True)
    to_id: Mapped[int] = _reference("cameras.id", primary_key=True)
    times: Mapped[int]
    people: Mapped[int]
    gap_us: Mapped[Micros]


class StalePerson(Base):
    """Somebody whose ways have changed since they were added up. Written by triggers (migration 0007)."""

    __tablename__ = "stale_people"
    person_id: Mapped[int] = mapped_column(_BIG, primary_key=True, autoincrement=False)


class Link(Base):
    """Why an event linked a tracklet to an identity, or two identities to each other: LinkEvidence as columns."""

    __tablename__ = "links"
    event_id: Mapped[int] = _reference("events.id", cascade=True, primary_key=True)
    rule: Mapped[str]
    score: Mapped[float]
    cosine: Mapped[float | None]
    runner_up_identity_id: Mapped[int | None] = mapped_column(_BIG)
    runner_up_score: Mapped[float | None]
    parts: Mapped[dict[str, float]] = mapped_column(JSON)


class Audit(Base):
    """What users did to the data. details holds what undoing it needs; undone_us is set once it was undone."""

    __tablename__ = "audit"
    id: Mapped[Key]
    at_us: Mapped[Micros]
    actor: Mapped[str]
    action: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    undone_us: Mapped[Micros | None]
    __table_args__ = ({"sqlite_autoincrement": True},)


class Constraint(Base):
    """A user's word about two tracklets, which no matcher may overrule. kind: must-link or cannot-link."""

    __tablename__ = "constraints"
    id: Mapped[Key]
    audit_id: Mapped[int] = _reference("audit.id", cascade=True)
    kind: Mapped[str]
    tracklet_a_id: Mapped[int] = _reference("tracklets.id", cascade=True)
    tracklet_b_id: Mapped[int] = _reference("tracklets.id", cascade=True)
    __table_args__ = (Index(None, "audit_id"), Index(None, "tracklet_a_id"), Index(None, "tracklet_b_id"))


class Crop(Base):
    """A good picture of a sighting: the person, cut out, as JPEG. Only the best few of each are kept (crops.py)."""

    __tablename__ = "crops"
    tracklet_id: Mapped[int] = _reference("tracklets.id", cascade=True, primary_key=True)
    at_us: Mapped[Micros] = mapped_column(BigInteger, primary_key=True)
    quality: Mapped[float]
    jpeg: Mapped[bytes] = mapped_column(LargeBinary)


class Token(Base):
    """Who may ask over HTTP. sha256: of the secret, in hex; the secret itself is nowhere. cameras: None for all."""

    __tablename__ = "tokens"
    id: Mapped[Key]
    name: Mapped[str] = mapped_column(unique=True)
    sha256: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    cameras: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    created_us: Mapped[Micros]
    __table_args__ = ({"sqlite_autoincrement": True},)


class Wanted(Base):
    """Somebody to look out for. identity_id: whom the entry was made from, None if from photos; it goes with them."""

    __tablename__ = "wanted"
    id: Mapped[Key]
    name: Mapped[str] = mapped_column(unique=True)
    identity_id: Mapped[int | None] = _reference("identities.id", cascade=True)
    added_us: Mapped[Micros]
    __table_args__ = (Index(None, "identity_id"),)


class WantedVector(Base):
    """One appearance of somebody wanted: a unit vector, little-endian float16."""

    __tablename__ = "wanted_vectors"
    id: Mapped[Key]
    wanted_id: Mapped[int] = _reference("wanted.id", cascade=True)
    embedder_id: Mapped[int] = _reference("embedders.id")
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (Index(None, "wanted_id"),)
