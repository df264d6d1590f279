"""Messages on their way out, against a real HTTP server, a real MQTT broker and real files."""

import hashlib
import hmac
import json
import logging
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import create_connection, create_server
from time import monotonic

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.events.receiver import Receiver
from tracker.errors import OmnitrackError
from tracker.events.jsonl import JsonLines
from tracker.events.message import Message, TemporaryDeliveryError
from tracker.events.mqtt import MqttPublisher
from tracker.events.outbox import Outbox, Retry
from tracker.events.settings import EventsConfig, WebhookConfig
from tracker.events.webhook import Webhook
from tracker.outlets import build_outboxes

QUICK = Retry(attempts=4, first_seconds=0.02, longest_seconds=0.05)
SECRET = "canary-5b1d"


def message(number: int = 1, **fields: object) -> Message:
    return {"id": f"n{number}", "time": "2026-11-21T10:00:00.000+00:00", "kind": "crossed", "camera": "gate", **fields}


def until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = monotonic() + seconds
    while not condition() and monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def sent(outbox: Outbox, *messages: Message) -> Outbox:
    for one in messages:
        outbox.send(one)
    assert until(lambda: outbox.waiting == 0)
    return outbox


def test_a_webhook_is_signed_over_time_and_body() -> None:
    with Receiver() as receiver:
        Webhook(receiver.url, SECRET).deliver(message(place="Tür"))
    (request,) = receiver.requests
    assert request.message == message(place="Tür")
    signed = request.headers["X-Omnitrack-Timestamp"].encode() + b"." + request.body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert request.headers["X-Omnitrack-Signature"] == f"sha256={expected}"
    assert SECRET not in str(request.headers)


@pytest.mark.parametrize("first", [[500, 503], [429], [0, 0]])
def test_a_receiver_that_stumbles_gets_the_message_again_under_its_id(first: list[int]) -> None:
    with Receiver([*first, 200]) as receiver:
        outbox = sent(Outbox("hook", Webhook(receiver.url, None).deliver, retry=QUICK), message())
        outbox.close()
    assert (outbox.counters.delivered, outbox.counters.failed) == (1, 0)
    assert len(receiver.requests) == len(first) + 1
    assert {request.headers["X-Omnitrack-Id"] for request in receiver.requests} == {"n1"}


@pytest.mark.parametrize("answer", [400, 401, 404, 302])
def test_a_refusal_is_final_and_the_next_message_comes(answer: int) -> None:
    with Receiver([answer, 200]) as receiver:
        outbox = sent(Outbox("hook", Webhook(receiver.url, None).deliver, retry=QUICK), message(1), message(2))
        outbox.close()
    assert (outbox.counters.delivered, outbox.counters.failed) == (1, 1)
    assert [request.message["id"] for request in receiver.requests] == ["n1", "n2"]


def test_what_always_fails_is_given_up_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Receiver([500]) as receiver:
        outbox = sent(Outbox("hook", Webhook(receiver.url, SECRET).deliver, retry=QUICK), message(1), message(2))
        outbox.close()
        assert len(receiver.requests) == 2 * QUICK.attempts
    assert outbox.counters.failed == 2
    assert [record.getMessage() for record in caplog.records] == ["hook: the receiver answered 500; trying again"]


def test_a_receiver_that_is_slow_is_no_answer() -> None:
    with Receiver(delay_seconds=1.0) as receiver, pytest.raises(TemporaryDeliveryError, match="no answer"):
        Webhook(receiver.url, None, timeout_seconds=0.1).deliver(message())


