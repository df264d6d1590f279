"""Opening the database: checks, schema upgrade, SQLite's settings, and transactions for readers and writers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from tracker.errors import OmnitrackError
from tracker.store.location import APPLICATION_ID, database_path, explained, prepare, stored_revision
from tracker.store.patience import Patience
from tracker.store.server import reading, server_engine, server_revision, server_url, shown
from tracker.store.ways import MOST_STALE, add_up

REVISION = "0010"
"""The schema that this program works with."""

_PRAGMAS = (
    "PRAGMA page_size = 8192",  # of a new file; less is wasted between rows of 1 to 2 kB than with 4096
    "PRAGMA busy_timeout = 10000",
    "PRAGMA journal_mode = WAL",  # readers and the writer never wait for each other
    "PRAGMA synchronous = FULL",  # a committed transaction survives a power cut
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # what is erased or replaced is overwritten with zeros
)


class Store:
    """An open database. Threads may share it; each transaction takes a connection of its own.

    Use as a context manager, or call close(). patience: of those who write in a run.
    """

    def __init__(self, database: Path | URL) -> None:
        """database: a file, or the URL of a server."""
        self.patience = Patience()
        self._path = database if isinstance(database, Path) else None
        if isinstance(database, Path):
            self.name = str(database)
            self._engine = self._readers = _engine(database)
        else:
            self.name = shown(database)
            self._engine = server_engine(database)
            self._readers = reading(self._engine)

    @property
    def path(self) -> Path:
        """The file. Raises OmnitrackError for a database on a server."""
        if self._path is None:
            raise OmnitrackError(f"database {self.name}: is on a server, use its own tools (pg_dump, VACUUM)")
        return self._path

    @property
    def is_file(self) -> bool:
        return self._path is not None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the data from the first query on, however long it is read.

        Raises OmnitrackError when the database cannot be read.
        """
        with self._explain(), self._readers.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, dry_run: bool = False, actor: str | None = None) -> Iterator[Connection]:
        """One transaction, alone among writers from its start; nothing of it remains if it raises, or in a dry run.

        actor: in whose name, if not in that of the user who runs the program; the audit says so.
        Raises OmnitrackError when the database cannot be written.
        """
        with self.rebuild() as connection:
            connection.execution_options(actor=actor)
            yield connection
            if dry_run:
                connection.rollback()
            else:
                add_up(connection, most_stale=MOST_STALE)

    @contextmanager
    def rebuild(self) -> Iterator[Connection]:
        """The same for changes of the schema."""
        with self._explain(), self._engine.execution_options(writes=True).begin() as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _explain(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            raise explained(self.name, error.orig if isinstance(error.orig, Exception) else error) from error


def open_store(location: str | Path, *, create: bool = True) -> Store:
    """Open the database at a path, sqlite:/// or postgresql:// URL, making it (unless create is False) or upgrading it
    as needed.

    Raises OmnitrackError when it does not exist or is empty (create False), cannot be written, is a folder or another
    program's file, lies on a network share, or was written by a newer Omnitrack. On a server the database must exist,
    but may be empty.
    """
    url = server_url(location)
    if url is None:
        path = database_path(location)
        prepare(path, create=create)
        store = Store(path)
    else:
        store = Store(url)
    try:
        _upgrade(store, create=create)
    except OmnitrackError:
        store.close()
        raise
    return store


def _upgrade(store: Store, *, create: bool) -> None:
    if store.is_file:
        revision = stored_revision(store.path)
    else:
        with store.read() as connection:
            revision = server_revision(connection)
    if revision is None and not create:
        raise OmnitrackError(f"database {store.name}: is empty; `main.py run VIDEO...` fills one, --db names another")
    if revision is not None and revision > REVISION:
        raise OmnitrackError(
            f"database {store.name}: was written by a newer Omnitrack (schema {revision}, this one knows up to "
            f"{REVISION}); install the newer version"
        )
    if revision != REVISION:
        from tracker.store.migrations import migrate  # costs a tenth of a second, needed once per version

        with store.rebuild() as connection:
            if store.is_file:
                connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            migrate(connection, REVISION)


def _engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path.absolute())))
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(dbapi_connection: Any, _record: object) -> None:
    dbapi_connection.isolation_level = None  # otherwise sqlite3 decides for itself where transactions begin
    for pragma in _PRAGMAS:
        dbapi_connection.execute(pragma)


def _begin(connection: Connection) -> None:
    # A transaction that turns from reading to writing half-way may fail at once with "locked": say it at the start.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")
