"""What the cameras saw: runs, sightings, people, and why each sighting is whose."""

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tracker.store.models.base import BIG, Base, Key, Micros, reference


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
    what it sent is kept, None: it is not. width, height: of its latest pictures in pixels, None: not known.
    """

    __tablename__ = "run_cameras"
    run_id: Mapped[int] = reference("runs.id", cascade=True, primary_key=True)
    camera_id: Mapped[int] = reference("cameras.id", primary_key=True)
    source: Mapped[str]
    epoch_us: Mapped[Micros]
    clips: Mapped[str | None]
    width: Mapped[int | None]
    height: Mapped[int | None]


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
    id: Mapped[Key] = mapped_column(BIG, primary_key=True, autoincrement=False)
    run_id: Mapped[int | None] = reference("runs.id")
    state: Mapped[str]
    name: Mapped[str | None]
    merged_into_id: Mapped[int | None] = reference("identities.id")
    survivor_id: Mapped[int] = reference("identities.id")
    __table_args__ = (Index(None, "survivor_id"), Index(None, "merged_into_id"), Index(None, "name"))


class Tracklet(Base):
    """One confirmed local track, or the part of it from start_us on where the matcher found that the person changed.

    identity_id is its latest link; who it is today is that identity's survivor.
    """

    __tablename__ = "tracklets"
    id: Mapped[Key]
    run_id: Mapped[int] = reference("runs.id")
    camera_id: Mapped[int] = reference("cameras.id")
    track_id: Mapped[int] = mapped_column(BIG)
    identity_id: Mapped[int | None] = reference("identities.id")
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
    tracklet_id: Mapped[int] = reference("tracklets.id", cascade=True, primary_key=True)
    first_frame: Mapped[int] = mapped_column(BIG, primary_key=True)
    start_us: Mapped[Micros]
    boxes: Mapped[bytes] = mapped_column(LargeBinary)


class Embedding(Base):
    """Quality-weighted mean appearance of a tracklet: unit vector, little-endian float16. weight: sum of qualities.

    earlier: the same of its earlier half, None for one seen only once; earlier_share: how long the sum behind it is,
    over that behind the whole, so that the later half is known as well.
    """

    __tablename__ = "embeddings"
    tracklet_id: Mapped[int] = reference("tracklets.id", cascade=True, primary_key=True)
    embedder_id: Mapped[int] = reference("embedders.id")
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
    run_id: Mapped[int | None] = reference("runs.id")
    kind: Mapped[str]
    at_us: Mapped[Micros]
    identity_id: Mapped[int] = reference("identities.id")
    previous_identity_id: Mapped[int | None] = reference("identities.id")
    tracklet_id: Mapped[int | None] = reference("tracklets.id", cascade=True)
    __table_args__ = (
        Index(None, "identity_id"),
        Index(None, "previous_identity_id"),
        Index(None, "tracklet_id"),
        {"sqlite_autoincrement": True},
    )


class Link(Base):
    """Why an event linked a tracklet to an identity, or two identities to each other: LinkEvidence as columns."""

    __tablename__ = "links"
    event_id: Mapped[int] = reference("events.id", cascade=True, primary_key=True)
    rule: Mapped[str]
    score: Mapped[float]
    cosine: Mapped[float | None]
    runner_up_identity_id: Mapped[int | None] = mapped_column(BIG)
    runner_up_score: Mapped[float | None]
    parts: Mapped[dict[str, float]] = mapped_column(JSON)


class Crop(Base):
    """A good picture of a sighting: the person, cut out, as JPEG. Only the best few of each are kept (crops.py)."""

    __tablename__ = "crops"
    tracklet_id: Mapped[int] = reference("tracklets.id", cascade=True, primary_key=True)
    at_us: Mapped[Micros] = mapped_column(BigInteger, primary_key=True)
    quality: Mapped[float]
    jpeg: Mapped[bytes] = mapped_column(LargeBinary)
