import sqlite3
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.store.walk import Stay, record
from tracker.errors import OmnitrackError
from tracker.store.location import file_system, prepare, stored_revision
from tracker.store.session import REVISION, open_store


def test_a_new_database_has_the_schema_and_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "50% (new) é.db"
    with open_store(path) as store, store.read() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        }
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "busy_timeout": 10_000}
    assert settings == expected
    assert stored_revision(path) == REVISION


def test_a_url_opens_the_same_file(tmp_path: Path) -> None:
    open_store(tmp_path / "a.db").close()
    with open_store(f"sqlite:///{tmp_path}/a.db", create=False) as store:
        assert store.path == tmp_path / "a.db"


def test_opening_again_keeps_the_data_and_needs_no_alembic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(tmp_path / "a.db") as store:
        record(store, [Stay("west", 1, 1, 0, 20)])
    monkeypatch.setitem(sys.modules, "tracker.store.migrations", None)
    with open_store(tmp_path / "a.db") as store, store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM tracklets")).scalar() == 1


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    refused(tmp_path / "a.db", "is empty", create=False)
    open_store(tmp_path / "a.db").close()
    assert stored_revision(tmp_path / "a.db") == REVISION


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.db") as store:
        with pytest.raises(OmnitrackError, match="UNIQUE"), store.write() as connection:
            connection.execute(text("INSERT INTO cameras (name) VALUES ('west'), ('west')"))
        with store.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM cameras")).scalar() == 0


def test_a_reader_sees_one_state_while_a_writer_commits(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.db") as store, store.read() as reader:
        count = text("SELECT count(*) FROM cameras")
        assert reader.execute(count).scalar() == 0
        with store.write() as writer:
            writer.execute(text("INSERT INTO cameras (name) VALUES ('west')"))
        assert reader.execute(count).scalar() == 0


def test_foreign_keys_hold(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.db") as store, pytest.raises(OmnitrackError, match="FOREIGN KEY"), store.write() as w:
        w.execute(text("INSERT INTO observations VALUES (1, 0, 0, x'')"))


def refused(location: str | Path, words: str, *, create: bool = True) -> None:
    with pytest.raises(OmnitrackError, match=words):
        open_store(location, create=create)


def test_bad_places_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello")
    refused(tmp_path, f"{tmp_path}: is a folder")
    refused(tmp_path / "none.db", "none.db: does not exist", create=False)
    refused(tmp_path / "file" / "a.db", "cannot make its folder")
    refused(tmp_path / "file", "file: is not a database")
    assert (tmp_path / "file").read_text() == "hello"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc, where nobody can create files")
def test_an_unwritable_place_is_refused() -> None:
    refused("/proc/self/omnitrack.db", "cannot be opened or created")


def test_other_programs_databases_are_refused_untouched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE songs (title TEXT)")
    other.close()
    before = (tmp_path / "other.db").read_bytes()
    refused(tmp_path / "other.db", "belongs to another program")
    assert (tmp_path / "other.db").read_bytes() == before


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.db") as store, store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    refused(tmp_path / "a.db", "written by a newer Omnitrack .schema 9999")


def test_other_urls_are_refused_without_showing_the_password() -> None:
    with pytest.raises(OmnitrackError, match="not supported, give a path") as refusal:
        open_store("mysql://anna:secret@host/db")
    assert "secret" not in str(refusal.value)


def test_network_shares_are_recognised(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {tmp_path}/my\\040share nfs4 rw 0 0\n")
    share = tmp_path / "my share" / "deep"
    share.mkdir(parents=True)
    assert file_system(share, mounts) == "nfs4"
    assert file_system(tmp_path, mounts) == "ext4"
    assert file_system(tmp_path, tmp_path / "none") == ""


def test_network_shares_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.store.location.file_system", lambda _: "fuse.sshfs")
    with pytest.raises(OmnitrackError, match=r"network share \(fuse.sshfs\)"):
        prepare(tmp_path / "a.db", create=True)
