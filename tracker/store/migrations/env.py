"""Alembic runs this file for each command; the connection and its transaction come from migrate()."""

from alembic import context

from tracker.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
context.run_migrations()
