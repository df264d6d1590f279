"""One request to a server of the API, and what its refusals mean."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import TypeAdapter

from tracker.errors import NotFoundError, OmnitrackError

T = TypeVar("T")

_MOST_QUIET_SECONDS = 60.0
"""An open stream of events shows a sign of life every 15 s."""


class ApiError(OmnitrackError):
    """The server refused. status: of HTTP; retry_after_seconds: when to come back, None if that would not help."""

    def __init__(self, status: int, detail: str, retry_after_seconds: float | None) -> None:
        super().__init__(detail)
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class Caller:
    """Asks one server in the name of one token. Raises OmnitrackError for an address that is not http or https."""

    def __init__(self, url: str, token: str | None, timeout_seconds: float) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise OmnitrackError(f"server {url}: write http://host:8000 or https://host")
        self._base = f"{url.rstrip('/')}/api/v1"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout_seconds = timeout_seconds
        self._opener = build_opener(_NoRedirects)

    def get(self, kind: type[T], path: str, /, **query: object) -> T:
        """The answer as that type."""
        return parsed(kind, self.raw("GET", path, query))

    def change(
        self, kind: type[T], method: str, path: str, *, dry_run: bool, body: Mapping[str, object] | None = None
    ) -> T:
        sent = None if body is None else json.dumps(_plain(body)).encode()
        return parsed(kind, self.raw(method, path, {"dry_run": dry_run}, sent, "application/json"))

    def raw(
        self, method: str, path: str, query: Mapping[str, object], body: bytes | None = None, content_type: str = ""
    ) -> bytes:
        """The answer as it comes. Raises NotFoundError, ApiError, and OmnitrackError where there is no answer."""
        headers = {} if body is None else {"Content-Type": content_type}
        try:
            with self._open(method, path, query, body, headers, self._timeout_seconds) as answer:
                read: bytes = answer.read()
                return read
        except (OSError, HTTPException) as error:
            raise self._silent(error) from error

    def lines(self, path: str, headers: dict[str, str]) -> Iterator[bytes]:
        """Of an answer that goes on and on."""
        try:
            with self._open("GET", path, {}, None, headers, max(self._timeout_seconds, _MOST_QUIET_SECONDS)) as stream:
                yield from stream
        except (OSError, HTTPException) as error:
            raise self._silent(error) from error

    def _open(
        self,
        method: str,
        path: str,
        query: Mapping[str, object],
        body: bytes | None,
        headers: dict[str, str],
        seconds: float,
    ) -> Any:
        asked = urlencode(_plain(query))
        url = f"{self._base}{path}" + (f"?{asked}" if asked else "")
        request = Request(url, body, self._headers | headers, method=method)
        try:
            return self._opener.open(request, timeout=seconds)
        except HTTPError as error:
            with error:
                raise _refusal(error.code, error.read(), error.headers.get("Retry-After")) from None

    def _silent(self, error: Exception) -> OmnitrackError:
        reason = getattr(error, "reason", None) or error or type(error).__name__
        return OmnitrackError(f"{self._base}: does not answer ({reason}); is `main.py serve` running there?")


class _NoRedirects(HTTPRedirectHandler):
    """The token is for the server that was named, and for no other."""

    def redirect_request(self, *_: object) -> None:
        return None


def parsed(kind: type[T], answer: bytes) -> T:
    """JSON as a dataclass, or a tuple of them."""
    key: Any = kind
    found: T = _adapter(key).validate_json(answer)
    return found


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _plain(query: Mapping[str, object]) -> dict[str, object]:
    """Without what is not given; times as text. Raises ValueError for a time without a zone."""
    return {name: _text(value) for name, value in query.items() if value is not None}


def _text(value: object) -> object:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"a time without time zone is ambiguous: {value.isoformat()}")
        return value.isoformat()
    return value


def _refusal(status: int, body: bytes, retry_after: str | None) -> OmnitrackError:
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, LookupError, TypeError):
        detail = f"the server answered with status {status}"
    text = detail if isinstance(detail, str) else "; ".join(f"{p['loc'][-1]}: {p['msg']}" for p in detail)
    if status == 404:
        return NotFoundError(text)
    return ApiError(status, text, None if retry_after is None else float(retry_after))
