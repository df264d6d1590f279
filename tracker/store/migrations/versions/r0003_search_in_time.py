"""What a search in time needs: an index over all cameras, and how long a stay can be."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_LONGEST = "(SELECT coalesce(max(end_us - start_us), 0) FROM tracklets WHERE camera_id = cameras.id)"


def upgrade() -> None:
    op.add_column("cameras", sa.Column("longest_stay_us", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(f"UPDATE cameras SET longest_stay_us = {_LONGEST}")
    op.create_index("ix_tracklets_end_us", "tracklets", ["end_us", "start_us", "identity_id", "camera_id"])


def downgrade() -> None:
    op.drop_index("ix_tracklets_end_us", "tracklets")
    op.drop_column("cameras", "longest_stay_us")
