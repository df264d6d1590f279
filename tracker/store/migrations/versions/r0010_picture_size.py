"""How large a camera's pictures are, so that its boxes can be carried to the ground later."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    for column in ("width", "height"):
        op.add_column("run_cameras", sa.Column(column, sa.Integer(), nullable=True))


def downgrade() -> None:
    for column in ("height", "width"):
        op.drop_column("run_cameras", column)
