"""Backup, check and compaction of a database file that others may be using meanwhile."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import aliased

from tracker.errors import OmnitrackError
from tracker.store.location import StoreWaitError, explained
from tracker.store.models import Camera, Identity, Observations, Tracklet
from tracker.store.packing import ROW
from tracker.store.session import Store
from tracker.store.ways import all_ways, ways_between


def backup(store: Store, target: Path) -> int:
    """Copy one consistent state to a new file, while others write; -> its size in bytes.

    Raises OmnitrackError when the target exists or cannot be written; nothing is left there then.
    """
    if target.exists():
        raise OmnitrackError(f"backup {target}: exists already; name a new file")
    partial = target.with_name(target.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        with _raw(store.path) as source, closing(sqlite3.connect(partial)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file that is complete by itself
        os.replace(partial, target)
    except (sqlite3.Error, OSError) as error:
        raise explained(target, error) from error
    finally:
        partial.unlink(missing_ok=True)
    return target.stat().st_size


def check(connection: Connection) -> list[str]:
    """Everything that is wrong, in words; empty when all is well. Reads the whole file.

    Contradictions between rows are looked for only in a file that is whole. A server sees to its files itself.
    """
    problems = []
    if connection.dialect.name == "sqlite":
        try:
            found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        except DatabaseError as error:
            return [str(error.orig)]
        if found != ["ok"]:
            return list(found)
        for table, row_id, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            problems.append(f"row {row_id} of {table} points to a row of {parent} that is missing")
    boxes = func.coalesce(func.sum(func.length(Observations.boxes)), 0)
    counts = (
        select(Tracklet.id, Tracklet.observation_count, boxes)
        .outerjoin(Observations, Observations.tracklet_id == Tracklet.id)
        .group_by(Tracklet.id)
        .having(boxes != Tracklet.observation_count * ROW.itemsize)
    )
    for tracklet_id, expected, size in connection.execute(counts):
        problems.append(f"tracklet {tracklet_id} should have {expected} boxes and has {size / ROW.itemsize:g}")
    too_long = select(Tracklet.id).join(Camera).where(Tracklet.end_us - Tracklet.start_us > Camera.longest_stay_us)
    problems += [f"tracklet {row} is longer than its camera knows of" for row in connection.scalars(too_long)]
    added, counted = (
        {tuple(map(int, row)) for row in connection.execute(select(ways).where(ways.c.times != 0))}
        for ways in (all_ways(), ways_between([]))
    )
    problems += [
        f"ways from camera {a} to {b} are not added up rightly" for a, b in sorted({w[:2] for w in added ^ counted})
    ]
    survivor = aliased(Identity)
    redirected = (
        select(Identity.id)
        .join(survivor, survivor.id == Identity.survivor_id)
        .where(survivor.survivor_id != survivor.id)
    )
    problems += [f"identity {row} redirects to one that is merged itself" for row in connection.scalars(redirected)]
    return problems


def vacuum(store: Store) -> tuple[int, int]:
    """Rebuild the file without its free pages; -> bytes before and after. Writers wait meanwhile."""
    empty_log(store)
    before = store.path.stat().st_size
    with _raw(store.path) as connection:
        connection.execute("VACUUM")
    empty_log(store)
    return before, store.path.stat().st_size


def empty_log(store: Store) -> None:
    """Move everything from the write-ahead log into the database, and cut the log to nothing. On a server, that is the
    server's business.

    Raises StoreWaitError while another program reads an older state out of the log.
    """
    if not store.is_file:
        return
    with _raw(store.path) as connection:
        (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if is_busy:
        raise StoreWaitError(
            f"database {store.path}: its log could not be emptied while another program reads from it; "
            "close that program and run `main.py db vacuum`"
        )


@contextmanager
def _raw(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection without transactions, for what SQLite does only outside of them."""
    try:
        with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            yield connection
    except sqlite3.Error as error:
        raise explained(path, error) from error
