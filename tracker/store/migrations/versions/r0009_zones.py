"""Where zones and lines were, and who was ever seen at one."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "zones",
        sa.Column("run_id", _KEY, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("camera_id", _KEY, sa.ForeignKey("cameras.id"), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("since_us", sa.BigInteger(), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("points", sa.JSON(), nullable=False),
        sa.Column("most_people", sa.Integer()),
    )
    op.create_index("ix_place_events_place", "place_events", ["place", "at_us", "tracklet_id"])


def downgrade() -> None:
    op.drop_index("ix_place_events_place", "place_events")
    op.drop_table("zones")
