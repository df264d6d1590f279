"""What the answers say, and how bad questions are refused."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from tests.store.walk import EPOCH
from tests.web.conftest import Api
from tracker.store.maintenance import empty_log
from tracker.store.models import Audit
from tracker.web.app import API

HUGE = 10**30


def test_an_answer_is_that_of_the_store(api: Api) -> None:
    person = api.as_("viewer").get(f"{API}/identities/1").json()
    assert person["identity"]["cameras"] == ["east", "west"]
    first, second = person["visits"]["rows"]
    assert (first["camera"], first["next_camera"], first["seconds_to_next"]) == ("west", "east", 5.0)
    assert datetime.fromisoformat(second["start"]) == EPOCH + timedelta(seconds=15)
    assert second["start"].endswith("Z")


def test_answers_come_in_pages(api: Api) -> None:
    client = api.as_("viewer")
    first = client.get(f"{API}/identities", params={"limit": 3}).json()
    assert ([row["id"] for row in first["rows"]], first["has_more"]) == ([1, 2, 3], True)
    second = client.get(f"{API}/identities", params={"limit": 3, "after": 3}).json()
    assert ([row["id"] for row in second["rows"]], second["has_more"]) == ([4], False)
    third = client.get(f"{API}/cameras/west/present", params={"limit": 1, "page": 3}).json()
    assert ([row["identity_id"] for row in third["rows"]], third["has_more"]) == ([4], False)


def test_times_are_those_of_the_command_line(api: Api) -> None:
    client = api.as_("viewer")
    window = {"since": "2026-11-01T13:00:29+01:00", "until": "2026-11-01T12:00:31Z"}
    rows = client.get(f"{API}/cameras/west/present", params=window).json()["rows"]
    assert [row["identity_id"] for row in rows] == [4]
    assert client.get(f"{API}/identities", params={"since": "yesterday 14:00"}).status_code == 200


def test_corrections_are_made_in_the_name_of_the_token(api: Api) -> None:
    client = api.as_("operator")
    assert client.post(f"{API}/identities/1/merge", json={"other": 2}).json()["details"]["other"] == 2
    assert client.get(f"{API}/identities/2").json()["identity"]["id"] == 1
    again = client.post(f"{API}/identities/1/merge", json={"other": 2})
    assert (again.status_code, "one person already" in again.json()["detail"]) == (409, True)
    assert client.post(f"{API}/undo").json()["action"] == "merge"
    assert client.get(f"{API}/identities/2").json()["identity"]["id"] == 2
    assert api.as_("admin").delete(f"{API}/identities/4").status_code == 200
    with api.store.read() as connection:
        rows = connection.execute(select(Audit.action, Audit.actor).where(Audit.action.in_(("merge", "forget"))))
        assert [tuple(row) for row in rows] == [("merge", "token operator"), ("forget", "token admin")]


@pytest.mark.parametrize(
    "question",
    [
        "/identities?since=-5",
        "/identities?since=1969-12-31T00:00:00Z",
        "/identities?until=soon",
        f"/identities?limit={HUGE}",
        "/identities?limit=0",
        "/identities?limit=-1",
        "/identities?after=-1",
        f"/identities?after={HUGE}",
        f"/identities?min_sightings={HUGE}",
        "/identities?name=%00",
        "/identities?place=%00",
        f"/identities?name={'x' * 201}",
        f"/identities/{HUGE}",
        "/identities/0",
        "/identities/-1",
        "/identities/1' OR 1=1 --",
        f"/identities/1?page={HUGE}",
        "/identities/1/together?min_seconds=-1",
        "/identities/1/together?min_seconds=nan",
        "/identities/1/together?min_seconds=inf",
        f"/cameras/{'w' * 65}/present",
        "/occupancy?bucket=0m",
        "/occupancy?bucket=-1h",
        "/occupancy?bucket=1e9s",
        f"/runs?before={HUGE}",
    ],
)
def test_nonsense_is_refused(api: Api, question: str) -> None:
    refused = api.as_("viewer").get(API + question)
    assert refused.status_code == 422
    assert refused.json()["detail"]


@pytest.mark.parametrize(
    ("question", "status", "words"),
    [
        ("/identities/77", 404, "identity 77 does not exist"),
        ("/identities?camera=' OR ''='", 404, "camera ' OR ''=': is not in the database"),
        ("/cameras/west'; DROP TABLE tracklets; --/present", 404, "is not in the database; it knows east, west"),
        ("/occupancy?bucket=1s&since=2000-01-01&until=2026-01-01", 400, "buckets are too many"),
        ("/identities/1/nothing", 404, "Not Found"),
        ("/../../etc/passwd", 404, "Not Found"),
    ],
)
def test_what_is_not_there_is_said(api: Api, question: str, status: int, words: str) -> None:
    refused = api.as_("viewer").get(API + question)
    assert refused.status_code == status
    assert words in refused.json()["detail"]


@pytest.mark.parametrize("name", ["' OR 1=1 --", '"; DROP TABLE identities', "%", "_", "Ána 安"])
def test_names_are_only_text(api: Api, name: str) -> None:
    client = api.as_("operator")
    assert client.get(f"{API}/identities", params={"name": name}).json() == {"rows": [], "has_more": False}
    assert client.put(f"{API}/identities/2/name", json={"name": name}).status_code == 200
    (row,) = client.get(f"{API}/identities", params={"name": name}).json()["rows"]
    assert (row["id"], row["name"]) == (2, name)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"name": null}',
        b'{"name": "a\\u0000b"}',
        b'{"name": "\\ud800"}',
        b'{"name": "a", "\\ud800": 1}',
        b'{"name": NaN}',
        b'{"name": "a", "role": "admin"}',
        b'{"name": ' + b"[" * 20_000,
        b"\xff\xfe",
    ],
)
def test_bodies_that_are_not_understood_are_refused(api: Api, body: bytes) -> None:
    sent = api.as_("operator").put(
        f"{API}/identities/1/name", content=body, headers={"Content-Type": "application/json"}
    )
    assert sent.status_code in (400, 422)


def test_a_body_is_limited(api: Api) -> None:
    sent = api.as_("operator").put(f"{API}/identities/1/name", content=b'{"name": "' + b"x" * 100_000)
    assert sent.status_code == 413


def test_an_empty_window_is_empty(api: Api) -> None:
    client = api.as_("viewer")
    window = {"since": "2026-12-01", "until": "2026-11-01"}
    for path in ("/identities", "/cameras/west/present"):
        assert client.get(API + path, params=window).json() == {"rows": [], "has_more": False}
    assert client.get(f"{API}/occupancy", params=window).json() == []
    assert client.get(f"{API}/transitions", params=window).json() == []


def test_the_ends_of_time(api: Api) -> None:
    client = api.as_("viewer")
    for moment in ("9999-12-31T23:59:59", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:00+14:00", "1970-01-02"):
        for path in ("/identities", "/cameras/west/present", "/transitions", "/occupancy"):
            for end in ("since", "until"):
                window = {end: moment, "bucket": "999999d"}
                assert client.get(API + path, params=window).status_code in (200, 422)


def test_a_damaged_database_is_no_fault_of_the_caller(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    client = api.as_("admin")
    path = api.store.path
    empty_log(api.store)
    api.store.close()
    content = path.read_bytes()
    path.write_bytes(b"no database" + content[11:])
    refused = client.get(f"{API}/identities")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert refused.json() == {"detail": "the database cannot be used at the moment"}
    assert "is not a database" in caplog.text
