"""Messages as signed HTTP requests."""

import hashlib
import hmac
import http.client
import json
from dataclasses import dataclass
from time import time
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tracker.events.message import Message, RefusedError, TemporaryDeliveryError

_WORTH_ANOTHER_TRY = frozenset([408, 425, 429])


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What a receiver compares with X-Omnitrack-Signature: HMAC-SHA256 over `timestamp`, a dot and the body."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def require_address(url: str) -> None:
    """Raises ValueError, which does not show the address, for one that cannot be asked."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or port
        usable = False
    if not usable:
        raise ValueError("the address must be http:// or https://, a host, perhaps a port, and a path")
    if "@" in parts.netloc:
        raise ValueError("the address must hold no name and password; put what the receiver wants into its path")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("the address may hold no spaces and no letters beyond ASCII; write them as %20, %C3%BC")


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would send the data to somebody who was never named."""

    def redirect_request(self, *_: object) -> None:
        return None


@dataclass(frozen=True, slots=True, repr=False)
class Webhook:
    """Delivers one message per POST. The id header is the same in every attempt, so that a receiver can know a message
    that it has had; the timestamp lets it refuse old ones that somebody repeats. Raises ValueError: see
    require_address.
    """

    url: str
    secret: str | None
    timeout_seconds: float = 5.0

    def __post_init__(self) -> None:
        require_address(self.url)

    def deliver(self, message: Message) -> None:
        """Raises TemporaryDeliveryError or RefusedError."""
        body = json.dumps(message, ensure_ascii=False).encode()
        timestamp = str(int(time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "omnitrack",
            "X-Omnitrack-Id": str(message["id"]),
            "X-Omnitrack-Timestamp": timestamp,
        }
        if self.secret is not None:
            headers["X-Omnitrack-Signature"] = signature(self.secret, timestamp, body)
        try:
            with build_opener(_NoRedirect).open(Request(self.url, body, headers), timeout=self.timeout_seconds):
                return
        except HTTPError as error:
            error.close()
            if error.code >= 500 or error.code in _WORTH_ANOTHER_TRY:
                raise TemporaryDeliveryError(f"the receiver answered {error.code}") from None
            raise RefusedError(f"the receiver answered {error.code}") from None
        except (URLError, OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise TemporaryDeliveryError(f"no answer ({type(reason).__name__}: {reason})") from None
