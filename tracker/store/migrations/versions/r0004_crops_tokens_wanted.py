"""Pictures of sightings, who may ask over HTTP, and whom to look out for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "crops",
        _to("tracklet_id", "tracklets.id", primary_key=True),
        sa.Column("at_us", sa.BigInteger(), primary_key=True),
        sa.Column("quality", sa.Double(), nullable=False),
        sa.Column("jpeg", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("name", sa.String(), nullable=False, unique=True),
        sa.Column("sha256", sa.String(), nullable=False, unique=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("cameras", sa.JSON()),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "wanted",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("name", sa.String(), nullable=False, unique=True),
        _to("identity_id", "identities.id", nullable=True),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_wanted_identity_id", "wanted", ["identity_id"])
    op.create_table(
        "wanted_vectors",
        sa.Column("id", _KEY, primary_key=True),
        _to("wanted_id", "wanted.id"),
        sa.Column("embedder_id", _KEY, sa.ForeignKey("embedders.id"), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_wanted_vectors_wanted_id", "wanted_vectors", ["wanted_id"])


def _to(name: str, target: str, *, nullable: bool = False, primary_key: bool = False) -> sa.Column[int]:
    """A reference to a row whose erasure erases this one as well."""
    return sa.Column(name, _KEY, sa.ForeignKey(target, ondelete="CASCADE"), nullable=nullable, primary_key=primary_key)


def downgrade() -> None:
    for table in ("wanted_vectors", "wanted", "tokens", "crops"):
        op.drop_table(table)
