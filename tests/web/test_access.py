"""Getting in, by whatever way."""

import pytest
from fastapi.testclient import TestClient

from tests.web.conftest import UNLIMITED, Api
from tracker.store.session import Store
from tracker.store.tokens import Role, create_token, revoke_token
from tracker.web.app import API, create_app
from tracker.web.limits import RateLimit

PATH = f"{API}/identities"


def client(store: Store, *, always_ask: bool = False, name: str = "http://localhost:8000") -> TestClient:
    return TestClient(create_app(store, always_ask=always_ask, limit=UNLIMITED), name)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_this_machine_needs_no_token_until_there_is_one(store: Store) -> None:
    local = client(store)
    assert local.get(PATH).status_code == 200
    assert local.put(f"{PATH}/1/name", json={"name": "Anna"}).status_code == 200
    with store.write() as connection:
        secret = create_token(connection, "anna", Role.VIEWER)
    assert local.get(PATH).status_code == 401
    assert local.get(PATH, headers=bearer(secret)).status_code == 200


def test_others_need_a_token_even_when_there_is_none(store: Store) -> None:
    public = client(store, always_ask=True)
    with store.write() as connection:
        secret = create_token(connection, "anna", Role.VIEWER)
    assert public.get(PATH, headers=bearer(secret)).status_code == 200
    with store.write() as connection:
        revoke_token(connection, "anna")
    assert public.get(PATH, headers=bearer(secret)).status_code == 401
    assert public.get(PATH).status_code == 401


def test_a_token_counts_only_in_its_header(api: Api) -> None:
    secret = api.secrets["admin"]
    visitor = api.as_(None)
    assert visitor.get(PATH, params={"token": secret, "access_token": secret}).status_code == 401
    assert visitor.get(PATH, headers={"Cookie": f"token={secret}"}).status_code == 401
    assert visitor.get(PATH, headers={"Authorization": f"Basic {secret}"}).status_code == 401
    assert visitor.get(PATH, headers={"Authorization": secret}).status_code == 401


@pytest.mark.parametrize("name", ["http://evil.example", "http://127.0.0.1.evil.example", "http://[::2]:80"])
def test_a_name_that_was_made_to_point_here_is_refused(store: Store, name: str) -> None:
    assert client(store, name=name).get(PATH).status_code == 403
    assert client(store, name=name).post(f"{API}/undo").status_code == 403


@pytest.mark.parametrize("name", ["http://localhost", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_the_machines_own_names_are_served(store: Store, name: str) -> None:
    assert client(store, name=name).get(PATH).status_code == 200
    assert client(store, name=name).get(PATH, headers={"Origin": name}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:9000", ""])
def test_pages_of_other_origins_may_not_use_a_browser(store: Store, origin: str) -> None:
    refused = client(store).post(f"{API}/undo", headers={"Origin": origin})
    assert (refused.status_code, "other origins" in refused.json()["detail"]) == (403, True)


def test_answers_are_not_kept(api: Api) -> None:
    for answer in (api.as_("viewer").get(PATH), api.as_(None).get(PATH), api.as_("viewer").get("/nothing")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_too_many_requests_have_to_wait(api: Api) -> None:
    app = create_app(api.store, always_ask=True, limit=RateLimit(0.001, 3))
    visitor = TestClient(app, "http://127.0.0.1")
    assert [visitor.get(PATH).status_code for _ in range(4)] == [401, 401, 401, 429]
    answers = [visitor.get(PATH, headers=bearer(api.secrets["viewer"])) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) > 900
    assert visitor.get(PATH, headers=bearer(api.secrets["admin"])).status_code == 200
