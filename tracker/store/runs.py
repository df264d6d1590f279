"""The beginning and end of a run: its cameras, the clock of its streams, and the first identity id that is free."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, exists, insert, select, update

from tracker.core.zones import Line, Zone
from tracker.errors import OmnitrackError
from tracker.store.models import NO_PLACE, Camera, Embedder, Embedding, Run, RunCamera, ZoneRow
from tracker.store.numbers import RunPeople, next_identity_id
from tracker.store.session import Store
from tracker.video.urls import masked


@dataclass(frozen=True, slots=True)
class CameraOrigin:
    """Where a camera's pictures come from (path or URL), and the wall time of its t_seconds = 0 (aware datetime).
    clips: the folder in which they are kept as they come, if they are. places: its zones and lines.
    """

    source: str
    epoch_utc: datetime
    clips: Path | None = None
    places: tuple[Zone | Line, ...] = ()


@dataclass(frozen=True, slots=True)
class RunCameraKey:
    """A camera's row, and the UTC microseconds of its t_seconds = 0."""

    id: int
    epoch_us: int


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """What a writer needs to know of its run. Identities below first_identity_id were there before."""

    id: int
    cameras: dict[str, RunCameraKey]
    first_identity_id: int
    embedder_id: int | None
    people: RunPeople = field(default_factory=RunPeople)

    def to_us(self, t_seconds: float, camera: str | None = None) -> int:
        """UTC microseconds of a stream time; without a camera, by the earliest clock of the run."""
        if camera is not None:
            return self.cameras[camera].epoch_us + to_us(t_seconds)
        keys = list(self.cameras.values())  # another thread may add one
        return min(key.epoch_us for key in keys) + to_us(t_seconds)


def begin_run(
    store: Store, cameras: Mapping[str, CameraOrigin], *, embedder_name: str | None, embedder_dimension: int = 0
) -> ActiveRun:
    """Register a run over these cameras. Passwords in sources are not stored.

    Raises OmnitrackError when the database holds the embeddings of another network (they cannot be compared).
    """
    with store.write() as connection:
        embedder_id = None
        if embedder_name is not None:
            embedder_id = _embedder(connection, store, embedder_name, embedder_dimension)
        row = {"started_us": micros(datetime.now(UTC)), "program_version": _program_version()}
        run_id = connection.execute(insert(Run).values(row).returning(Run.id)).scalar_one()
        keys = {name: _run_camera(connection, run_id, name, origin) for name, origin in cameras.items()}
        for name, key in keys.items():
            _write_places(connection, run_id, key.id, cameras[name].places, key.epoch_us)
        return ActiveRun(run_id, keys, next_identity_id(connection), embedder_id)


def change_cameras(store: Store, run: ActiveRun, origins: Mapping[str, CameraOrigin], t_seconds: float) -> None:
    """From t_seconds on these cameras take part in a run that goes on, with these zones and lines: all of them or, if
    the database cannot be written, none (OmnitrackError).
    """
    with store.write() as connection:
        keys = {
            name: run.cameras.get(name) or _run_camera(connection, run.id, name, origin)
            for name, origin in origins.items()
        }
        for name, key in keys.items():
            since_us = key.epoch_us + to_us(t_seconds)
            _write_places(connection, run.id, key.id, origins[name].places or (None,), since_us)
    run.cameras.update(keys)


def finish_run(connection: Connection, run: ActiveRun) -> None:
    connection.execute(update(Run).where(Run.id == run.id).values(finished_us=micros(datetime.now(UTC))))


def note_picture_sizes(connection: Connection, run: ActiveRun, sizes: Mapping[str, tuple[int, int]]) -> None:
    """The pictures of these cameras are so large, (width, height), from now on."""
    for name, (width, height) in sizes.items():
        of_run = (RunCamera.run_id == run.id, RunCamera.camera_id == run.cameras[name].id)
        connection.execute(update(RunCamera).where(*of_run).values(width=width, height=height))


def to_us(t_seconds: float) -> int:
    """Stream time in whole microseconds."""
    return round(t_seconds * 1e6)


def micros(moment: datetime) -> int:
    """UTC microseconds since 1970 of an aware datetime. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without time zone cannot be stored: {moment.isoformat()}")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def utc(at_us: int) -> datetime:
    """Aware datetime of a stored time."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)


def _run_camera(connection: Connection, run_id: int, name: str, origin: CameraOrigin) -> RunCameraKey:
    key = RunCameraKey(_camera(connection, name), micros(origin.epoch_utc))
    source = masked(origin.source)
    values: dict[str, Any] = {"run_id": run_id, "camera_id": key.id, "source": source, "epoch_us": key.epoch_us}
    values["clips"] = None if origin.clips is None else str(origin.clips.resolve())
    connection.execute(insert(RunCamera).values(values))
    return key


def _write_places(
    connection: Connection, run_id: int, camera: int, places: Iterable[Zone | Line | None], since_us: int
) -> None:
    """None: it is stored that there are no zones and lines any more."""
    for place in places:
        row: dict[str, Any] = {"run_id": run_id, "camera_id": camera, "since_us": since_us, "most_people": None}
        if place is None:
            row |= {"name": "", "kind": NO_PLACE, "points": []}
        elif isinstance(place, Zone):
            row |= {"name": place.name, "kind": "zone", "points": place.polygon, "most_people": place.most_people}
        else:
            row |= {"name": place.name, "kind": "line", "points": (place.start, place.end)}
        row["points"] = [[float(x), float(y)] for x, y in row["points"]]
        connection.execute(insert(ZoneRow).values(row))


def _camera(connection: Connection, name: str) -> int:
    found = connection.execute(select(Camera.id).where(Camera.name == name)).scalar()
    if found is None:
        return connection.execute(insert(Camera).values(name=name).returning(Camera.id)).scalar_one()
    return found


def _embedder(connection: Connection, store: Store, name: str, dimension: int) -> int:
    stored = connection.execute(select(Embedder.id, Embedder.name, Embedder.dimension)).first()
    if stored is None:
        row = {"name": name, "dimension": dimension}
        return connection.execute(insert(Embedder).values(row).returning(Embedder.id)).scalar_one()
    if (stored.name, stored.dimension) == (name, dimension):
        return int(stored.id)
    if connection.scalar(select(exists(select(Embedding.tracklet_id)))):
        raise OmnitrackError(
            f"database {store.name}: holds embeddings of {stored.name} (dimension {stored.dimension}), this run makes "
            f"{name} (dimension {dimension}) and they cannot be compared; use the same model, or another --db"
        )
    connection.execute(update(Embedder).values(name=name, dimension=dimension))
    return int(stored.id)


def _program_version() -> str:
    try:
        return version("omnitrack")
    except PackageNotFoundError:  # run from a checkout
        return "unknown"
