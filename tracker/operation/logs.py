"""Logs for people or for machines, without secrets in either."""

import logging
import os
import re
import sys
from collections.abc import Callable, Collection, MutableMapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from tracker.video.urls import masked

if TYPE_CHECKING:
    from tracker.config import Config

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SHORTEST_SECRET = 4
"""Shorter values would blacken innocent words."""


def texts_with_secrets(config: "Config") -> dict[str, str]:
    """Whatever may name environment variables, by where it stands."""
    texts = {f"camera {camera.name}": camera.source for camera in config.cameras}
    if (hook := config.events.webhook) is not None:
        texts |= {"events.webhook.url": hook.url, "events.webhook.secret": hook.secret or ""}
    if (broker := config.events.mqtt) is not None:
        texts["events.mqtt.password"] = broker.password or ""
    return texts


def secrets_of(config: "Config") -> frozenset[str]:
    """The values of all environment variables that the configuration names."""
    names = {name for text in texts_with_secrets(config).values() for name in _VARIABLE.findall(text)}
    return frozenset(value for name in names if len(value := os.environ.get(name, "")) >= _SHORTEST_SECRET)


class Censor:
    """Replaces secrets, and passwords in addresses, by ***."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        longest_first = sorted(secrets, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def clean(self, text: str) -> str:
        text = masked(text)
        return text if self._secrets is None else self._secrets.sub("***", text)


class _Plain(logging.Formatter):
    """`12:00:05 camera gate: online`; whatever is not quite well names its level."""

    def __init__(self, censor: Censor) -> None:
        super().__init__("%(message)s")
        self._censor = censor

    def format(self, record: logging.LogRecord) -> str:
        clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        return self._censor.clean(f"{clock} {level}{super().format(record)}")


class _Handler(logging.Handler):
    """Writes to the stream, or to what standard error is at that moment: a progress bar takes its place for a while."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print(self.format(record), file=self._stream or sys.stderr, flush=True)
        except (OSError, ValueError):  # a closed pipe must not end the run
            self.handleError(record)


def set_up_logging(style: str, secrets: Collection[str] = (), stream: TextIO | None = None) -> None:
    """All logging of the program goes to the stream (standard error): one line of text, or with style "json" one JSON
    object, per event. Replaces what was set up before.
    """
    censor = Censor(secrets)
    handler = _Handler(stream)
    handler.setFormatter(_json_formatter(censor) if style == "json" else _Plain(censor))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy in ("alembic", "matplotlib", "PIL", "libav", "openvino", "ultralytics"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def censored(reread: "Callable[[], Config]", first: "Config") -> "Callable[[], Config]":
    """The same, and whatever secrets a configuration that was read names are kept out of the logs from then on. first:
    the one that the program began with.
    """
    known = set(secrets_of(first))

    def read() -> "Config":
        config = reread()
        known.update(secrets_of(config))
        set_up_logging(first.operation.log, known)
        return config

    return read


def _json_formatter(censor: Censor) -> logging.Formatter:
    import structlog  # takes a while, and only machines want it

    def clean(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {key: censor.clean(value) if isinstance(value, str) else value for key, value in event.items()}

    def timestamp(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        created = event["_record"].created
        return {"time": datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds"), **event}

    stdlib = structlog.stdlib
    return stdlib.ProcessorFormatter(
        foreign_pre_chain=[stdlib.add_log_level, stdlib.add_logger_name],
        processors=[
            timestamp,
            structlog.processors.format_exc_info,
            stdlib.ProcessorFormatter.remove_processors_meta,
            clean,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
