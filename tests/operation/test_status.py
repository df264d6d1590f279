"""What a run tells over HTTP."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tracker.core.types import Detections, IdentityEvent, IdentityEventKind
from tracker.errors import OmnitrackError
from tracker.events.outbox import Outbox
from tracker.operation.server import status_server
from tracker.operation.status import RunStatus
from tracker.operation.timing import StageTimes
from tracker.ports import Step
from tracker.store.writer import WriterCounters
from tracker.video.camera import CameraHealth, CameraState
from tracker.video.frame import Frame, FrameBatch

PERSON = Detections(np.array([[1, 1, 2, 3]], np.float32), np.array([0.9], np.float32))


@dataclass
class TwoCameras:
    """Cameras as told."""

    states: dict[str, CameraState] = field(
        default_factory=lambda: {"gate": CameraState.ONLINE, "yard": CameraState.ONLINE}
    )
    seconds: float = 10.25

    @property
    def health(self) -> Mapping[str, CameraHealth]:
        gate_alone = {"gate": -0.5}
        return {
            name: CameraHealth(state, monotonic(), 90, 7, 2, 1, 0.125, gate_alone.get(name))
            for name, state in self.states.items()
        }

    @property
    def late_frames(self) -> Mapping[str, int]:
        return dict.fromkeys(self.states, 3)


def step(*events: IdentityEvent) -> Step:
    frame = Frame("gate", 0, 10.0, np.zeros((4, 4, 3), np.uint8))
    return Step(FrameBatch(10.0, {"gate": frame}), {}, events, {"gate": PERSON})


def event(kind: IdentityEventKind, identity_id: int, previous: int | None = None) -> IdentityEvent:
    return IdentityEvent(kind, 10.0, identity_id, None, previous)


def fetched(port: int, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_metrics_tell_of_cameras_stages_people_and_queues() -> None:
    times = StageTimes()
    with times.measured("detect"):
        pass
    outbox = Outbox("webhook", lambda message: None)
    status = RunStatus(TwoCameras(), WriterCounters(rows_committed=12, batches_waiting=lambda: 2), [outbox], times)
    confirmed = IdentityEventKind.CONFIRMED
    status.write(step(event(confirmed, 1), event(confirmed, 2), event(IdentityEventKind.MERGED, 1, 2)))
    with status_server(status, "127.0.0.1", 0) as port:
        code, text = fetched(port, "/metrics")
    outbox.close()
    assert code == 200
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["omnitrack_frames_total", "gate"] == 1
    assert found["omnitrack_frames_dropped_total", "yard"] == 7
    assert found["omnitrack_frames_late_total", "gate"] == 3
    assert found["omnitrack_camera_losses_total", "gate"] == 1
    assert found["omnitrack_camera_online", "yard"] == 1
    assert found["omnitrack_lag_seconds", "gate"] == 0.25
    assert found["omnitrack_arrival_delay_seconds", "gate"] == 0.125
    assert found["omnitrack_camera_clock_ahead_seconds", "gate"] == -0.5
    assert ("omnitrack_camera_clock_ahead_seconds", "yard") not in found, "it does not tell"
    assert found["omnitrack_people", "gate"] == 1
    assert found["omnitrack_identities",] == 1
    assert found["omnitrack_batches_waiting",] == 2
    assert found["omnitrack_stage_seconds_count", "detect"] == 1
    assert found["omnitrack_messages_waiting", "webhook"] == 0
    assert found["omnitrack_messages_total", "delivered", "webhook"] == 0


@pytest.mark.parametrize(
    ("states", "paused", "status", "code"),
    [
        ([CameraState.ONLINE, CameraState.ONLINE], None, "ok", 200),
        ([CameraState.ONLINE, CameraState.OFFLINE], None, "degraded", 200),
        ([CameraState.ONLINE, CameraState.ONLINE], "the disk is full", "degraded", 200),
        ([CameraState.OFFLINE, CameraState.CONNECTING], None, "failing", 503),
    ],
)
def test_health_says_how_bad_it_is(states: list[CameraState], paused: str | None, status: str, code: int) -> None:
    cameras = TwoCameras(dict(zip(("gate", "yard"), states, strict=True)))
    watched = RunStatus(cameras, WriterCounters(paused_by=paused), [])
    with status_server(watched, "127.0.0.1", 0) as port:
        answered, text = fetched(port, "/health")
        assert fetched(port, "/secret")[0] == 404
    health = json.loads(text)
    assert (answered, health["status"]) == (code, status)
    assert [health["cameras"][name]["state"] for name in ("gate", "yard")] == states


def test_a_camera_that_was_removed_is_counted_no_more() -> None:
    cameras = TwoCameras()
    watched = RunStatus(cameras, WriterCounters(), [])
    watched.write(step())
    assert set(watched.counts()) == {"gate"}
    del cameras.states["gate"]
    watched.write(step())  # a picture that was under way
    assert watched.counts() == {}


def test_a_run_that_hangs_is_failing(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = RunStatus(TwoCameras(), WriterCounters(), [])
    later = monotonic() + 31
    monkeypatch.setattr("tracker.operation.status.monotonic", lambda: later)
    assert watched.health()["status"] == "failing"
    watched.write(step())
    assert watched.health()["status"] == "ok"


def test_a_port_that_is_taken_is_said() -> None:
    watched = RunStatus(TwoCameras(), WriterCounters(), [])
    with (
        status_server(watched, "127.0.0.1", 0) as port,
        pytest.raises(OmnitrackError, match=f"127.0.0.1:{port} cannot be had"),
        status_server(watched, "127.0.0.1", port),
    ):
        pass
