"""What users did and want: corrections, tokens, the watchlist, and the numbers that are given out."""

from typing import Any

from sqlalchemy import JSON, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from tracker.store.models.base import BIG, Base, Key, Micros, reference


class Sequence(Base):
    """The next free number of a kind. Kept apart from the rows, so that numbers of erased rows never come back."""

    __tablename__ = "sequences"
    name: Mapped[str] = mapped_column(primary_key=True)
    next_value: Mapped[int] = mapped_column(BIG)


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
    audit_id: Mapped[int] = reference("audit.id", cascade=True)
    kind: Mapped[str]
    tracklet_a_id: Mapped[int] = reference("tracklets.id", cascade=True)
    tracklet_b_id: Mapped[int] = reference("tracklets.id", cascade=True)
    __table_args__ = (Index(None, "audit_id"), Index(None, "tracklet_a_id"), Index(None, "tracklet_b_id"))


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
    identity_id: Mapped[int | None] = reference("identities.id", cascade=True)
    added_us: Mapped[Micros]
    __table_args__ = (Index(None, "identity_id"),)


class WantedVector(Base):
    """One appearance of somebody wanted: a unit vector, little-endian float16."""

    __tablename__ = "wanted_vectors"
    id: Mapped[Key]
    wanted_id: Mapped[int] = reference("wanted.id", cascade=True)
    embedder_id: Mapped[int] = reference("embedders.id")
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (Index(None, "wanted_id"),)
