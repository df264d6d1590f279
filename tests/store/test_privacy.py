import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from sqlalchemy import func, select

from tests.store.walk import EPOCH, Stay, begin, crowd, embedding, event, record
from tracker.core.types import IdentityEventKind
from tracker.errors import OmnitrackError
from tracker.store.corrections import merge_identities, rename_identity, split_identity, undo
from tracker.store.export import export_person
from tracker.store.maintenance import check
from tracker.store.models import Audit, Base, Embedding, Link, Observations
from tracker.store.privacy import Erased, forget, retain
from tracker.store.queries import history, identities
from tracker.store.session import Store

STAYS = [
    Stay("west", 1, 1, 0, 120),
    Stay("east", 1, 2, 140, 190),
    Stay("west", 2, 7, 0, 60),
    Stay("west", 3, 8, 300, 350),
]
MERGED = [event(IdentityEventKind.MERGED, 1, previous=2)]


def secrets(store: Store, identity_id: int) -> list[bytes]:
    """Boxes, embeddings and name of a person, as they lie in the file."""
    with store.read() as connection:
        ids = [visit.tracklet_id for visit in history(connection, identity_id).visits.rows]
        boxes = connection.scalars(select(Observations.boxes).where(Observations.tracklet_id.in_(ids))).all()
        vectors = connection.scalars(select(Embedding.vector).where(Embedding.tracklet_id.in_(ids))).all()
        name = history(connection, identity_id).identity.name
    # A piece of each: the beginning could be cut off by a page's border.
    return [box[26:52] for box in boxes if len(box) >= 52] + list(vectors) + ([name.encode()] if name else [])


def found_in_files(folder: Path, needles: list[bytes]) -> int:
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    return sum(needle in content for needle in needles)


def test_nothing_of_a_forgotten_person_is_left_in_any_file(store: Store, tmp_path: Path) -> None:
    record(
        store,
        [*STAYS, *(Stay("east", 100 + s.track_id, (s.identity_id or 0) + 9, s.first, s.last) for s in crowd(1, 20))],
    )
    with store.write() as connection:
        rename_identity(connection, 1, "Canary Wharf")
        merge_identities(connection, 1, 2)
        rename_identity(connection, 1, "Canary Islands")
    needles = [*secrets(store, 1), b"Canary Wharf"]
    assert found_in_files(tmp_path, needles) == len(needles) > 8
    assert forget(store, 2) == Erased(people=1, tracklets=2, boxes=172, embeddings=2, events=3)
    assert found_in_files(tmp_path, needles) == 0
    with store.read() as connection:
        assert check(connection) == []


def test_forgetting_leaves_others_and_an_audit_record(store: Store) -> None:
    record(store, STAYS, MERGED)
    with store.write() as connection:
        split_identity(connection, 1, history(connection, 1).visits.rows[1].tracklet_id)
        merge_identities(connection, 9, 8)
        before = history(connection, 9)
    forget(store, 1)
    with store.read() as connection:
        assert [row.id for row in identities(connection).rows] == [7, 9]
        assert history(connection, 9) == before
        with pytest.raises(OmnitrackError, match="identity 1 does not exist"):
            history(connection, 1)
        actions = connection.execute(select(Audit.action, Audit.details).order_by(Audit.id)).all()
    assert [row.action for row in actions] == ["split", "merge", "forget"]
    assert actions[0].details == {}
    assert actions[1].details["identity"] == 9
    assert actions[2].details["identity"] == 1


def test_what_was_forgotten_cannot_be_undone(store: Store) -> None:
    record(store, STAYS)
    with store.write() as connection:
        merge_identities(connection, 1, 2)
    forget(store, 1)
    with store.write() as connection, pytest.raises(OmnitrackError, match="no correction to undo"):
        undo(connection)


def test_a_forgotten_runner_up_is_not_mentioned(store: Store) -> None:
    record(store, STAYS)
    forget(store, 7)
    with store.read() as connection:
        assert set(connection.scalars(select(Link.runner_up_identity_id))) == {None}


