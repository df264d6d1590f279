from io import BytesIO
from zipfile import ZipFile

import numpy as np
import pytest
from sqlalchemy import select

from tests.store.test_crops import film
from tests.store.walk import DIMENSION, EPOCH, Stay, embedding, record
from tracker.errors import NotFoundError, OmnitrackError
from tracker.store.corrections import merge_identities
from tracker.store.crops import crops_of_person, jpeg_of
from tracker.store.export import export_person
from tracker.store.models import WantedVector
from tracker.store.privacy import forget
from tracker.store.session import Store
from tracker.store.wanted import add_from_identity, add_from_looks, entries, remove

STAYS = [Stay("west", 1, 1, 0, 60), Stay("east", 1, 1, 100, 150), Stay("west", 2, 2, 0, 60)]
LOOKS = [embedding(Stay("", 0, person, 0, 0)) for person in (5, 6)]


def listed(store: Store) -> list[tuple[str, int | None, int]]:
    with store.read() as connection:
        return [(entry.name, entry.identity_id, entry.looks) for entry in entries(connection)]


def vectors(store: Store) -> list[bytes]:
    with store.read() as connection:
        return list(connection.scalars(select(WantedVector.vector)))


def test_people_are_enrolled_by_photos_or_from_the_history(store: Store) -> None:
    record(store, STAYS)
    with store.write() as connection:
        add_from_looks(connection, "thief", LOOKS)
        add_from_identity(connection, "guest", 1)
    assert listed(store) == [("guest", 1, 2), ("thief", None, 2)]
    assert {len(vector) for vector in vectors(store)} == {2 * DIMENSION}
    with store.write() as connection:
        remove(connection, "thief")
    assert listed(store) == [("guest", 1, 2)]
    assert len(vectors(store)) == 2


def test_an_entry_goes_with_the_person_it_was_made_from(store: Store) -> None:
    record(store, STAYS)
    with store.write() as connection:
        add_from_identity(connection, "guest", 1)
        merge_identities(connection, 2, 1)
    canaries = vectors(store)
    forget(store, 2)
    assert listed(store) == []
    content = b"".join(file.read_bytes() for file in store.path.parent.iterdir())
    assert [canary in content for canary in canaries] == [False, False]


def test_bad_entries_are_refused(store: Store) -> None:
    record(store, [*STAYS, Stay("east", 7, 3, 0, 30)])
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM embeddings WHERE tracklet_id NOT IN (1000000001)")
        add_from_looks(connection, "thief", LOOKS)
        with pytest.raises(OmnitrackError, match="'thief' is on the watchlist already"):
            add_from_looks(connection, "thief", LOOKS)
        with pytest.raises(OmnitrackError, match="needs a name"):
            add_from_looks(connection, " ", LOOKS)
        with pytest.raises(NotFoundError, match="identity 77 does not exist"):
            add_from_identity(connection, "guest", 77)
        with pytest.raises(OmnitrackError, match="identity 3 has no stored appearance"):
            add_from_identity(connection, "guest", 3)
        with pytest.raises(NotFoundError, match="'guest' is not on the watchlist"):
            remove(connection, "guest")


def test_an_export_has_the_pictures(store: Store) -> None:
    film(store, STAYS[:1], 2)
    target = store.path.parent / "person.zip"
    with store.read() as connection:
        kept = [jpeg_of(connection, crop.tracklet_id, crop.at) for crop in crops_of_person(connection, 1)]
        export_person(connection, 1, target)
    with ZipFile(BytesIO(target.read_bytes())) as archive:
        names = [name for name in archive.namelist() if name.startswith("crops/")]
        assert sorted(archive.read(name) for name in names) == sorted(kept)
    assert np.all([name.startswith(f"crops/1000000001-{EPOCH:%Y%m%dT%H}") for name in names])
    assert len(kept) == 2
