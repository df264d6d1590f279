import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert

from tests.store.walk import EPOCH, Stay, record
from tracker.core.zones import Line
from tracker.crosscam.settings import MatcherConfig
from tracker.store.maintenance import empty_log
from tracker.store.models import PlaceEventRow
from tracker.store.reassociating import Reassociation, judge_afresh
from tracker.store.runs import CameraOrigin, change_cameras, micros
from tracker.store.session import Store, open_store
from tracker.store.sightings import HistoryPart
from tracker.store.tokens import Role, create_token
from tracker.web.app import create_app
from tracker.web.judging import Judging
from tracker.web.limits import RateLimit

STAYS = [
    Stay("west", 1, 1, 0, 100),
    Stay("east", 2, 1, 150, 250),
    Stay("west", 3, 2, 50, 120),
    Stay("east", 4, 3, 160, 200),
    Stay("west", 5, 4, 300, 400),
]
"""Identity 3 is seen in the east only."""

UNLIMITED = RateLimit(1e6, 1_000_000)
AFTER = (EPOCH - timedelta(hours=1)).isoformat()


class Api:
    """The API over a filled database, and a secret for every kind of caller."""

    def __init__(self, store: Store) -> None:
        self.store = store
        with store.write() as connection:
            self.secrets = {role.value: create_token(connection, role.value, role) for role in Role}
            self.secrets["west"] = create_token(connection, "west", Role.VIEWER, ("west",))

    def as_(self, caller: str | None) -> TestClient:
        """A client with that caller's token; None: without any."""
        app = create_app(self.store, always_ask=True, limit=UNLIMITED, judging=judging())
        client = TestClient(app, "http://127.0.0.1")
        if caller is not None:
            client.headers["Authorization"] = f"Bearer {self.secrets[caller]}"
        return client


def judging() -> Judging:
    """By looks alone, with a long memory."""
    config = MatcherConfig(memory_seconds=60.0)

    def judge(store: Store, part: HistoryPart) -> Reassociation:
        with store.read() as connection:
            return judge_afresh(connection, part, config)

    return Judging(judge, config.confirm_seconds)


def fill(store: Store) -> None:
    """People at both cameras, and somebody at a door of each."""
    run = record(store, STAYS)
    door = {"run_id": run.id, "kind": "entered", "at_us": micros(EPOCH), "identity_id": 1}
    with store.write() as connection:
        for name, camera in run.cameras.items():
            connection.execute(insert(PlaceEventRow).values(**door, camera_id=camera.id, place=f"{name} door"))
    doors = {name: (Line(f"{name} door", (0.1, 0.5), (0.9, 0.5)),) for name in run.cameras}
    change_cameras(store, run, {name: CameraOrigin("", EPOCH, places=door) for name, door in doors.items()}, 0.0)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled database, made once."""
    path = tmp_path_factory.mktemp("store") / "omnitrack.db"
    with open_store(path) as opened:
        fill(opened)
        empty_log(opened)
    return path


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Iterator[Store]:
    with open_store(shutil.copy(template, tmp_path / "omnitrack.db")) as opened:
        yield opened


@pytest.fixture
def api(store: Store) -> Api:
    return Api(store)
