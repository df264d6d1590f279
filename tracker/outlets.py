"""What a run tells others while it goes on: events at zones and lines, and how it is."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from tracker.config import Config, OperationConfig, with_secrets
from tracker.core.types import TrackletKey
from tracker.errors import OmnitrackError
from tracker.events.jsonl import JsonLines
from tracker.events.outbox import Outbox, Retry
from tracker.events.settings import EventsConfig, WebhookConfig
from tracker.events.sink import EventSink, Note, Watchlist
from tracker.operation.status import RunStatus
from tracker.roster import zone_watch

if TYPE_CHECKING:
    from tracker.events.webhook import Webhook


def build_event_sink(
    config: Config,
    outboxes: Sequence[Outbox],
    identity_of: Callable[[TrackletKey], int | None],
    epoch: datetime,
    note: Note,
    wanted: Watchlist,
) -> EventSink:
    """See EventSink."""
    watches = {camera.name: zone_watch(camera, config) for camera in config.cameras}
    return EventSink(watches, identity_of, epoch, note, outboxes, wanted, config.events.wanted_cosine)


def build_webhook(hook: WebhookConfig) -> "Webhook":
    """Raises OmnitrackError, see build_outboxes."""
    from tracker.events.webhook import Webhook  # costs start-up time

    url = with_secrets(hook.url, "events.webhook.url")
    secret = None if hook.secret is None else with_secrets(hook.secret, "events.webhook.secret")
    try:
        return Webhook(url, secret, hook.timeout_seconds)
    except ValueError as error:
        raise OmnitrackError(f"events.webhook.url: {error}") from None


def build_outboxes(config: EventsConfig) -> list[Outbox]:
    """Raises OmnitrackError naming an environment variable that is not set, or the key of an address that cannot be
    used, before any thread begins.
    """
    outboxes = []
    if config.webhook is not None:
        hook, webhook = config.webhook, build_webhook(config.webhook)
        outboxes.append(Outbox("webhook", webhook.deliver, capacity=hook.queued, retry=Retry(hook.attempts)))
    if config.mqtt is not None:
        from tracker.events.mqtt import MqttPublisher  # costs start-up time

        broker = config.mqtt
        password = None if broker.password is None else with_secrets(broker.password, "events.mqtt.password")
        publisher = MqttPublisher(broker.host, broker.port, broker.topic, broker.username, password, broker.tls)
        retry = Retry(broker.attempts)
        outboxes.append(Outbox("mqtt", publisher.deliver, capacity=broker.queued, retry=retry, end=publisher.close))
    if config.file is not None:
        outboxes.append(Outbox("events file", JsonLines(config.file).deliver))
    return outboxes


@contextmanager
def watched(status: RunStatus, config: OperationConfig) -> Iterator[None]:
    """The run can be watched over HTTP, where a port is configured."""
    if config.port is None:
        yield
        return
    from tracker.operation.server import status_server  # costs start-up time

    with status_server(status, config.host, config.port):
        yield
