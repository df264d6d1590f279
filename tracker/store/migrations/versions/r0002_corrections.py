"""What users correct: an audit of their actions, and constraints that the matcher must respect."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("undone_us", sa.BigInteger()),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "constraints",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("audit_id", _KEY, sa.ForeignKey("audit.id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("tracklet_a_id", _KEY, sa.ForeignKey("tracklets.id", ondelete="CASCADE"), nullable=False),
        sa.Column("tracklet_b_id", _KEY, sa.ForeignKey("tracklets.id", ondelete="CASCADE"), nullable=False),
    )
    for column in ("audit_id", "tracklet_a_id", "tracklet_b_id"):
        op.create_index(f"ix_constraints_{column}", "constraints", [column])


def downgrade() -> None:
    op.drop_table("constraints")
    op.drop_table("audit")
