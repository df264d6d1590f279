"""The history on a PostgreSQL server: how to reach it, and what its transactions need to be like those of a file."""

from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError

from tracker.errors import OmnitrackError
from tracker.store.location import APPLICATION_ID


def server_url(location: str | Path) -> URL | None:
    """postgresql://user@host/name as SQLAlchemy has it; None for everything else. Errors show no password."""
    if not str(location).startswith(("postgresql://", "postgres://")):
        return None
    try:
        url = make_url(str(location)).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError) as error:
        raise OmnitrackError("database postgresql://...: not understood; write postgresql://user@host/name") from error
    if not url.database:
        raise OmnitrackError(f"database {shown(url)}: names no database; write postgresql://user@host/name")
    return url


def shown(url: URL) -> str:
    """For messages: without password and driver."""
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def server_engine(url: URL) -> Engine:
    """Writers come one after the other, as they do in a file: then ids of events grow in the order of their commits."""
    engine = create_engine(url, pool_pre_ping=True)
    event.listen(engine, "begin", _begin)
    return engine


def reading(engine: Engine) -> Engine:
    """For transactions that see one state of the data, however long they last."""
    return engine.execution_options(isolation_level="REPEATABLE READ")


def server_revision(connection: Connection) -> str | None:
    """Schema revision, None for a new database. Raises OmnitrackError for one with other programs' tables."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if "alembic_version" not in tables or "tracklets" not in tables:
        raise OmnitrackError(f"database {shown(connection.engine.url)}: belongs to another program; name another")
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("writes"):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({APPLICATION_ID})")
