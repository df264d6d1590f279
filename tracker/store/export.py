"""A person's data as one archive, in formats that anything can read."""

import csv
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from sqlalchemy import Connection, select

from tracker.errors import OmnitrackError
from tracker.store.crops import crops_of_person, jpeg_of
from tracker.store.models import Embedder, Embedding, Event, Identity, Link, Tracklet
from tracker.store.packing import unpack_vector
from tracker.store.place_queries import PlaceFilter, place_events
from tracker.store.queries import History, history
from tracker.store.runs import utc
from tracker.store.stored_tracks import sighting_boxes

README = """Everything that Omnitrack stored about one person. All times are UTC.

person.json      number, name, number of sightings, when first and last seen
visits.csv       where and when, one line per sighting
boxes.csv        where in the picture: one line per frame, pixels, x to the right and y down
places.csv       zones entered and left, lines crossed
links.csv        why the sightings were taken for the same person
embeddings.npy   appearance as the network described it, one row per line of embeddings.csv, where part tells whether
                 it is that of a whole sighting or of its earlier half
crops/           pictures, each named by its tracklet and time
"""


def export_person(connection: Connection, identity_id: int, target: Path) -> History:
    """Write the archive (zip); -> whose it is. Raises OmnitrackError for an unknown id or a target that exists."""
    if target.exists():
        raise OmnitrackError(f"archive {target}: exists already; name a new file")
    person = history(connection, identity_id, limit=10_000_000)
    partial = target.with_name(target.name + ".partial")
    try:
        with ZipFile(partial, "w", ZIP_DEFLATED) as archive:
            _fill(archive, connection, person)
        os.replace(partial, target)
    except OSError as error:
        raise OmnitrackError(f"archive {target}: cannot be written ({error.strerror}); name another file") from error
    finally:
        partial.unlink(missing_ok=True)
    return person


def _fill(archive: ZipFile, connection: Connection, person: History) -> None:
    who = person.identity
    archive.writestr("README.txt", README)
    summary = {
        "id": who.id,
        "name": who.name,
        "state": who.state,
        "sightings": who.sightings,
        "cameras": who.cameras,
        "first_seen": who.first_seen.isoformat(),
        "last_seen": who.last_seen.isoformat(),
    }
    archive.writestr("person.json", json.dumps(summary, indent=2, ensure_ascii=False))
    visits = [(v.tracklet_id, v.camera, v.start.isoformat(), v.end.isoformat()) for v in person.visits.rows]
    archive.writestr("visits.csv", _csv(("tracklet", "camera", "start", "end"), visits))
    _write_boxes(archive, connection, person)
    _write_places(archive, connection, who.id)
    _write_links(archive, connection, who.id)
    _write_embeddings(archive, connection, who.id)
    for crop in crops_of_person(connection, who.id):
        moment = crop.at.strftime("%Y%m%dT%H%M%S.%fZ")
        archive.writestr(f"crops/{crop.tracklet_id}-{moment}.jpg", jpeg_of(connection, crop.tracklet_id, crop.at))


def _write_boxes(archive: ZipFile, connection: Connection, person: History) -> None:
    rows: list[tuple[object, ...]] = []
    for visit in person.visits.rows:
        for frame, at_us, box, score in zip(*sighting_boxes(connection, visit.tracklet_id), strict=True):
            rows.append((visit.tracklet_id, frame, utc(int(at_us)).isoformat(), *box.tolist(), score))
    archive.writestr("boxes.csv", _csv(("tracklet", "frame", "time", "x1", "y1", "x2", "y2", "score"), rows))


def _write_places(archive: ZipFile, connection: Connection, survivor_id: int) -> None:
    found = place_events(connection, PlaceFilter(identity_id=survivor_id), limit=10_000_000).rows
    rows = [
        (row.at.isoformat(), row.tracklet_id, row.camera, row.place, row.kind, row.direction, row.dwell_seconds)
        for row in found
    ]
    header = ("time", "tracklet", "camera", "place", "event", "direction", "dwell_seconds")
    archive.writestr("places.csv", _csv(header, rows))


def _write_links(archive: ZipFile, connection: Connection, survivor_id: int) -> None:
    query = (
        select(Event.at_us, Event.kind, Event.tracklet_id, Link.rule, Link.score, Link.cosine, Link.parts)
        .join(Identity, Identity.id == Event.identity_id)
        .outerjoin(Link, Link.event_id == Event.id)
        .where(Identity.survivor_id == survivor_id)
        .order_by(Event.id)
    )
    rows = [(utc(row.at_us).isoformat(), *row[1:-1], json.dumps(row.parts)) for row in connection.execute(query)]
    archive.writestr("links.csv", _csv(("time", "event", "tracklet", "rule", "score", "cosine", "parts"), rows))


def _write_embeddings(archive: ZipFile, connection: Connection, survivor_id: int) -> None:
    query = (
        select(Embedding.tracklet_id, Embedder.name, Embedding.weight, Embedding.vector, Embedding.earlier)
        .join(Embedder, Embedder.id == Embedding.embedder_id)
        .join(Tracklet, Tracklet.id == Embedding.tracklet_id)
        .join(Identity, Identity.id == Tracklet.identity_id)
        .where(Identity.survivor_id == survivor_id)
        .order_by(Tracklet.start_us, Tracklet.id)
    )
    rows = connection.execute(query).all()
    parts = [(row, "whole", row.vector) for row in rows] + [
        (row, "earlier", row.earlier) for row in rows if row.earlier
    ]
    header = ("tracklet", "network", "weight", "part")
    archive.writestr("embeddings.csv", _csv(header, [(*row[:3], part) for row, part, _ in parts]))
    vectors = [unpack_vector(vector) for _, _, vector in parts]
    with archive.open("embeddings.npy", "w") as file:
        np.save(file, np.stack(vectors) if vectors else np.zeros((0, 0), np.float32))


def _csv(header: tuple[str, ...], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
