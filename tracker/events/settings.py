"""Where events are sent."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

FromEnvironment = Annotated[str, Field(pattern=r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$")]
"""A secret stands in the environment; the configuration names the variable: ${NAME}."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class WebhookConfig(_Section):
    """url may hold ${NAME}s. secret: signs what is sent. attempts: for one message. queued: messages that may wait."""

    url: Annotated[str, Field(pattern=r"^(https?://|\$\{)")]
    secret: FromEnvironment | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    attempts: Annotated[int, Field(ge=1, le=100)] = 6
    queued: Annotated[int, Field(ge=1, le=1_000_000)] = 1000


class MqttConfig(_Section):
    """topic: messages go to TOPIC/CAMERA/KIND."""

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    topic: Annotated[str, Field(pattern=r"^[^#+\s]+$")] = "omnitrack"
    username: str | None = None
    password: FromEnvironment | None = None
    tls: bool = False
    attempts: Annotated[int, Field(ge=1, le=100)] = 6
    queued: Annotated[int, Field(ge=1, le=1_000_000)] = 1000


class EventsConfig(_Section):
    """settle_seconds, line_margin: see tracker.core.zones.ZoneConfig. wanted_cosine: a look this much like
    one on the watchlist is theirs. file: JSON lines are appended to it.
    """

    settle_seconds: Annotated[float, Field(ge=0, le=60)] = 0.5
    line_margin: Annotated[float, Field(ge=0, le=1)] = 0.08
    wanted_cosine: Annotated[float, Field(ge=-1, le=1)] = 0.75
    file: Path | None = None
    webhook: WebhookConfig | None = None
    mqtt: MqttConfig | None = None
