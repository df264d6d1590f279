"""How a live camera is treated, and how it is."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from tracker.video.reports import Opened
from tracker.video.watchdog import BackoffConfig


@dataclass(frozen=True, slots=True)
class LiveConfig:
    """transport: tcp or udp, for RTSP. stale_seconds: a camera without a picture for so long is lost.
    opening_seconds: time for connecting and the first picture. tolerance_seconds: pictures of several cameras that were
    taken within so long share a step. most_frames_per_second: more are not delivered.
    hardware_decoding: "auto" or "off".
    trust_camera_clock: the camera's clock is set by NTP, so its own times of capture (RTCP) count, as far as they are
    plausible; otherwise arrivals and RTP stamps do.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    transport: str = "tcp"
    stale_seconds: float = 5.0
    opening_seconds: float = 10.0
    tolerance_seconds: float = 0.4
    most_frames_per_second: float | None = None
    hardware_decoding: str = "auto"
    trust_camera_clock: bool = False
    backoff: BackoffConfig = field(default_factory=BackoffConfig)

    def __post_init__(self) -> None:
        if self.transport not in ("tcp", "udp"):
            raise ValueError(f"transport must be tcp or udp, got {self.transport!r}")
        if self.hardware_decoding not in ("auto", "off"):
            raise ValueError(f"hardware_decoding must be auto or off, got {self.hardware_decoding!r}")
        if not (self.stale_seconds > 0 and self.opening_seconds > 0):
            raise ValueError(
                f"stale_seconds and opening_seconds must be above 0, got {self.stale_seconds}, {self.opening_seconds}"
            )
        if not self.tolerance_seconds >= 0:
            raise ValueError(f"tolerance_seconds must be at least 0, got {self.tolerance_seconds}")
        if self.most_frames_per_second is not None and not self.most_frames_per_second > 0:
            raise ValueError(f"most_frames_per_second must be above 0, got {self.most_frames_per_second}")


class CameraState(StrEnum):
    CONNECTING = "connecting"
    ONLINE = "online"
    OFFLINE = "offline"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """A camera as of now. since_seconds: monotonic time of the last change of state. taken: frames handed out;
    dropped: frames that newer ones replaced before anybody asked; errors: packets that could not be decoded;
    losses: times that the camera went offline. delay_seconds: arrival minus capture of the last frame.
    camera_ahead_seconds: how far the camera's own clock is ahead of ours (None: it does not tell). problem: why it is
    not online, without secrets.
    """

    state: CameraState
    since_seconds: float
    taken: int = 0
    dropped: int = 0
    errors: int = 0
    losses: int = 0
    delay_seconds: float = 0.0
    camera_ahead_seconds: float | None = None
    opened: Opened | None = None
    problem: str = ""
