"""Cameras that come, go and change while steps are taken: through the real batcher, pipeline, event sink and database.

Fakes, named so: the cameras, the networks, and who is told of rules for keeping.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest

from tests.test_pipeline import FakeDetector, FakeEmbedder
from tests.video.test_live_batching import ScriptedFeed
from tracker.config import CameraConfig, Config
from tracker.core.single_camera import SingleCameraTracker
from tracker.crosscam.matcher import CrossCameraMatcher
from tracker.errors import OmnitrackError
from tracker.events.sink import EventSink
from tracker.pipeline import Pipeline
from tracker.ports import Step
from tracker.roster import Roster, areas_of, origin_of, zone_watch
from tracker.store.place_queries import places
from tracker.store.runs import begin_run
from tracker.store.session import Store, open_store
from tracker.video.frame import Frame
from tracker.video.live_batching import LiveBatcher
from tracker.video.motion_gate import MotionGate

EPOCH = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
EVERYWHERE = [[0, 0], [1, 0], [1, 1], [0, 1]]
FAR_RIGHT = [[0.9, 0], [1, 0], [1, 1], [0.9, 1]]
STANDS_AT = 10
"""Where the fake detector finds the person, in pixels from the left of 200."""


class FakeCamera(ScriptedFeed):
    """Shows a person who stands still."""

    def show(self, t_seconds: float) -> None:
        self._next = Frame(self.camera_id, 0, t_seconds, np.full((120, 200, 3), STANDS_AT, np.uint8))
        self.on_change()


class FakeKeeper:
    """Remembers the rules that it was told."""

    def __init__(self) -> None:
        self.rules: Mapping[str, float] = {}

    def change(self, camera_days: Mapping[str, float]) -> None:
        self.rules = camera_days


def camera(name: str, zone: str | None = None, **more: Any) -> dict[str, Any]:
    zones = [] if zone is None else [{"name": zone, "polygon": EVERYWHERE}]
    return {"name": name, "source": f"rtsp://127.0.0.1:9/{name}", "zones": zones, **more}


def config_of(*cameras: dict[str, Any]) -> Config:
    return Config.model_validate({"cameras": list(cameras), "events": {"settle_seconds": 0.0}})


class Site:
    """A live run whose steps are taken when the test says so."""

    def __init__(self, store: Store, folder: Path, *cameras: dict[str, Any]) -> None:
        config = config_of(*cameras)
        names = [one.name for one in config.cameras]
        self.store, self.t_seconds = store, 0.0
        self.feeds = {name: FakeCamera(name) for name in names}
        self.batcher = LiveBatcher(list(self.feeds.values()), monotonic(), gather_seconds=0.0)
        self.batches = iter(self.batcher)
        self.said: list[tuple[str, str, str]] = []
        self.keeper = FakeKeeper()
        self.run = begin_run(store, {c.name: origin_of(c, EPOCH, None) for c in config.cameras}, embedder_name=None)
        self.pipeline = Pipeline(
            detector=FakeDetector(),
            embedder=FakeEmbedder(),
            trackers={name: SingleCameraTracker(name, config.tracker) for name in names},
            matcher=CrossCameraMatcher(),
            areas={c.name: areas_of(c, config.detector.confidence) for c in config.cameras},
        )
        events = EventSink(
            {c.name: zone_watch(c, config) for c in config.cameras},
            self.pipeline.matcher.identity_of,
            EPOCH,
            lambda name, event, _: self.said.append((name, event.kind, event.place)),
        )
        self.pipeline.sinks = [events]
        self.roster = Roster(
            config,
            folder,
            self.batcher,
            self.pipeline,
            events,
            self.keeper,  # type: ignore[arg-type]
            store,
            self.run,
            EPOCH,
        )

    def open(self, one: CameraConfig, *_: object) -> FakeCamera:
        self.feeds[one.name] = FakeCamera(one.name)
        return self.feeds[one.name]

    def apply(self, *cameras: dict[str, Any]) -> list[str]:
        return self.roster.apply(config_of(*cameras))

    def step(self) -> Step:
        return self.pipeline.step(next(self.batches))

    def watch(self, name: str, frames: int = 6) -> list[tuple[str, str, str]]:
        """Let the camera show so many frames; -> what was said since this was called last."""
        for _ in range(frames):
            self.t_seconds += 0.1  # not the clock's, so that a busy machine changes nothing
            self.feeds[name].show(self.t_seconds)
            self.step()
        said, self.said = self.said, []
        return said

    def places(self) -> list[tuple[str, str]]:
        with self.store.read() as connection:
            return [(place.camera, place.name) for place in places(connection)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "omnitrack.db") as opened:
        yield opened


@pytest.fixture
def site(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    built = Site(store, tmp_path, camera("gate", "old"), camera("yard", "lawn"))
    monkeypatch.setattr("tracker.roster.live_camera", built.open)
    return built


def test_a_camera_begun_anew_has_its_new_zones_although_its_loss_is_through_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = site.batcher.remove

    def removed_and_seen(name: str) -> None:
        remove(name)
        assert site.step().batch.lost_cameras == {name}

    monkeypatch.setattr(site.batcher, "remove", removed_and_seen)
    assert site.watch("gate") == [("gate", "entered", "old")]
    before = site.feeds["gate"]
    assert site.apply(camera("gate", "new"), camera("yard", "lawn")) == ["camera gate: begun anew"]
    assert before.closed
    assert not site.feeds["yard"].closed
    assert site.watch("gate") == [("gate", "left", "old"), ("gate", "entered", "new")]
    assert site.places() == [("gate", "new"), ("yard", "lawn")]


def test_a_camera_that_went_and_comes_back_has_its_new_zones(site: Site) -> None:
    site.watch("gate")
    assert site.apply(camera("yard", "lawn")) == ["camera gate: removed"]
    assert site.step().batch.lost_cameras == {"gate"}
    assert site.apply(camera("gate", "new"), camera("yard", "lawn")) == ["camera gate: added"]
    assert site.watch("gate") == [("gate", "left", "old"), ("gate", "entered", "new")]
    assert site.places() == [("gate", "new"), ("yard", "lawn")]


def test_zones_that_were_to_come_do_not_outlast_the_camera(site: Site) -> None:
    """Three lists in a row, before any step is taken."""
    site.apply(camera("gate", "second"), camera("yard", "lawn"))
    site.apply(camera("yard", "lawn"))
    site.apply(camera("gate", "third"), camera("yard", "lawn"))
    assert site.step().batch.lost_cameras == {"gate"}
    assert site.watch("gate") == [("gate", "entered", "third")]


def test_a_camera_begun_anew_may_have_an_earlier_clock(site: Site) -> None:
    site.watch("gate")
    site.apply(camera("gate", "new", time_offset_seconds=-10), camera("yard", "lawn"))
    site.step()
    site.t_seconds -= 10
    assert site.watch("gate")[-1] == ("gate", "entered", "new")


def test_a_camera_without_zones_any_more_has_none(site: Site) -> None:
    site.apply(camera("gate"), camera("yard", "lawn"))
    site.step()
    assert site.watch("gate") == []
    assert site.places() == [("yard", "lawn")]


def test_a_new_camera_is_followed_and_stored(site: Site) -> None:
    assert site.apply(camera("gate", "old"), camera("yard", "lawn"), camera("hall", "sofa")) == ["camera hall: added"]
    assert site.watch("hall") == [("hall", "entered", "sofa")]
    assert set(site.run.cameras) == {"gate", "yard", "hall"}
    assert site.places() == [("gate", "old"), ("hall", "sofa"), ("yard", "lawn")]


def test_a_database_that_cannot_be_written_changes_nothing(site: Site) -> None:
    with site.store.rebuild() as connection:
        connection.exec_driver_sql("ALTER TABLE zones RENAME TO gone")
    with pytest.raises(OmnitrackError, match="database"):
        site.apply(camera("gate", "new"), camera("hall", "sofa", retention_days=2))
    assert set(site.batcher.health) == {"gate", "yard"}
    assert not any(feed.closed for feed in (site.feeds["gate"], site.feeds["yard"]))
    assert set(site.run.cameras) == {"gate", "yard"}
    assert site.keeper.rules == {}
    with site.store.rebuild() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO zones")
    assert len(site.apply(camera("gate", "new"), camera("hall", "sofa"))) == 3


def test_a_region_counts_at_once_although_nothing_moves(site: Site) -> None:
    site.pipeline.gate = MotionGate(5)
    assert site.watch("gate") == [("gate", "entered", "old")]
    site.apply(camera("gate", "old", region=[FAR_RIGHT]), camera("yard", "lawn"))
    site.step()
    assert site.watch("gate") == [("gate", "left", "old")]


def test_rules_for_keeping_are_those_of_the_new_list(site: Site) -> None:
    site.apply(camera("gate", "old"), camera("yard", "lawn", retention_days=2), camera("hall", retention_days=3))
    assert site.keeper.rules == {"yard": 2, "hall": 3}
    site.apply(camera("gate", "old"))
    assert site.keeper.rules == {}


def test_a_file_is_refused(site: Site) -> None:
    with pytest.raises(OmnitrackError, match=r"camera film: film\.mp4 is a file"):
        site.apply(camera("gate", "old"), {"name": "film", "source": "film.mp4"})
    assert set(site.batcher.health) == {"gate", "yard"}


def test_a_camera_that_wants_to_hear_more_than_the_detector_tells_is_refused(site: Site) -> None:
    with pytest.raises(OmnitrackError, match=r"camera hall: confidence 0\.05 is below 0\.1"):
        site.apply(camera("gate", "old"), camera("hall", confidence=0.05))
    assert set(site.batcher.health) == {"gate", "yard"}
    assert site.apply(camera("gate", "old"), camera("yard", "lawn"), camera("hall", confidence=0.1)) != []
