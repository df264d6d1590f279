"""Where a camera's clips lie."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("run_cameras", sa.Column("clips", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("run_cameras", "clips")
