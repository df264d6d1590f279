"""Messages to an MQTT broker."""

import json
import re
import ssl
from threading import Event, Thread
from typing import Any

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tracker.events.message import Message, TemporaryDeliveryError

_ANSWER_SECONDS = 5.0
_FAREWELL_SECONDS = 0.5


class MqttPublisher:
    """Publishes to topic/CAMERA/KIND with quality of service 1: at least once, so receivers compare ids.

    Connects when the first message comes, and again whenever the broker went away. tls: verify the broker's
    certificate against the system's authorities.
    """

    def __init__(
        self,
        host: str,
        port: int = 1883,
        topic: str = "omnitrack",
        username: str | None = None,
        password: str | None = None,
        tls: bool = False,
    ) -> None:
        self._address = (host, port)
        self._topic = topic
        self._connected = Event()
        self._started = False
        self._problem = "no answer"
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 30)
        if username is not None:
            self._client.username_pw_set(username, password)
        if tls:
            self._client.tls_set_context(ssl.create_default_context())
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect

    def deliver(self, message: Message) -> None:
        """Waits for the broker's receipt. Raises TemporaryDeliveryError."""
        host, port = self._address
        if not self._started:
            self._client.connect_async(host, port)
            self._client.loop_start()
            self._started = True
        if not self._connected.wait(_ANSWER_SECONDS):
            raise TemporaryDeliveryError(f"MQTT broker {host}:{port}: {self._problem}")
        levels = [self._topic, str(message.get("camera", "all")), str(message["kind"])]
        topic = "/".join([levels[0], *(re.sub(r"[#+/]", "_", level) for level in levels[1:])])
        receipt = self._client.publish(topic, json.dumps(message, ensure_ascii=False), qos=1)
        try:
            receipt.wait_for_publish(_ANSWER_SECONDS)
        except (RuntimeError, ValueError) as error:
            raise TemporaryDeliveryError(f"MQTT broker {host}:{port}: {error}") from None
        if receipt.rc != MQTT_ERR_SUCCESS or not receipt.is_published():
            raise TemporaryDeliveryError(f"MQTT broker {host}:{port}: no receipt within {_ANSWER_SECONDS:g} s")

    def close(self) -> None:
        """The broker hears of it, unless it keeps the client waiting: then that ends with the process."""
        self._client.disconnect()
        stopping = Thread(target=self._client.loop_stop, name="mqtt end", daemon=True)
        stopping.start()
        stopping.join(_FAREWELL_SECONDS)

    def _on_connect(
        self, client: Client, data: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._problem = str(reason)
        else:
            self._connected.set()

    def _on_disconnect(
        self, client: Client, data: Any, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self._connected.clear()