def everything(store: Store) -> dict[str, int]:
    with store.read() as connection:
        tables = Base.metadata.sorted_tables
        return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def test_a_dry_run_counts_and_changes_nothing(store: Store) -> None:
    record(store, STAYS, MERGED)
    before = everything(store)
    would = forget(store, 1, dry_run=True)
    would_all = retain(store, EPOCH + timedelta(days=1), dry_run=True)
    assert everything(store) == before
    assert forget(store, 1) == would
    assert would_all.tracklets == 4


def test_retain_erases_what_is_older_and_who_is_gone(store: Store) -> None:
    record(store, STAYS, MERGED)
    assert retain(store, EPOCH + timedelta(seconds=13)) == Erased(
        people=1, tracklets=2, boxes=182, embeddings=2, events=2
    )
    with store.read() as connection:
        assert [row.id for row in identities(connection).rows] == [1, 8]
        assert [visit.camera for visit in history(connection, 1).visits.rows] == ["east"]
        assert check(connection) == []
    erased = retain(store, EPOCH + timedelta(days=1))
    assert (erased.people, erased.tracklets) == (2, 2)
    left = {table: rows for table, rows in everything(store).items() if rows}
    assert left == {"cameras": 2, "embedders": 1, "runs": 1, "run_cameras": 2, "sequences": 1, "audit": 2}


def test_retain_works_in_small_transactions(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.store.privacy._AT_ONCE", 3)
    record(store, crowd(1, 2))
    assert retain(store, EPOCH + timedelta(days=1), dry_run=True).people == 20
    assert retain(store, EPOCH + timedelta(days=1)).people == 20


def test_retain_of_one_camera_leaves_the_others(store: Store) -> None:
    record(store, STAYS)
    assert retain(store, EPOCH + timedelta(days=1), camera="east").tracklets == 1
    with store.read() as connection:
        assert [row.id for row in identities(connection).rows] == [1, 7, 8]
    with pytest.raises(OmnitrackError, match="camera north: is not in the database; it knows east, west"):
        retain(store, EPOCH, camera="north")


def test_numbers_of_the_forgotten_are_not_given_out_again(store: Store) -> None:
    record(store, STAYS)
    forget(store, 8)
    assert begin(store).first_identity_id == 9


def test_an_archive_holds_all_of_a_persons_data(store: Store, tmp_path: Path) -> None:
    record(store, STAYS, MERGED)
    with store.read() as connection:
        assert export_person(connection, 2, tmp_path / "anna.zip").identity.id == 1
        with pytest.raises(OmnitrackError, match=r"anna.zip: exists already"):
            export_person(connection, 2, tmp_path / "anna.zip")
        with pytest.raises(OmnitrackError, match="cannot be written"):
            export_person(connection, 2, tmp_path / "no folder" / "anna.zip")
    with ZipFile(tmp_path / "anna.zip") as archive:
        tables = {
            name: list(csv.DictReader(io.StringIO(archive.read(name).decode())))
            for name in archive.namelist()
            if name.endswith(".csv")
        }
        person = json.loads(archive.read("person.json"))
        vectors = np.load(io.BytesIO(archive.read("embeddings.npy")))
        assert "pixels" in archive.read("README.txt").decode()
    assert (person["id"], person["sightings"], person["cameras"]) == (1, 2, ["east", "west"])
    assert {name: len(rows) for name, rows in tables.items()} == {
        "visits.csv": 2,
        "boxes.csv": 172,
        "links.csv": 3,
        "places.csv": 0,
        "embeddings.csv": 4,
    }
    assert [row["part"] for row in tables["embeddings.csv"]] == ["whole", "whole", "earlier", "earlier"]
    assert tables["boxes.csv"][0]["time"] == "2026-11-01T12:00:00+00:00"
    np.testing.assert_allclose(vectors, np.stack([embedding(stay) for stay in [*STAYS[:2], *STAYS[:2]]]), atol=1e-3)


def test_an_unknown_person_cannot_be_forgotten_or_exported(store: Store, tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match="identity 5 does not exist"):
        forget(store, 5)
    with store.read() as connection, pytest.raises(OmnitrackError, match="identity 5 does not exist"):
        export_person(connection, 5, tmp_path / "x.zip")