def test_nobody_listening_is_a_matter_of_time() -> None:
    with create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(TemporaryDeliveryError, match="no answer"):
        Webhook(f"http://127.0.0.1:{port}/", None).deliver(message())


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (f"hooks.example.org/{SECRET}", "must be http:// or https://"),
        (f"https:///{SECRET}", "a host"),
        (f"https://hooks.example.org:{SECRET}/x", "perhaps a port"),
        (f"https://eve:{SECRET}@hooks.example.org/x", "no name and password"),
        (f"https://hooks.example.org/tür/{SECRET}", "beyond ASCII"),
        (f"https://hooks.example.org/a {SECRET}", "no spaces"),
    ],
)
def test_an_address_that_cannot_be_asked_is_refused_at_the_beginning_and_not_shown(
    url: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMNITRACK_TEST_HOOK", url)
    with pytest.raises(OmnitrackError, match=f"^events.webhook.url: .*{problem}") as caught:
        build_outboxes(EventsConfig(webhook=WebhookConfig(url="${OMNITRACK_TEST_HOOK}")))
    assert SECRET not in str(caught.value)


def test_after_an_error_that_nobody_foresaw_the_next_message_comes(caplog: pytest.LogCaptureFixture) -> None:
    got: list[str] = []

    def deliver(one: Message) -> None:
        if one["id"] == "n1":
            raise ValueError(f"unknown url type: {SECRET!r}")
        got.append(one["id"])

    caplog.set_level(logging.WARNING, "tracker.events")
    outbox = sent(Outbox("hook", deliver), message(1), message(2))
    outbox.close()
    assert got == ["n2"]
    assert (outbox.counters.delivered, outbox.counters.failed) == (1, 1)
    assert [record.getMessage() for record in caplog.records] == ["hook: a message was given up: unexpected ValueError"]


class Blocked:
    """Delivers when allowed to."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()
        self.got: list[str] = []

    def deliver(self, one: Message) -> None:
        self.asked.set()
        self.go.wait()
        self.got.append(one["id"])


def test_a_full_queue_drops_the_oldest_and_never_waits() -> None:
    receiver = Blocked()
    outbox = Outbox("slow", receiver.deliver, capacity=3)
    outbox.send(message(0))
    assert receiver.asked.wait(60)
    for number in range(1, 8):
        outbox.send(message(number))
    assert outbox.counters.dropped == 4
    receiver.go.set()
    outbox.close()
    assert receiver.got == ["n0", "n5", "n6", "n7"]
    assert (outbox.counters.delivered, outbox.waiting) == (4, 0)


def test_closing_does_not_wait_for_a_receiver_that_never_answers() -> None:
    receiver = Blocked()
    outbox = Outbox("dead", receiver.deliver)
    for number in range(5):
        outbox.send(message(number))
    outbox.close()
    assert outbox.counters.dropped == 4
    outbox.send(message(9))
    assert outbox.counters.dropped == 5
    receiver.go.set()


def test_closing_ends_the_pauses_between_attempts() -> None:
    def fail(_: Message) -> None:
        raise TemporaryDeliveryError("away")

    outbox = Outbox("away", fail, retry=Retry(attempts=50, first_seconds=60.0))
    outbox.send(message())
    outbox.close()
    assert until(lambda: outbox.counters.failed == 1)


def test_lines_of_json_survive_that_the_file_is_moved_away(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    lines = JsonLines(file)
    lines.deliver(message(1, place="Tür"))
    file.rename(tmp_path / "old.jsonl")
    lines.deliver(message(2))
    assert json.loads((tmp_path / "old.jsonl").read_text(encoding="utf-8")) == message(1, place="Tür")
    assert json.loads(file.read_text(encoding="utf-8"))["id"] == "n2"
    with pytest.raises(TemporaryDeliveryError, match="No such file"):
        JsonLines(tmp_path / "missing" / "x.jsonl").deliver(message())


class Broker:
    """mosquitto on a port of its own, with a user. It keeps what subscribers have not got yet while it is away."""

    def __init__(self, folder: Path) -> None:
        with create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        passwords = folder / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "eve", SECRET], check=True, capture_output=True)
        passwords.chmod(0o644)
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\npassword_file {passwords}\nuser root\n"
            f"persistence true\npersistence_location {folder}/\n"
        )
        self.start()

    def start(self) -> None:
        command = [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(self._config)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert until(self._answers)

    def _answers(self) -> bool:
        try:
            create_connection(("127.0.0.1", self.port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    if not (shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()):
        pytest.skip("needs Debian's mosquitto")
    broker = Broker(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def heard(broker: Broker) -> Iterator[list[MQTTMessage]]:
    got: list[MQTTMessage] = []
    client = Client(CallbackAPIVersion.VERSION2, client_id="heard", clean_session=False)
    client.username_pw_set("eve", SECRET)
    ready = threading.Event()
    client.on_connect = lambda *_: client.subscribe("site/#", qos=1) and None
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _client, _data, one: got.append(one)
    client.reconnect_delay_set(1, 1)
    client.connect_async("127.0.0.1", broker.port)
    client.loop_start()
    assert ready.wait(60)
    yield got
    client.disconnect()
    client.loop_stop()


def test_mqtt_reaches_a_subscriber_under_camera_and_kind(broker: Broker, heard: list[MQTTMessage]) -> None:
    publisher = MqttPublisher("127.0.0.1", broker.port, "site", "eve", SECRET)
    publisher.deliver(message(camera="gate/1"))
    assert until(lambda: len(heard) == 1)
    publisher.close()
    assert heard[0].topic == "site/gate_1/crossed"
    assert json.loads(heard[0].payload)["id"] == "n1"


def test_mqtt_goes_on_after_the_broker_was_away(broker: Broker, heard: list[MQTTMessage]) -> None:
    publisher = MqttPublisher("127.0.0.1", broker.port, "site", "eve", SECRET)
    outbox = sent(Outbox("mqtt", publisher.deliver, end=publisher.close), message(1))
    broker.stop()
    outbox.send(message(2))
    broker.start()
    assert until(lambda: "n2" in [json.loads(one.payload)["id"] for one in heard], 120.0)
    outbox.close()


def test_closing_does_not_wait_for_a_broker_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind a firewall that drops what is sent: a connection is neither accepted nor refused."""
    asked, unreachable = threading.Event(), threading.Event()

    def connect(*_: object, **__: object) -> None:
        asked.set()
        unreachable.wait()
        raise ConnectionRefusedError

    monkeypatch.setattr("socket.create_connection", connect)
    publisher = MqttPublisher("127.0.0.1", 1883)
    outbox = Outbox("mqtt", publisher.deliver, retry=Retry(attempts=1), end=publisher.close)
    outbox.send(message())
    assert asked.wait(60)
    outbox.close()
    assert not unreachable.is_set()
    assert any(thread.name.startswith("paho-mqtt") for thread in threading.enumerate()), "it is left to itself"
    unreachable.set()


def test_a_wrong_password_is_said_without_it(broker: Broker) -> None:
    publisher = MqttPublisher("127.0.0.1", broker.port, "site", "eve", "canary-wrong")
    with pytest.raises(TemporaryDeliveryError, match="Not authorized") as raised:
        publisher.deliver(message())
    publisher.close()
    assert "canary" not in str(raised.value)
