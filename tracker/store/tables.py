"""The history as tables for pandas, polars and whatever else reads Parquet. Times are UTC."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sqlalchemy import ColumnElement, Connection, Select, select
from sqlalchemy.orm import aliased

from tracker.errors import OmnitrackError
from tracker.store.models import Camera, Embedder, Embedding, Event, Identity, Observations, Tracklet
from tracker.store.packing import ROW
from tracker.store.place_queries import PlaceFilter, place_events
from tracker.store.windows import camera_id, within

ROWS_PER_FILE = 1_000_000
_AT_ONCE = 1000
_TIME = pl.Datetime("us", "UTC")


class Table(StrEnum):
    """SIGHTINGS: one row per stay before a camera, with whose it is. BOXES: where in the picture, one per frame.
    EVENTS: each change of the identities. PLACES: zones and lines. EMBEDDINGS: looks, as the network described them.
    """

    SIGHTINGS = "sightings"
    BOXES = "boxes"
    EVENTS = "events"
    PLACES = "places"
    EMBEDDINGS = "embeddings"


@dataclass(frozen=True, slots=True)
class TableFilter:
    """Which sightings: by camera, in view at some moment of [since, until] (aware datetimes). Events go by their
    sighting; those about nobody's are left out as soon as anything is asked for.
    """

    camera: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self, connection: Connection) -> list[ColumnElement[bool]]:
        """On Tracklet. Raises NotFoundError for an unknown camera."""
        found = within(self.since, self.until)
        if self.camera is not None:
            found.append(Tracklet.camera_id == camera_id(connection, self.camera))
        return found


def frames(connection: Connection, table: Table, chosen: TableFilter) -> Iterator[pl.DataFrame]:
    """A table piece by piece, at least one, which may be empty: polars frames with the same columns.

    Raises NotFoundError for an unknown camera.
    """
    return _READERS[table](connection, chosen)


def write_tables(
    connection: Connection, folder: Path, chosen: TableFilter, tables: tuple[Table, ...] = tuple(Table)
) -> dict[Table, int]:
    """Write TABLE/part-00000.parquet and so on into a new folder; -> rows of each. Never more than a part in memory.

    Raises OmnitrackError when the folder exists or cannot be written; nothing is left there then.
    """
    if folder.exists():
        raise OmnitrackError(f"folder {folder}: exists already; name a new one")
    partial = folder.with_name(folder.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        written = {table: _write(frames(connection, table, chosen), partial / table) for table in tables}
        partial.rename(folder)
    except OSError as error:
        raise OmnitrackError(f"folder {folder}: cannot be written ({error.strerror}); name another") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return written


def _write(pieces: Iterator[pl.DataFrame], folder: Path) -> int:
    """-> rows."""
    folder.mkdir(parents=True)
    waiting, rows, parts = [next(pieces)], 0, 0

    def flush() -> None:
        nonlocal rows, parts
        part = pl.concat(waiting)
        part.write_parquet(folder / f"part-{parts:05}.parquet")
        rows, parts = rows + part.height, parts + 1
        waiting.clear()

    for piece in pieces:
        if sum(frame.height for frame in waiting) >= ROWS_PER_FILE:
            flush()
        waiting.append(piece)
    flush()
    return rows


def _sightings(connection: Connection, chosen: TableFilter) -> Iterator[pl.DataFrame]:
    person = aliased(Identity)
    query = (
        select(
            Tracklet.id,
            Tracklet.run_id,
            Camera.name,
            Tracklet.track_id,
            person.id,
            person.name,
            Tracklet.start_us,
            Tracklet.end_us,
            Tracklet.observation_count,
        )
        .join(Camera, Camera.id == Tracklet.camera_id)
        .outerjoin(Identity, Identity.id == Tracklet.identity_id)
        .outerjoin(person, person.id == Identity.survivor_id)
        .where(*chosen.conditions(connection))
    )
    schema = {
        "tracklet_id": pl.Int64,
        "run_id": pl.Int64,
        "camera": pl.String,
        "track_id": pl.Int64,
        "identity_id": pl.Int64,
        "name": pl.String,
        "start": _TIME,
        "end": _TIME,
        "boxes": pl.Int64,
    }
    return _paged(connection, query, Tracklet.id, schema)


def _boxes(connection: Connection, chosen: TableFilter) -> Iterator[pl.DataFrame]:
    conditions = chosen.conditions(connection)
    yield _unpacked([])
    after = 0
    while True:
        some = select(Tracklet.id).where(Tracklet.id > after, *conditions).order_by(Tracklet.id).limit(_AT_ONCE)
        ids = connection.scalars(some).all()
        if not ids:
            return
        chunks = select(Observations).where(Observations.tracklet_id.in_(ids))
        in_order = (Observations.tracklet_id, Observations.first_frame)
        yield _unpacked(connection.execute(chunks.order_by(*in_order)).all())
        after = ids[-1]


def _unpacked(chunks: Any) -> pl.DataFrame:
    rows = np.frombuffer(b"".join(chunk.boxes for chunk in chunks), ROW)
    counts = [len(chunk.boxes) // ROW.itemsize for chunk in chunks]

    def each(column: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.repeat(np.array([getattr(chunk, column) for chunk in chunks], np.int64), counts)

    times = pl.Series(rows["t_us"].astype(np.int64) + each("start_us")).cast(_TIME)
    columns = {"tracklet_id": each("tracklet_id"), "frame": rows["frame"] + each("first_frame"), "time": times}
    corners = {name: rows["box_xyxy"][:, number].copy() for number, name in enumerate(("x1", "y1", "x2", "y2"))}
    return pl.DataFrame({**columns, **corners, "score": rows["score"].copy()})


def _events(connection: Connection, chosen: TableFilter) -> Iterator[pl.DataFrame]:
    query = (
        select(
            Event.id,
            Event.at_us,
            Event.kind,
            Event.identity_id,
            Event.previous_identity_id,
            Event.tracklet_id,
            Camera.name,
        )
        .outerjoin(Tracklet, Tracklet.id == Event.tracklet_id)
        .outerjoin(Camera, Camera.id == Tracklet.camera_id)
        .where(*chosen.conditions(connection))
    )
    schema = {
        "event_id": pl.Int64,
        "time": _TIME,
        "kind": pl.String,
        "identity_id": pl.Int64,
        "previous_identity_id": pl.Int64,
        "tracklet_id": pl.Int64,
        "camera": pl.String,
    }
    return _paged(connection, query, Event.id, schema)


def _places(connection: Connection, chosen: TableFilter) -> Iterator[pl.DataFrame]:
    schema: dict[str, Any] = {
        "id": pl.Int64,
        "at": _TIME,
        **dict.fromkeys(("camera", "place", "kind"), pl.String),
        "identity_id": pl.Int64,
        "name": pl.String,
        **dict.fromkeys(("identity_then", "tracklet_id"), pl.Int64),
        "direction": pl.String,
        "dwell_seconds": pl.Float64,
        "count": pl.Int64,
    }
    filtered, after, has_more = PlaceFilter(chosen.camera, since=chosen.since, until=chosen.until), 0, True
    while has_more:
        page = place_events(connection, filtered, limit=_AT_ONCE, after=after)
        rows = [[getattr(row, name) for name in schema] for row in page.rows]
        yield pl.DataFrame(rows, pl.Schema(schema), orient="row").rename({"id": "event_id", "at": "time"})
        after, has_more = page.rows[-1].id if rows else after, page.has_more


def _embeddings(connection: Connection, chosen: TableFilter) -> Iterator[pl.DataFrame]:
    query = (
        select(Embedding.tracklet_id, Embedder.name, Embedding.weight, Embedding.vector)
        .join(Embedder, Embedder.id == Embedding.embedder_id)
        .join(Tracklet, Tracklet.id == Embedding.tracklet_id)
        .where(*chosen.conditions(connection))
    )
    schema = {"tracklet_id": pl.Int64, "network": pl.String, "weight": pl.Float64, "vector": pl.Binary}
    dimension = connection.scalar(select(Embedder.dimension)) or 0
    for piece in _paged(connection, query, Embedding.tracklet_id, schema):
        vectors = np.frombuffer(b"".join(piece["vector"]), "<f2").astype(np.float32).reshape(piece.height, dimension)
        series = pl.Series("vector", vectors, dtype=pl.Array(pl.Float32, dimension))
        yield piece.with_columns(series)


def _paged(
    connection: Connection, query: Select[*tuple[Any, ...]], key: Any, schema: dict[str, Any]
) -> Iterator[pl.DataFrame]:
    """query: its first column is the key, by which it is read; the others are as in schema."""
    after, is_first = 0, True
    while True:
        rows = connection.execute(query.where(key > after).order_by(key).limit(_AT_ONCE)).all()
        if rows or is_first:
            stored = {name: pl.Int64 if kind == _TIME else kind for name, kind in schema.items()}
            yield pl.DataFrame([tuple(row) for row in rows], stored, orient="row").cast(pl.Schema(schema))
        if not rows:
            return
        after, is_first = rows[-1][0], False


_READERS: dict[Table, Callable[[Connection, TableFilter], Iterator[pl.DataFrame]]] = {
    Table.SIGHTINGS: _sightings,
    Table.BOXES: _boxes,
    Table.EVENTS: _events,
    Table.PLACES: _places,
    Table.EMBEDDINGS: _embeddings,
}
