"""Explanations, re-association and tables over HTTP."""

from io import BytesIO

import polars as pl
import pytest
from fastapi.testclient import TestClient

from tests.web.conftest import UNLIMITED, Api, judging
from tracker.store import tables as stored
from tracker.store.explanation import explain
from tracker.web import judging as judging_room
from tracker.web import tables
from tracker.web.app import API, create_app

BODY: dict[str, object] = {}


def people(api: Api) -> list[int]:
    return [row["id"] for row in api.as_("viewer").get(f"{API}/identities").json()["rows"]]


def test_an_explanation_is_that_of_the_store(api: Api) -> None:
    found = api.as_("viewer").get(f"{API}/explanations/1").json()
    with api.store.read() as connection:
        links = explain(connection, 1).links
    assert [link["event_id"] for link in found["links"]] == [link.event_id for link in links]
    assert found["links"][0]["parts"] == {"transit": 0.5}
    sighting = api.as_("viewer").get(f"{API}/explanations/{links[0].tracklet_id}").json()
    assert (sighting["identity_id"], sighting["tracklet_id"]) == (1, links[0].tracklet_id)
    assert api.as_("viewer").get(f"{API}/explanations/77").status_code == 404


def test_who_sees_one_camera_gets_no_evidence_from_others(api: Api) -> None:
    found = api.as_("west").get(f"{API}/explanations/1").json()
    assert [link["camera"] for link in found["links"]] == ["west"]
    assert api.as_("west").get(f"{API}/explanations/3").status_code == 404


def test_judged_afresh_then_applied_then_taken_back(api: Api) -> None:
    client = api.as_("operator")
    with api.store.write() as connection:
        connection.exec_driver_sql("UPDATE tracklets SET identity_id = 3 WHERE id = 1000000003")  # it is 1
    before = people(api)
    seen = client.post(f"{API}/reassociate", json=BODY, params={"dry_run": True}).json()
    assert (seen["applied"], seen["sightings"]) == (False, 5)
    assert seen["changes"]
    assert people(api) == before
    done = client.post(f"{API}/reassociate", json=BODY).json()
    assert done["changes"] == seen["changes"]
    assert client.post(f"{API}/reassociate", json=BODY).json()["changes"] == []
    assert client.post(f"{API}/undo").json()["action"] == "reassociate"


@pytest.mark.parametrize("body", [{"run": 0}, {"run": 1.5}, {"since": "soon"}, {"until": -5}, {"other": 1}, [], None])
def test_parts_that_are_not_understood_are_refused(api: Api, body: object) -> None:
    assert api.as_("operator").post(f"{API}/reassociate", json=body).status_code == 422


def test_a_part_is_limited(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client = api.as_("operator")
    assert client.post(f"{API}/reassociate", json={"run": 77}).status_code == 404
    one = client.post(f"{API}/reassociate", json={"run": 1, "until": "2026-11-01T12:00:01Z"}, params={"dry_run": True})
    assert one.json()["sightings"] == 1
    monkeypatch.setattr(judging_room, "MOST_SIGHTINGS", 4)
    refused = client.post(f"{API}/reassociate", json=BODY)
    assert (refused.status_code, "more than 4 sightings" in refused.json()["detail"]) == (409, True)


def test_one_judgement_at_a_time(api: Api) -> None:
    busy = judging()
    app = create_app(api.store, always_ask=True, limit=UNLIMITED, judging=busy)
    client = TestClient(app, "http://127.0.0.1", headers={"Authorization": f"Bearer {api.secrets['operator']}"})
    with busy.lock:
        refused = client.post(f"{API}/reassociate", json=BODY)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    assert client.post(f"{API}/reassociate", json=BODY).status_code == 200


def test_a_server_without_a_matcher_says_so(api: Api) -> None:
    app = create_app(api.store, always_ask=True, limit=UNLIMITED)
    client = TestClient(app, "http://127.0.0.1", headers={"Authorization": f"Bearer {api.secrets['operator']}"})
    assert client.post(f"{API}/reassociate", json=BODY).status_code == 501


TABLES = ("sightings", "boxes", "events", "places")


@pytest.mark.parametrize("table", TABLES)
def test_tables_are_those_of_the_store(api: Api, table: str) -> None:
    answer = api.as_("viewer").get(f"{API}/tables/{table}")
    assert answer.headers["Content-Type"] == tables.PARQUET
    with api.store.read() as connection:
        expected = pl.concat(stored.frames(connection, stored.Table(table), stored.TableFilter()))
    assert pl.read_parquet(BytesIO(answer.content)).equals(expected)
    assert api.as_(None).get(f"{API}/tables/{table}").status_code == 401


@pytest.mark.parametrize("table", TABLES)
def test_tables_of_who_sees_one_camera(api: Api, table: str) -> None:
    found = pl.read_parquet(BytesIO(api.as_("west").get(f"{API}/tables/{table}").content))
    everything = pl.read_parquet(BytesIO(api.as_("viewer").get(f"{API}/tables/{table}").content))
    assert 0 < found.height < everything.height
    if "camera" in found.columns:
        assert set(found["camera"]) == {"west"}
    else:
        with api.store.read() as connection:
            east = connection.exec_driver_sql("SELECT id FROM tracklets WHERE camera_id = 2").scalars().all()
        assert set(found["tracklet_id"]).isdisjoint(east)


def test_tables_are_limited(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client = api.as_("viewer")
    assert client.get(f"{API}/tables/embeddings").status_code == 422
    assert client.get(f"{API}/tables/sightings?camera=north").status_code == 404
    monkeypatch.setattr(tables, "MOST_ROWS", 4)
    refused = client.get(f"{API}/tables/sightings")
    assert (refused.status_code, "more than 4 rows" in refused.json()["detail"]) == (400, True)
    one = client.get(f"{API}/tables/sightings?camera=east")
    assert pl.read_parquet(BytesIO(one.content)).height == 2
