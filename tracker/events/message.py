"""What leaves the program when something happens, and who takes it."""

from typing import Any, Protocol

Message = dict[str, Any]
"""Ready for JSON. Always: id (unique), time (UTC, ISO), kind. kind is one of
    entered, left, crossed      camera, place, track, identity (None: not known yet), direction or dwell_seconds
    over_limit, within_limit    camera, place, count
    wanted                      camera, track, identity, name: somebody on the watchlist is in view (cosine: by look)
    identified                  camera, track, identity, previous: whose earlier messages about this track are
    merged                      identity, previous: both are one person
"""


class Outlet(Protocol):
    """Takes messages without ever making the caller wait."""

    def send(self, message: Message) -> None: ...
    def close(self) -> None: ...


class TemporaryDeliveryError(Exception):
    """Not delivered; it may work later. The text holds no secret."""


class RefusedError(Exception):
    """Not delivered, and it never will be. The text holds no secret."""
