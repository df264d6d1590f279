"""Cameras, runs, tracklets with their boxes and embeddings, identities, and the events that link them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = ("cameras", "runs", "run_cameras", "embedders", "identities", "tracklets", "observations", "embeddings")


def _key(name: str = "id", **options: Any) -> sa.Column[int]:
    return sa.Column(name, _KEY, primary_key=True, **options)


def _to(name: str, target: str, *, cascade: bool = False, **options: Any) -> sa.Column[int]:
    reference = sa.ForeignKey(target, ondelete="CASCADE" if cascade else None)
    return sa.Column(name, _KEY, reference, **{"nullable": False, **options})


def _micros(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _text(name: str, *, nullable: bool = False, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable, **options)


def upgrade() -> None:
    _create_catalogue()
    _create_tracks()
    _create_events()


def _create_catalogue() -> None:
    op.create_table("sequences", _text("name", primary_key=True), sa.Column("next_value", _KEY, nullable=False))
    op.create_table("cameras", _key(), _text("name", unique=True))
    op.create_table(
        "runs", _key(), _micros("started_us"), _micros("finished_us", nullable=True), _text("program_version")
    )
    op.create_table(
        "run_cameras",
        _to("run_id", "runs.id", cascade=True, primary_key=True),
        _to("camera_id", "cameras.id", primary_key=True),
        _text("source"),
        _micros("epoch_us"),
    )
    op.create_table(
        "embedders", _key(), _text("name", unique=True), sa.Column("dimension", sa.Integer(), nullable=False)
    )
    op.create_table(
        "identities",
        _key(autoincrement=False),
        _to("run_id", "runs.id", nullable=True),
        _text("state"),
        _text("name", nullable=True),
        _to("merged_into_id", "identities.id", nullable=True),
        _to("survivor_id", "identities.id"),
    )
    for column in ("survivor_id", "merged_into_id", "name"):
        op.create_index(f"ix_identities_{column}", "identities", [column])


def _create_tracks() -> None:
    op.create_table(
        "tracklets",
        _key(),
        _to("run_id", "runs.id"),
        _to("camera_id", "cameras.id"),
        sa.Column("track_id", _KEY, nullable=False),
        _to("identity_id", "identities.id", nullable=True),
        _micros("start_us"),
        _micros("end_us"),
        sa.Column("observation_count", sa.Integer(), nullable=False),
        sa.UniqueConstraint("run_id", "camera_id", "track_id", "start_us"),
    )
    op.create_index("ix_tracklets_identity_id", "tracklets", ["identity_id", "start_us", "end_us", "camera_id"])
    op.create_index("ix_tracklets_camera_id", "tracklets", ["camera_id", "end_us", "start_us", "identity_id"])
    op.create_table(
        "observations",
        _to("tracklet_id", "tracklets.id", cascade=True, primary_key=True),
        _key("first_frame"),
        _micros("start_us"),
        sa.Column("boxes", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "embeddings",
        _to("tracklet_id", "tracklets.id", cascade=True, primary_key=True),
        _to("embedder_id", "embedders.id"),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
    )


def _create_events() -> None:
    op.create_table(
        "events",
        _key(),
        _to("run_id", "runs.id", nullable=True),
        _text("kind"),
        _micros("at_us"),
        _to("identity_id", "identities.id"),
        _to("previous_identity_id", "identities.id", nullable=True),
        _to("tracklet_id", "tracklets.id", cascade=True, nullable=True),
        sqlite_autoincrement=True,
    )
    for column in ("identity_id", "previous_identity_id", "tracklet_id"):
        op.create_index(f"ix_events_{column}", "events", [column])
    op.create_table(
        "links",
        _to("event_id", "events.id", cascade=True, primary_key=True),
        _text("rule"),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("cosine", sa.Double()),
        sa.Column("runner_up_identity_id", _KEY),
        sa.Column("runner_up_score", sa.Double()),
        sa.Column("parts", sa.JSON(), nullable=False),
    )


def downgrade() -> None:
    for table in ("links", "events", *reversed(_TABLES), "sequences"):
        op.drop_table(table)
