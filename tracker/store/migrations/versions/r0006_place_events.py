"""What happened at zones and lines."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "place_events",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("run_id", _KEY, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("camera_id", _KEY, sa.ForeignKey("cameras.id"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("tracklet_id", _KEY, sa.ForeignKey("tracklets.id", ondelete="CASCADE")),
        sa.Column("identity_id", _KEY, sa.ForeignKey("identities.id", ondelete="SET NULL")),
        sa.Column("direction", sa.String()),
        sa.Column("dwell_seconds", sa.Double()),
        sa.Column("people", sa.Integer()),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_place_events_at_us", "place_events", ["at_us"])
    op.create_index("ix_place_events_camera_id", "place_events", ["camera_id", "at_us"])
    op.create_index("ix_place_events_tracklet_id", "place_events", ["tracklet_id"])
    op.create_index("ix_place_events_identity_id", "place_events", ["identity_id"])


def downgrade() -> None:
    op.drop_table("place_events")
