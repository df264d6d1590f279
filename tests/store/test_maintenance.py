import sqlite3
import threading
from pathlib import Path

import pytest

from tests.store.walk import Stay, begin, crowd, record, steps
from tracker.errors import OmnitrackError
from tracker.store.location import StoreWaitError
from tracker.store.maintenance import backup, check, empty_log, vacuum
from tracker.store.queries import identities
from tracker.store.session import Store, open_store
from tracker.store.sink import StoreSink
from tracker.store.stored_tracks import tracklets

WALK = [Stay("west", 1, 1, 0, 120), Stay("east", 1, 1, 140, 150), Stay("west", 2, 2, 0, 60)]


def test_a_backup_is_one_complete_file(store: Store, tmp_path: Path) -> None:
    run = record(store, WALK)
    target = tmp_path / "copy.db"
    assert backup(store, target) == target.stat().st_size
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]
    with open_store(target) as copy, copy.read() as connection:
        assert check(connection) == []
        assert [len(row.frames) for row in tracklets(connection, run.id)] == [11, 121, 61]


def test_backups_during_writes_are_consistent(store: Store, tmp_path: Path) -> None:
    done = threading.Event()

    def write() -> None:
        sink = StoreSink(store, begin(store, ["west"]))
        for step in steps(["west"], crowd(1, 60)):
            sink.write(step)
        sink.close()
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    sizes: list[int] = []
    while not done.wait(0.02):
        target = tmp_path / f"copy-{len(sizes)}.db"
        backup(store, target)
        with open_store(target) as copy, copy.read() as connection:
            assert check(connection) == []
            sizes.append(len(identities(connection, limit=10_000).rows))
    writer.join()
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 2


def test_a_backup_never_replaces_a_file(store: Store, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("letters")
    with pytest.raises(OmnitrackError, match="precious: exists already"):
        backup(store, tmp_path / "precious")
    with pytest.raises(OmnitrackError, match="folder"):
        backup(store, tmp_path / "no folder" / "copy.db")


def test_check_names_every_kind_of_damage(store: Store) -> None:
    record(store, WALK)
    with store.read() as connection:
        assert check(connection) == []
    with sqlite3.connect(store.path) as raw:
        raw.execute(
            "UPDATE observations SET boxes = substr(boxes, 27) WHERE first_frame = 3 AND tracklet_id = 1000000001"
        )
        raw.execute("UPDATE identities SET survivor_id = 2 WHERE id = 1")
        raw.execute("INSERT INTO identities (id, state, survivor_id) VALUES (3, 'confirmed', 1)")
        raw.execute("UPDATE tracklets SET camera_id = 77 WHERE id = 1000000002")
        raw.execute("INSERT INTO way_totals (from_id, to_id, times, people, gap_us) VALUES (1, 2, 9, 1, 0)")
    raw.close()
    with store.read() as connection:
        assert check(connection) == [
            "row 1000000002 of tracklets points to a row of cameras that is missing",
            "tracklet 1000000001 should have 121 boxes and has 120",
            "ways from camera 1 to 2 are not added up rightly",
            "identity 3 redirects to one that is merged itself",
        ]


def test_check_finds_overwritten_pages(store: Store) -> None:
    record(store, crowd(1, 10))
    empty_log(store)
    store.close()
    content = bytearray(store.path.read_bytes())
    content[8192 * 20 : 8192 * 30] = bytes(8192 * 10)
    store.path.write_bytes(content)
    with open_store(store.path) as damaged, damaged.read() as connection:
        assert check(connection)


def test_vacuum_gives_space_back(store: Store) -> None:
    record(store, crowd(1, 10))
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM observations")
    before, after = vacuum(store)
    assert after < before
    assert store.path.stat().st_size == after


def test_a_log_in_use_cannot_be_emptied(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr("sqlite3.connect", lambda path, timeout, **rest: connect(path, timeout=0, **rest))
    with store.read() as reader:
        reader.exec_driver_sql("SELECT * FROM cameras")
        record(store, WALK)
        with pytest.raises(StoreWaitError, match="another program reads"):
            empty_log(store)
    empty_log(store)
    assert Path(f"{store.path}-wal").stat().st_size == 0
