"""A tracklet's earlier and later looks: one person for sure, which says what likeness means for a network."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("embeddings", sa.Column("earlier", sa.LargeBinary(), nullable=True))
    op.add_column("embeddings", sa.Column("earlier_share", sa.Double(), nullable=True))


def downgrade() -> None:
    op.drop_column("embeddings", "earlier_share")
    op.drop_column("embeddings", "earlier")
