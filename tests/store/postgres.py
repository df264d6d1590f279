"""A real PostgreSQL server in a folder of its own, and one new database for each test."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

_ISSUE = count(1)


def with_pgvector() -> Path | None:
    """The programs of Python's package pgserver, which come with pgvector."""
    found = find_spec("pgserver")
    return None if found is None or found.origin is None else Path(found.origin).parent / "pginstall" / "bin"


def programs() -> Path | None:
    """The folder with initdb and postgres, of the newest version if there are several."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    found = installed[-1] if installed else shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


needs_postgresql = pytest.mark.skipif(programs() is None, reason="Debian's package postgresql is not installed")


@dataclass(frozen=True)
class Server:
    """folder: where its socket lies."""

    folder: Path

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def new_database(self, template: str = "template0") -> str:
        """-> URL."""
        name = f"history{next(_ISSUE)}"
        address = self.url("postgres").replace("postgresql://", "postgresql+psycopg://")
        engine = create_engine(address, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        engine.dispose()
        return self.url(name)


@contextmanager
def server(found: Path | None = None) -> Iterator[Server]:
    """Runs until the end of the block, as another user if this one is root, whom PostgreSQL refuses. found: the folder
    of its programs, else the installed ones.
    """
    found = found or programs()
    assert found is not None
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # the path of a socket must be short
    user = "nobody" if os.getuid() == 0 else None
    if user is not None:
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
    try:
        data = folder / "data"
        initdb = [str(found / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, user=user, cwd=folder)
        settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
        control = [str(found / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log")]
        options = " ".join(f"'{part}'" for part in settings)
        subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, user=user, cwd=folder)
        try:
            yield Server(folder)
        finally:
            stop = [*control, "-m", "immediate", "stop"]
            subprocess.run(stop, check=True, capture_output=True, user=user, cwd=folder)
    finally:
        shutil.rmtree(folder)
