"""Every route, for everybody who may and may not use it."""

from typing import Any

import pytest
from httpx2 import Response

from tests.web.conftest import AFTER, Api
from tracker.store.queries import history
from tracker.web.app import API

QUESTIONS: dict[str, tuple[str, dict[str, str]]] = {
    "/identities": ("/identities", {}),
    "/identities/{identity}": ("/identities/1", {}),
    "/identities/{identity}/together": ("/identities/1/together", {}),
    "/identities/{identity}/crops": ("/identities/1/crops", {}),
    "/cameras": ("/cameras", {}),
    "/cameras/{camera}/present": ("/cameras/west/present", {"since": AFTER}),
    "/transitions": ("/transitions", {}),
    "/occupancy": ("/occupancy", {"bucket": "1h"}),
    "/last-seen": ("/last-seen", {}),
    "/runs": ("/runs", {}),
    "/places": ("/places", {}),
    "/places/events": ("/places/events", {}),
    "/explanations/{number}": ("/explanations/1", {}),
}
CORRECTIONS: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "/identities/{identity}/merge": ("POST", "/identities/1/merge", {"other": 2}),
    "/identities/{identity}/split": ("POST", "/identities/1/split", {"tracklet": 1_000_000_003}),
    "/identities/{identity}/name": ("PUT", "/identities/1/name", {"name": "Anna"}),
    "/reassociate": ("POST", "/reassociate", {}),
    "/undo": ("POST", "/undo", None),
}
ERASURE = ("DELETE", "/identities/1", None)


def ask(api: Api, caller: str | None, route: str) -> Response:
    path, query = QUESTIONS[route]
    return api.as_(caller).get(API + path, params=query)


def correct(api: Api, caller: str | None, method: str, path: str, body: dict[str, Any] | None) -> Response:
    return api.as_(caller).request(method, API + path, json=body, params={"dry_run": True})


def test_no_route_is_forgotten_here(api: Api) -> None:
    paths = api.as_(None).get(f"{API}/openapi.json").json()["paths"]
    tried = {API + path for path in [*QUESTIONS, *CORRECTIONS]}
    elsewhere = {f"{API}{path}" for path in ("/events", "/search", "/crops/{tracklet}/{at}", "/tables/{table}")}
    assert set(paths) == tried | elsewhere
    methods = {(path, method) for path, item in paths.items() for method in item}
    assert {path for path, method in methods if method == "delete"} == {f"{API}/identities/{{identity}}"}


@pytest.mark.parametrize("route", QUESTIONS)
def test_without_a_token_there_is_no_answer(api: Api, route: str) -> None:
    assert ask(api, None, route).status_code == 401
    api.secrets["guess"] = "omni_guess"
    refused = ask(api, "guess", route)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "omni_guess" not in refused.text


@pytest.mark.parametrize("route", QUESTIONS)
def test_everybody_with_a_token_may_ask(api: Api, route: str) -> None:
    answers = {caller: ask(api, caller, route) for caller in ("viewer", "operator", "admin")}
    assert {answer.status_code for answer in answers.values()} == {200}
    assert len({answer.text for answer in answers.values()}) == 1


@pytest.mark.parametrize("route", QUESTIONS)
def test_who_sees_one_camera_learns_nothing_of_others(api: Api, route: str) -> None:
    everything, some = ask(api, "viewer", route), ask(api, "west", route)
    assert some.status_code == 200
    assert "east" not in some.text
    empty = route in ("/transitions", "/identities/{identity}/crops")
    assert some.text == "[]" if empty else "west" in some.text or '"identity_id":2' in some.text
    if "east" not in everything.text:
        assert some.text == everything.text  # the question was about the west alone


def test_people_and_cameras_that_one_may_not_see_do_not_exist(api: Api) -> None:
    west = api.as_("west")
    for path in ("/identities/3", "/identities/3/together", "/cameras/east/present", "/occupancy?camera=east"):
        hidden = west.get(API + path)
        never = west.get(API + path.replace("3", "77").replace("east", "north"))
        assert (hidden.status_code, never.status_code) == (404, 404)
        assert hidden.text.replace("3", "77").replace("east", "north") == never.text
        assert api.as_("viewer").get(API + path).status_code == 200


@pytest.mark.parametrize("route", CORRECTIONS)
def test_operators_and_admins_correct(api: Api, route: str) -> None:
    if route == "/undo":
        assert api.as_("operator").put(f"{API}/identities/1/name", json={"name": "Bob"}).status_code == 200
    statuses = {
        caller: correct(api, caller, *CORRECTIONS[route]).status_code
        for caller in (None, "viewer", "west", "operator", "admin")
    }
    assert statuses == {None: 401, "viewer": 403, "west": 403, "operator": 200, "admin": 200}


def test_only_admins_erase(api: Api) -> None:
    statuses = {c: correct(api, c, *ERASURE).status_code for c in (None, "viewer", "west", "operator", "admin")}
    assert statuses == {None: 401, "viewer": 403, "west": 403, "operator": 403, "admin": 200}
    erased = api.as_("admin").delete(f"{API}/identities/1").json()
    assert (erased["people"], erased["tracklets"]) == (1, 2)
    assert api.as_("admin").get(f"{API}/identities/1").status_code == 404


def test_a_dry_run_changes_nothing(api: Api) -> None:
    for method, path, body in (CORRECTIONS["/identities/{identity}/name"], ERASURE):
        assert correct(api, "admin", method, path, body).status_code == 200
    with api.store.read() as connection:
        assert history(connection, 1).identity.name is None
