"""Search by photo over HTTP, and everything that somebody might send instead of a photo."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tests.store.test_crops import film
from tests.store.walk import EPOCH, Stay, embedding
from tests.test_likeness import FakeDetector, FakeEmbedder
from tests.uploads import CANARY_HOST, hostile, photo
from tests.web.conftest import UNLIMITED, Api
from tracker.likeness import Describer
from tracker.store.crops import crops_of_person, jpeg_of
from tracker.store.privacy import forget
from tracker.store.session import Store
from tracker.web.app import API, create_app

HOSTILE = hostile()
JPEG = {"Content-Type": "image/jpeg"}


class Recalls(FakeEmbedder):
    """Takes everybody for identity 2 of the walk."""

    def _described(self, image: Any, boxes_xyxy: Any) -> Any:
        return np.stack([embedding(Stay("", 0, 2, 0, 0)) for _ in boxes_xyxy])


@pytest.fixture
def client(api: Api) -> Iterator[TestClient]:
    def build() -> Describer:
        return Describer(FakeDetector((5, 5, 60, 150, 0.9)), Recalls())

    app = create_app(api.store, always_ask=True, limit=UNLIMITED, build_describer=build)
    with TestClient(app, "http://127.0.0.1") as opened:
        opened.headers["Authorization"] = f"Bearer {api.secrets['viewer']}"
        yield opened


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_people_are_found_by_a_photo(client: TestClient, kind: str) -> None:
    answer = client.post(f"{API}/search", content=photo(kind)).json()
    assert (answer["box_xyxy"], answer["found_person"]) == ([5, 5, 60, 150], True)
    assert answer["matches"][0]["identity_id"] == 2
    assert answer["matches"][0]["score"] == pytest.approx(1, abs=1e-3)
    assert len(answer["matches"]) == 4


def test_where_and_when_can_be_limited(client: TestClient) -> None:
    def found(**query: str | int) -> list[int]:
        matches = client.post(f"{API}/search", content=photo(), params=query).json()["matches"]
        return sorted(match["identity_id"] for match in matches)

    assert found(camera="east") == [1, 3]
    assert found(since=(EPOCH + timedelta(seconds=26)).isoformat()) == [4]
    assert found(top=1) == [2]
    assert client.post(f"{API}/search", content=photo(), params={"top": 0}).status_code == 422
    assert client.post(f"{API}/search", content=photo(), params={"camera": "north"}).status_code == 404


def test_who_sees_one_camera_finds_its_people_only(api: Api, client: TestClient) -> None:
    client.headers["Authorization"] = f"Bearer {api.secrets['west']}"
    answer = client.post(f"{API}/search", content=photo())
    assert sorted(match["identity_id"] for match in answer.json()["matches"]) == [1, 2, 4]
    assert "east" not in answer.text


def test_who_is_forgotten_is_not_found(api: Api, client: TestClient) -> None:
    assert client.post(f"{API}/search", content=photo(), params={"top": 1}).json()["matches"][0]["identity_id"] == 2
    forget(api.store, 2)
    assert client.post(f"{API}/search", content=photo(), params={"top": 1}).json()["matches"][0]["identity_id"] != 2


@pytest.mark.parametrize("name", HOSTILE)
def test_uploads_that_are_no_photo_are_refused(client: TestClient, name: str) -> None:
    touched: list[str] = []

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system"):
            touched.append(f"{event} {arguments}")
        if watching and event == "open" and str(arguments[0]).startswith(("/etc", "/proc")):
            touched.append(f"{event} {arguments}")

    watching = True
    sys.addaudithook(watch)
    try:
        for headers in (JPEG, {"Content-Type": "image/svg+xml"}, {"Content-Type": "video/mp4"}):
            name_of_file = {"Content-Disposition": f'attachment; filename="../../{CANARY_HOST}.mp4"'}
            refused = client.post(f"{API}/search", content=HOSTILE[name], headers=headers | name_of_file)
            assert refused.status_code == (413 if name == "too many bytes" else 415), refused.text
            assert CANARY_HOST not in refused.text
    finally:
        watching = False  # hooks cannot be removed
    assert touched == []


def test_a_body_that_does_not_state_its_length_is_limited(client: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        yield photo()
        for _ in range(11):
            yield bytes(1_000_000)

    assert client.post(f"{API}/search", content=pieces(), headers=JPEG).status_code == 413


def test_a_photo_of_nobody_is_refused(api: Api) -> None:
    app = create_app(api.store, always_ask=False, build_describer=lambda: Describer(FakeDetector(), FakeEmbedder()))
    with TestClient(app, "http://127.0.0.1", headers={"Authorization": f"Bearer {api.secrets['admin']}"}) as client:
        refused = client.post(f"{API}/search", content=photo(size=(160, 64)))
    assert (refused.status_code, "nobody is on the photo" in refused.json()["detail"]) == (400, True)


def test_a_database_of_another_network_is_named(api: Api) -> None:
    class Other(FakeEmbedder):
        name = "resnet"

    app = create_app(api.store, always_ask=True, build_describer=lambda: Describer(FakeDetector(), Other()))
    with TestClient(app, "http://127.0.0.1", headers={"Authorization": f"Bearer {api.secrets['admin']}"}) as client:
        refused = client.post(f"{API}/search", content=photo())
    assert (refused.status_code, "cannot be compared" in refused.json()["detail"]) == (409, True)


def test_a_server_without_networks_says_so(api: Api) -> None:
    assert api.as_("viewer").post(f"{API}/search", content=photo()).status_code == 501
    assert api.as_(None).post(f"{API}/search", content=photo()).status_code == 401


def test_pictures_of_people(store: Store) -> None:
    film(store, [Stay("west", 7, 7, 0, 60), Stay("east", 8, 8, 0, 60)], 2)
    api = Api(store)
    with store.read() as connection:
        (crop, *_), (hidden, *_) = (crops_of_person(connection, person) for person in (7, 8))
        jpeg = jpeg_of(connection, crop.tracklet_id, crop.at)
    west = api.as_("west")
    listed = west.get(f"{API}/identities/7/crops").json()
    assert listed[0]["tracklet_id"] == crop.tracklet_id
    shown = west.get(f"{API}/crops/{listed[0]['tracklet_id']}/{listed[0]['at']}")
    assert (shown.headers["Content-Type"], shown.content) == ("image/jpeg", jpeg)
    assert Image.open(BytesIO(shown.content)).format == "JPEG"
    assert west.get(f"{API}/crops/{hidden.tracklet_id}/{hidden.at.isoformat()}").status_code == 404
    assert api.as_("viewer").get(f"{API}/crops/{hidden.tracklet_id}/{hidden.at.isoformat()}").status_code == 200
    assert west.get(f"{API}/identities/8/crops").status_code == 404
    for at in ("soon", "2026-11-01T12:00:00", "9" * 400):
        assert west.get(f"{API}/crops/1/{at}").status_code == 422
