"""The Python client against the real server: what it returns is what the store says."""

import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sqlalchemy import Connection

from tests.store.test_crops import film
from tests.store.walk import EPOCH, Stay
from tests.uploads import photo
from tests.web.conftest import Api
from tests.web.server import Server, serving
from tracker.cli.search import settings
from tracker.errors import NotFoundError, OmnitrackError
from tracker.networks import build_embedder
from tracker.store import catalogue, explanation, place_queries, presence, queries, tables
from tracker.store.crops import crops_of_person, jpeg_of
from tracker.store.packing import pack_vector
from tracker.web.app import API
from tracker.web.client import ApiError, Client

SINCE = EPOCH - timedelta(hours=1)
QUESTIONS: dict[str, tuple[Callable[[Client], object], Callable[[Connection], object]]] = {
    "identities": (
        lambda c: c.identities(camera="west", since=SINCE, limit=2, after=1),
        lambda c: queries.identities(c, queries.IdentityFilter("west", SINCE), limit=2, after=1),
    ),
    "history": (lambda c: c.history(1), lambda c: queries.history(c, 1)),
    "together": (lambda c: c.together(1, min_seconds=1), lambda c: presence.together(c, 1, min_seconds=1)),
    "explain": (lambda c: c.explain(1), lambda c: explanation.explain(c, 1)),
    "cameras": (lambda c: c.cameras(), catalogue.cameras),
    "present": (lambda c: c.present("west", page=2, limit=1), lambda c: presence.present(c, "west", limit=1, offset=1)),
    "transitions": (lambda c: c.transitions(until=str(EPOCH)), lambda c: presence.transitions(c, None, EPOCH)),
    "occupancy": (
        lambda c: c.occupancy(since=SINCE, until=EPOCH, bucket="1h"),
        lambda c: presence.occupancy(c, SINCE, EPOCH, timedelta(hours=1)),
    ),
    "last_seen": (lambda c: c.last_seen(limit=3), lambda c: presence.last_seen(c, limit=3)),
    "places": (lambda c: c.places(), place_queries.places),
    "place_events": (
        lambda c: c.place_events(camera="east", kind="entered"),
        lambda c: place_queries.place_events(c, place_queries.PlaceFilter("east", kind="entered")),
    ),
    "runs": (lambda c: c.runs(limit=5), lambda c: catalogue.runs(c, limit=5)),
}
OTHERS = {"table", "search", "crops", "crop", "merge", "split", "rename", "undo", "reassociate", "forget", "events"}


@pytest.fixture
def served(api: Api) -> Iterator[Server]:
    with serving(api.store.path) as server:
        yield server


@pytest.fixture
def admin(api: Api, served: Server) -> Client:
    return Client(served.url, api.secrets["admin"])


def test_every_route_has_its_method(api: Api) -> None:
    paths = api.as_(None).get(f"{API}/openapi.json").json()["paths"]
    methods = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}
    assert methods == {*QUESTIONS, *OTHERS}
    assert sum(len(item) for item in paths.values()) == len(methods)


def test_answers_are_those_of_the_store(api: Api, admin: Client) -> None:
    with api.store.read() as connection:
        for name, (asked, known) in QUESTIONS.items():
            assert asked(admin) == known(connection), name
        for table in ("sightings", "boxes", "events", "places"):
            expected = pl.concat(tables.frames(connection, tables.Table(table), tables.TableFilter("west", SINCE)))
            assert admin.table(table, camera="west", since=SINCE).equals(expected)


def test_corrections(admin: Client) -> None:
    assert admin.rename(1, "Ána", dry_run=True).details["after"] == "Ána"
    assert admin.history(1).identity.name is None
    admin.rename(1, "Ána")
    assert [person.id for person in admin.identities(name="Ána").rows] == [1]
    assert admin.merge(1, 2).details["other"] == 2
    assert admin.history(2).identity.id == 1
    assert admin.undo().action == "merge"
    assert admin.split(1, admin.history(1).visits.rows[1].tracklet_id, only=True).action == "split"
    assert admin.undo(dry_run=True).action == "split"
    judged = admin.reassociate(run=1, since=SINCE, dry_run=True)
    assert (judged.sightings, judged.applied) == (5, False)
    erased = admin.forget(4)
    assert (erased.people, erased.tracklets) == (1, 1)
    with pytest.raises(NotFoundError, match="identity 4 does not exist"):
        admin.history(4)


