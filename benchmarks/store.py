"""How fast the store takes in and answers, and what a box costs on disk. From the repository's root:

    python -m benchmarks.store ingest
    python -m benchmarks.store generate big.db --observations 10000000
    python -m benchmarks.store ask big.db
    python -m benchmarks.store photo big.db photo.jpg
    python -m benchmarks.store contend big.db --readers 8 --seconds 60

contend changes its database: give it one of its own.
"""

import json
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from sqlalchemy import Connection

from benchmarks.store_crowd import crowd
from benchmarks.store_questions import of_one_camera, questions_of
from tracker.config import Config
from tracker.core.types import (
    FloatArray,
    IdentityEvent,
    IdentityEventKind,
    LinkEvidence,
    TrackletKey,
)
from tracker.networks import build_describer
from tracker.photos import decode_photo
from tracker.store.appearance import Appearance
from tracker.store.identity_events import PlannedEvent
from tracker.store.packing import MAX_BOXES, ROW
from tracker.store.runs import ActiveRun, CameraOrigin, begin_run
from tracker.store.session import Store, open_store
from tracker.store.similar import AppearanceIndex, similar_people
from tracker.store.sink import StoreSink
from tracker.store.writer import Batch, write_batch

app = typer.Typer(help=__doc__, no_args_is_help=True)

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
DIMENSION = 512


@app.command()
def ingest(
    cameras: int = 8,
    people: Annotated[int, typer.Option(help="In view of each camera at any time.")] = 10,
    fps: float = 25.0,
    seconds: float = 120.0,
    stay_seconds: float = 20.0,
) -> None:
    """Steps of a made-up crowd through StoreSink, in a single thread that does nothing else; every box embedded."""
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "omnitrack.db") as store:
        names = [f"camera-{number}" for number in range(cameras)]
        steps = list(crowd(names, people, fps, seconds, stay_seconds, dimension=DIMENSION))
        observations = sum(len(updates) for step in steps for updates in step.updates.values())
        sink = StoreSink(store, _begin(store, names))
        begun, begun_cpu = time.perf_counter(), time.process_time()
        for step in steps:
            sink.write(step)
        sink.close()
        taken, taken_cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
        counters = sink.counters
        store.close()
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    report = {
        "observations": observations,
        "observations_per_second": round(observations / taken),
        "observations_per_cpu_second": round(observations / taken_cpu),
        "batches": counters.batches_committed,
        "seconds_waited_for_the_disk": round(counters.seconds_waited, 2),
        "bytes_per_observation_all_in": round(size / observations, 1),
    }
    typer.echo(json.dumps(report, indent=2))


@app.command()
def generate(
    path: Path,
    observations: int = 10_000_000,
    tracklets: int = 100_000,
    identities: int = 20_000,
    cameras: int = 16,
    days: int = 30,
) -> None:
    """A database of people who each walk past several cameras one after the other, at any time of some days."""
    rng = np.random.default_rng(0)
    each, walk = observations // tracklets, tracklets // identities
    names = [f"camera-{number}" for number in range(cameras)]
    begun = time.perf_counter()
    with open_store(path) as store:
        run = _begin(store, names)
        for first in range(1, identities + 1, 500):
            batch = Batch()
            for identity_id in range(first, min(first + 500, identities + 1)):
                start = float(rng.uniform(0, days * 86_400))
                for step in range(walk):
                    key = (names[int(rng.integers(cameras))], identity_id * walk + step)
                    _add_tracklet(batch, run, key, start, each, rng)
                    evidence = LinkEvidence("appearance", 0.8, 0.8, None, None, {"cosine": 0.8})
                    event = IdentityEvent(IdentityEventKind.ASSIGNED, start, identity_id, key, None, evidence)
                    batch.events.append(PlannedEvent(event))
                    start += each / 10 + float(rng.exponential(20))
            with store.write() as connection:
                write_batch(connection, run, batch)
    report = {
        "observations": tracklets * each,
        "tracklets": tracklets,
        "identities": identities,
        "seconds": round(time.perf_counter() - begun, 1),
        "bytes": path.stat().st_size,
        "bytes_per_observation": round(path.stat().st_size / (tracklets * each), 1),
    }
    typer.echo(json.dumps(report, indent=2))


@app.command()
def ask(path: Path, repeat: int = 200) -> None:
    """Median and 99th percentile of each query with arguments drawn at random: by the clock, and of the processor
    alone, which tells more on a busy machine.
    """
    with open_store(path, create=False) as store, AppearanceIndex(store) as index:
        index.refresh()
        rng, questions = np.random.default_rng(2), questions_of(store, seed=1)
        questions["similar people"] = lambda c: similar_people(c, index, _unit(rng.normal(size=DIMENSION)))
        questions["last seen, who sees one camera"] = of_one_camera
        report = {
            name: _summary([_asked(store, question) for _ in range(repeat)]) for name, question in questions.items()
        }
    typer.echo(json.dumps(report, indent=2))


