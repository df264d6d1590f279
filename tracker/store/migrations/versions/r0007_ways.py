"""Ways between cameras added up, and triggers that note whose have changed since."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_STEPS = """
    SELECT i.survivor_id AS person_id, t.camera_id AS from_id,
           lead(t.camera_id) OVER person AS to_id, lead(t.start_us) OVER person - t.end_us AS gap_us
    FROM tracklets t JOIN identities i ON i.id = t.identity_id
    WINDOW person AS (PARTITION BY i.survivor_id ORDER BY t.start_us, t.id)
"""
_ADD_UP = (
    f"INSERT INTO ways SELECT person_id, from_id, to_id, count(*), sum(gap_us) FROM ({_STEPS}) s"
    " WHERE from_id <> to_id GROUP BY person_id, from_id, to_id",
    "INSERT INTO way_totals SELECT from_id, to_id, sum(times), count(*), sum(gap_us) FROM ways GROUP BY from_id, to_id",
)

_NOTE_PERSON = "INSERT INTO stale_people SELECT survivor_id FROM identities WHERE id = {} ON CONFLICT DO NOTHING"
_NOTE_SURVIVORS = "INSERT INTO stale_people VALUES (OLD.survivor_id), (NEW.survivor_id) ON CONFLICT DO NOTHING"
_NOTE_OLD, _NOTE_NEW = (_NOTE_PERSON.format(f"{row}.identity_id") for row in ("OLD", "NEW"))
_TRIGGERS = {
    "tracklet_added": ("INSERT ON tracklets", [_NOTE_NEW]),
    "tracklet_changed": ("UPDATE OF identity_id, camera_id, start_us, end_us ON tracklets", [_NOTE_OLD, _NOTE_NEW]),
    "tracklet_erased": ("DELETE ON tracklets", [_NOTE_OLD]),
    "identity_redirected": ("UPDATE OF survivor_id ON identities", [_NOTE_SURVIVORS]),
}


def upgrade() -> None:
    op.create_table(
        "ways",
        sa.Column("person_id", _KEY, primary_key=True, autoincrement=False),
        *_cameras(),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("gap_us", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "way_totals",
        *_cameras(),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("gap_us", sa.BigInteger(), nullable=False),
    )
    op.create_table("stale_people", sa.Column("person_id", _KEY, primary_key=True, autoincrement=False))
    for statement in _ADD_UP:
        op.execute(statement)
    for name, (moment, statements) in _TRIGGERS.items():
        body = "; ".join(statements)
        if _is_server():
            op.execute(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NULL; END $$"
            )
            op.execute(f"CREATE TRIGGER {name} AFTER {moment} FOR EACH ROW EXECUTE FUNCTION {name}()")
        else:
            op.execute(f"CREATE TRIGGER {name} AFTER {moment} BEGIN {body}; END")


def _cameras() -> list[sa.Column[int]]:
    return [
        sa.Column(name, _KEY, sa.ForeignKey("cameras.id"), primary_key=True, nullable=False)
        for name in ("from_id", "to_id")
    ]


def _is_server() -> bool:
    return op.get_context().dialect.name == "postgresql"


def downgrade() -> None:
    for name, (moment, _) in _TRIGGERS.items():
        if _is_server():
            op.execute(f"DROP TRIGGER {name} ON {moment.split()[-1]}")
            op.execute(f"DROP FUNCTION {name}")
        else:
            op.execute(f"DROP TRIGGER {name}")
    for table in ("stale_people", "way_totals", "ways"):
        op.drop_table(table)
