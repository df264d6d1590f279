"""Is this a place where an Omnitrack database may live? Answered before anything is written there."""

import sqlite3
import sys
from pathlib import Path

from tracker.errors import OmnitrackError

APPLICATION_ID = 0x4F4D4E49  # "OMNI" in the file's header tells our databases from other people's

_NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs", "lustre"}
_NETWORK_FUSE = ("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.rclone", "fuse.s3fs", "fuse.smb", "fuse.nfs")


def database_path(location: str | Path) -> Path:
    """A path, or a URL such as sqlite:///folder/omnitrack.db. Errors never show a URL's password."""
    text = str(location)
    scheme, separator, rest = text.partition("://")
    if not separator:
        return Path(location)
    if scheme != "sqlite" or not rest.startswith("/") or len(rest) == 1:
        raise OmnitrackError(
            f"database {scheme}://...: not supported, give a path, sqlite:///PATH or postgresql://user@host/name"
        )
    return Path(rest[1:])


def prepare(path: Path, *, create: bool) -> None:
    """Make the folder of a new database; refuse folders, missing files (unless create) and network shares."""
    if path.is_dir():
        raise OmnitrackError(f"database {path}: is a folder, name a file in it, e.g. {path / 'omnitrack.db'}")
    if not create and not path.exists():
        raise OmnitrackError(f"database {path}: does not exist; `main.py run VIDEO...` makes one, --db names another")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OmnitrackError(f"database {path}: cannot make its folder: {error.strerror}") from error
    kind = file_system(path.parent)
    if is_network_share(kind):
        raise OmnitrackError(
            f"database {path}: lies on a network share ({kind}), where locks and the write-ahead log are not reliable; "
            "choose a folder on a local disk"
        )


def file_system(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Name of the file system that holds the folder, "" where the system does not tell (not Linux)."""
    if sys.platform == "win32" and str(folder.resolve()).startswith("\\\\"):
        return "smbfs"
    if not mounts.exists():
        return ""
    found, kind = -1, ""
    resolved = folder.resolve()
    for line in mounts.read_text(errors="replace").splitlines():
        _, mount_point, fstype, *_ = line.split(" ")
        point = Path(mount_point.replace("\\040", " "))
        if resolved.is_relative_to(point) and len(point.parts) >= found:  # the last of equals lies on top
            found, kind = len(point.parts), fstype
    return kind


def is_network_share(kind: str) -> bool:
    """Whether a file system of that name lies on another machine, where SQLite's locks are not reliable."""
    return kind in _NETWORK_FILE_SYSTEMS or kind.startswith(_NETWORK_FUSE)


def stored_revision(path: Path) -> str | None:
    """Schema revision of an Omnitrack database, None for a new or empty file. Reads only."""
    try:
        connection = sqlite3.connect(path, timeout=10)
        try:
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if not tables:
                return None
            if application_id != APPLICATION_ID:
                raise OmnitrackError(f"database {path}: belongs to another program; name another file")
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise explained(path, error) from error
    return str(revision)


class StoreError(OmnitrackError):
    """The database cannot be used."""


class StoreWaitError(StoreError):
    """The database cannot be used now, but can be as soon as the disk has space or another program lets go of it."""


_REASONS: tuple[tuple[str, type[StoreError], str], ...] = (
    ("authentication failed", StoreError, "the server refused the user or password (PGPASSWORD)"),
    ("does not exist", StoreError, "the server does not know it, or not the user; `createdb` makes one"),
    ("connection failed", StoreWaitError, "the server cannot be reached"),
    ("connection to server", StoreWaitError, "the server cannot be reached"),
    ("server closed the connection", StoreWaitError, "the server has gone away"),
    ("terminating connection", StoreWaitError, "the server has gone away"),
    ("No space left", StoreWaitError, "the server's disk is full; free some space"),
    ("not a database", StoreError, "is not a database; name another file"),
    ("malformed", StoreError, "is damaged; restore a backup, or name another file"),
    ("unable to open", StoreError, "cannot be opened or created there; check the folder's permissions"),
    ("readonly", StoreError, "cannot be written; check the permissions of the file and its folder"),
    ("disk is full", StoreWaitError, "the disk is full; free some space"),
    ("locked", StoreWaitError, "another program holds it locked; close that program"),
)


def explained(database: str | Path, error: Exception) -> StoreError:
    """The same failure in words that a person can act on."""
    text = str(error)
    kind, hint = next(((kind, hint) for sign, kind, hint in _REASONS if sign in text), (StoreError, text))
    return kind(f"database {database}: {hint}")
