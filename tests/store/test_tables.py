from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sqlalchemy import insert

from tests.store.walk import DIMENSION, EPOCH, Stay, box, embedding, record
from tracker.errors import OmnitrackError
from tracker.store import tables
from tracker.store.corrections import merge_identities, rename_identity
from tracker.store.models import PlaceEventRow
from tracker.store.runs import micros
from tracker.store.session import Store
from tracker.store.tables import Table, TableFilter, write_tables

WEST, EAST, LATE = Stay("west", 1, 1, 0, 100), Stay("east", 2, 2, 150, 250), Stay("west", 3, None, 300, 320)


def fill(store: Store) -> None:
    run = record(store, [WEST, EAST, LATE])
    with store.write() as connection:
        merge_identities(connection, 1, 2)
        rename_identity(connection, 1, "Anna")
        door = {"run_id": run.id, "kind": "entered", "at_us": micros(EPOCH), "place": "door"}
        for camera in run.cameras.values():
            connection.execute(insert(PlaceEventRow).values(**door, camera_id=camera.id))


def read(store: Store, table: Table, chosen: TableFilter | None = None) -> pl.DataFrame:
    with store.read() as connection:
        return pl.concat(tables.frames(connection, table, chosen or TableFilter()))


def test_an_empty_history_has_empty_tables_with_the_same_columns(store: Store, tmp_path: Path) -> None:
    with store.read() as connection:
        assert set(write_tables(connection, tmp_path / "empty", TableFilter()).values()) == {0}
    fill(store)
    for table in Table:
        before = pl.read_parquet(tmp_path / "empty" / table)
        assert before.height == 0
        assert before.columns == read(store, table).columns
        assert [kind for name, kind in before.schema.items() if name != "vector"] == [
            kind for name, kind in read(store, table).schema.items() if name != "vector"
        ]


def test_sightings_are_whose_they_are_today(store: Store) -> None:
    fill(store)
    found = read(store, Table.SIGHTINGS)
    assert found.select("camera", "identity_id", "name", "boxes").rows() == [
        ("west", 1, "Anna", 101),
        ("east", 1, "Anna", 101),
    ]
    assert found["start"].to_list() == [EPOCH, EPOCH + timedelta(seconds=15)]


def test_every_box_is_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store)
    monkeypatch.setattr(tables, "_AT_ONCE", 1)
    found = read(store, Table.BOXES)
    expected = np.stack([box(stay, frame) for stay in (WEST, EAST) for frame in range(stay.first, stay.last + 1)])
    np.testing.assert_array_equal(found.select("x1", "y1", "x2", "y2").to_numpy(), expected)
    assert found["frame"].to_list() == [*range(101), *range(150, 251)]
    assert found["time"][-1] == EPOCH + timedelta(seconds=25)
    assert set(found["tracklet_id"]) == set(read(store, Table.SIGHTINGS)["tracklet_id"])


def test_looks_events_and_places(store: Store) -> None:
    fill(store)
    looks = read(store, Table.EMBEDDINGS)
    assert looks.schema["vector"] == pl.Array(pl.Float32, DIMENSION)
    np.testing.assert_allclose(looks["vector"].to_numpy()[0], embedding(WEST), atol=1e-3)
    assert read(store, Table.EVENTS)["kind"].to_list() == ["assigned", "assigned", "merged"]
    assert read(store, Table.PLACES).select("camera", "place").rows() == [("west", "door"), ("east", "door")]


def test_where_and_when(store: Store) -> None:
    fill(store)
    for chosen in (TableFilter("east"), TableFilter(None, EPOCH + timedelta(seconds=14))):
        assert read(store, Table.SIGHTINGS, chosen)["camera"].to_list() == ["east"]
        assert read(store, Table.BOXES, chosen).height == 101
        assert read(store, Table.EVENTS, chosen)["camera"].to_list() == ["east"]
        assert read(store, Table.EMBEDDINGS, chosen).height == 1
    with pytest.raises(OmnitrackError, match="camera north: is not in the database"):
        read(store, Table.BOXES, TableFilter("north"))


def test_large_tables_are_written_in_parts(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store)
    monkeypatch.setattr(tables, "_AT_ONCE", 1)
    monkeypatch.setattr(tables, "ROWS_PER_FILE", 50)
    with store.read() as connection:
        rows = write_tables(connection, tmp_path / "out", TableFilter(), (Table.BOXES,))
        assert rows == {Table.BOXES: 202}
        parts = sorted(path.name for path in (tmp_path / "out" / "boxes").iterdir())
        assert parts == ["part-00000.parquet", "part-00001.parquet"]
        assert pl.read_parquet(tmp_path / "out" / "boxes").equals(read(store, Table.BOXES))
        with pytest.raises(OmnitrackError, match="exists already"):
            write_tables(connection, tmp_path / "out", TableFilter())
        with pytest.raises(OmnitrackError, match="camera north"):
            write_tables(connection, tmp_path / "other", TableFilter("north"))
        (tmp_path / "file").touch()
        with pytest.raises(OmnitrackError, match="cannot be written"):
            write_tables(connection, tmp_path / "file" / "out", TableFilter())
    assert {path.name for path in tmp_path.iterdir()} >= {"out", "file"}
    assert not list(tmp_path.glob("*.partial"))