def test_pictures(api: Api) -> None:
    film(api.store, [Stay("west", 7, 7, 0, 60)], 2)
    with serving(api.store.path) as server, api.store.read() as connection:
        client = Client(server.url, api.secrets["viewer"])
        keys = client.crops(7)
        assert keys == crops_of_person(connection, 7)
        assert [client.crop(key) for key in keys] == [jpeg_of(connection, key.tracklet_id, key.at) for key in keys]


def test_search_by_photo(api: Api, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("models: {folders: [], download: false}\n")
    embedder = build_embedder(settings(config), print)
    with api.store.write() as connection:
        change = "UPDATE embedders SET name = ?, dimension = ?"
        connection.exec_driver_sql(change, (embedder.name, embedder.dimension))
        look = pack_vector(np.ones(embedder.dimension, np.float32))
        connection.exec_driver_sql("UPDATE embeddings SET vector = ?", (look,))
    with serving(api.store.path, "--config", str(config)) as server:
        found = Client(server.url, api.secrets["viewer"], timeout_seconds=120).search(photo(), camera="east", top=1)
    assert [match.camera for match in found.matches] == ["east"]


def test_events_resume(api: Api, served: Server) -> None:
    client = Client(served.url, api.secrets["viewer"])
    first = client.events(last_event_id=0)
    told = [next(first) for _ in range(5)]
    with api.store.read() as connection:
        assert tuple(told) == catalogue.changes(connection, 0)
    first.close()
    resumed = client.events(last_event_id=told[-2].id)
    assert next(resumed) == told[-1]
    client_of_operator = Client(served.url, api.secrets["operator"])
    client_of_operator.rename(1, "Anna")
    client_of_operator.merge(1, 2)
    assert next(resumed).kind == "merged"
    served.stop()
    with suppress(OmnitrackError):
        assert list(resumed) == []


def test_refusals_are_exceptions(api: Api, served: Server) -> None:
    viewer = Client(served.url, api.secrets["viewer"])
    with pytest.raises(ApiError, match="this is for the role operator") as forbidden:
        viewer.undo()
    assert (forbidden.value.status, forbidden.value.retry_after_seconds) == (403, None)
    with pytest.raises(ApiError, match=r"limit: .*less than or equal to 1000"):
        viewer.identities(limit=10**6)
    with pytest.raises(NotFoundError, match="camera a b: is not in the database"):
        viewer.present("a b")
    with pytest.raises(ApiError, match="needs a token") as unknown:
        Client(served.url).cameras()
    assert unknown.value.status == 401
    with pytest.raises(ValueError, match="without time zone"):
        viewer.identities(since=EPOCH.replace(tzinfo=None))


def test_whoever_asks_too_often_hears_when_to_come_back(api: Api) -> None:
    with serving(api.store.path, "--rate", "0.2") as server:
        client = Client(server.url, api.secrets["viewer"])
        client.cameras()
        with pytest.raises(ApiError) as refused:
            client.cameras()
    assert refused.value.status == 429
    assert 1 <= (refused.value.retry_after_seconds or 0) <= 5


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(OmnitrackError, match=r"http://127.0.0.1:1/api/v1: does not answer .*main.py serve"):
        Client("http://127.0.0.1:1").cameras()
    with pytest.raises(OmnitrackError, match="write http://"):
        Client("file:///etc/passwd")


def test_the_token_is_not_taken_elsewhere() -> None:
    asked: list[str] = []

    class Redirecting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Redirecting) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(ApiError) as refused:
            Client(f"http://127.0.0.1:{server.server_port}", "omni_secret").cameras()
        thread.join()
    assert (refused.value.status, asked) == (302, ["/api/v1/cameras"])