@app.command()
def photo(path: Path, picture: Path, repeat: int = 100) -> None:
    """Search by photo as a server does it, from the bytes of a picture to the people found: what the first search
    costs, which opens networks and index, and median and 99th percentile of each part afterwards.

    Nobody looks like the made-up vectors of the database, which is why a random one is searched.
    """
    rng, jpeg = np.random.default_rng(3), picture.read_bytes()
    begun = time.perf_counter()
    describer = build_describer(Config(), lambda line: typer.echo(line, err=True))
    describer.describe(decode_photo(jpeg))
    opened = time.perf_counter()
    with open_store(path, create=False) as store, AppearanceIndex(store) as index:
        index.refresh()
        loaded = time.perf_counter()

        def described(_: Connection) -> object:
            return describer.describe(decode_photo(jpeg))

        def searched(connection: Connection) -> object:
            return similar_people(connection, index, _unit(rng.normal(size=DIMENSION)))

        def whole(connection: Connection) -> object:
            return described(connection), searched(connection)

        parts = {"described": described, "searched": searched, "both": whole}
        report = {
            "network": describer.network[0],
            "sightings": len(index),
            "seconds_to_open_the_networks": round(opened - begun, 2),
            "seconds_to_load_the_index": round(loaded - opened, 2),
            **{name: _summary([_asked(store, part) for _ in range(repeat)]) for name, part in parts.items()},
        }
    typer.echo(json.dumps(report, indent=2))


@app.command()
def contend(path: Path, readers: int = 8, seconds: float = 60.0, pause: float = 0.02) -> None:
    """Processes that ask one random question after the other, while 8 cameras with 80 people are written in real time.

    Without the questions about all time; the milliseconds are those of all readers and questions together.
    """
    with open_store(path) as store, ProcessPoolExecutor(readers, mp_context=get_context("spawn")) as pool:
        asked = [pool.submit(_keep_asking, path, seed, seconds, pause) for seed in range(readers)]
        names = [f"camera-{number}" for number in range(8)]
        run = _begin(store, names)
        sink = StoreSink(store, run)
        begun = time.monotonic()
        busy = crowd(names, 10, 25.0, seconds, 20.0, dimension=DIMENSION, first_identity_id=run.first_identity_id)
        for step in busy:
            time.sleep(max(0.0, begun + step.batch.t_seconds - time.monotonic()))
            sink.write(step)
        sink.close()
        answers = [answer for future in asked for answer in future.result()]
    report = {
        "answers": len(answers),
        "batches": sink.counters.batches_committed,
        "seconds_the_writer_waited": round(sink.counters.seconds_waited, 3),
        **_summary(answers),
    }
    typer.echo(json.dumps(report, indent=2))


def _keep_asking(path: Path, seed: int, seconds: float, pause: float) -> list[tuple[float, float]]:
    taken: list[tuple[float, float]] = []
    with open_store(path, create=False) as store:
        questions = [question for name, question in questions_of(store, seed).items() if "all time" not in name]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            taken.append(_asked(store, questions[len(taken) % len(questions)]))
            time.sleep(pause)
    return taken


def _asked(store: Store, question: Callable[[Connection], object]) -> tuple[float, float]:
    """Milliseconds by the clock, and of the processor."""
    begun, begun_cpu = time.perf_counter(), time.process_time()
    with store.read() as connection:
        question(connection)
    return (time.perf_counter() - begun) * 1e3, (time.process_time() - begun_cpu) * 1e3


def _unit(vector: NDArray[np.float64]) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _summary(milliseconds: list[tuple[float, float]]) -> dict[str, float]:
    clock, cpu = np.percentile(milliseconds, (50, 99), axis=0).T.round(2).tolist()
    return {"median_ms": clock[0], "p99_ms": clock[1], "median_cpu_ms": cpu[0], "p99_cpu_ms": cpu[1]}


def _add_tracklet(
    batch: Batch, run: ActiveRun, key: TrackletKey, t_seconds: float, boxes: int, rng: np.random.Generator
) -> None:
    camera, track_id = key
    start_us = run.to_us(t_seconds, camera)
    rows = np.zeros(boxes, ROW)
    rows["frame"] = rows["t_us"] = np.arange(boxes) % MAX_BOXES
    rows["t_us"] *= 100_000
    rows["box_xyxy"] = rng.random((boxes, 4), np.float32) * 1000
    row = {"id": run.id * 10**9 + track_id, "run_id": run.id, "camera_id": run.cameras[camera].id, "track_id": track_id}
    row |= {"start_us": start_us, "end_us": start_us + (boxes - 1) * 100_000, "observation_count": boxes}
    batch.tracklets.append(row)
    for first in range(0, boxes, MAX_BOXES):
        chunk = {"first_frame": first, "start_us": start_us + first * 100_000}
        batch.observations.append(
            {"tracklet_id": row["id"], **chunk, "boxes": rows[first : first + MAX_BOXES].tobytes()}
        )
    appearance = Appearance()
    for _ in range(2):
        appearance.add(rng.normal(size=DIMENSION).astype(np.float32), 0.5)
    batch.embeddings.append({"tracklet_id": row["id"], "embedder_id": run.embedder_id, **appearance.row()})


def _begin(store: Store, names: list[str]) -> ActiveRun:
    origins = {name: CameraOrigin(f"{name}.mp4", EPOCH) for name in names}
    return begin_run(store, origins, embedder_name="benchmark", embedder_dimension=DIMENSION)


if __name__ == "__main__":
    app()
