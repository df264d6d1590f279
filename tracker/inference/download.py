"""Fetching one file over HTTP: resumed, checked, and put in place only when it is whole."""

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import TypeVar, cast
from urllib.parse import urlsplit

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from tracker.errors import OmnitrackError, UnreachableError
from tracker.inference.checksum import sha256_of

Progress = Callable[[int, int | None], None]
"""Called with (bytes so far, bytes in all or None)."""

_Result = TypeVar("_Result")

CHUNK_BYTES = 1 << 16
CONNECT_SECONDS = 3.0
ATTEMPTS = 4


class _InterruptedError(Exception):
    """The answer broke off; what has arrived is in the part file, so that another request can continue."""


def download(
    url: str,
    target: Path,
    sha256: str | None,
    size: int | None = None,
    progress: Progress | None = None,
    retry_seconds: float = 0.5,
) -> str:
    """Fetch url into target and return its sha256.

    Bytes gather in target + ".part". With a known sha256 a part file of an earlier run is continued; without one it is
    thrown away, as nothing could tell whether the source changed in between. target appears by an atomic
    rename after the size and the checksum agree. An answer that breaks off is continued up to ATTEMPTS times, the
    pause beginning at retry_seconds and doubling. Raises OmnitrackError: unreachable host (at once), HTTP error,
    truncated answer (the part file stays), wrong size or checksum (the part file goes).
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise OmnitrackError(f"{url}: only http and https sources can be downloaded")
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if sha256 is None:
            part.unlink(missing_ok=True)
        for attempt in Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(multiplier=retry_seconds, max=8),
            retry=retry_if_exception_type(_InterruptedError),
            reraise=True,
        ):
            with attempt:
                _continue(url, part, progress)
        return _accept(url, part, target, sha256, size)
    except _InterruptedError as error:
        raise OmnitrackError(f"{url}: {error}; run again to continue the download") from error
    except OSError as error:
        raise OmnitrackError(
            f"{target}: cannot be written ({error.strerror or error}); free or choose another cache"
        ) from error


def _accept(url: str, part: Path, target: Path, sha256: str | None, size: int | None) -> str:
    received = part.stat().st_size
    if size is not None and received != size:
        part.unlink()
        raise OmnitrackError(f"{url}: delivered {received} bytes instead of {size}; the source has changed")
    digest = sha256_of(part)
    if sha256 is not None and digest != sha256:
        part.unlink()
        raise OmnitrackError(
            f"{url}: sha256 is {digest} instead of {sha256}; the file was thrown away, the source has changed or the "
            "connection is tampered with"
        )
    os.replace(part, target)
    return digest


def _continue(url: str, part: Path, progress: Progress | None) -> None:
    """One request for what the part file lacks."""
    start = part.stat().st_size if part.exists() else 0
    response = _request(url, start)
    if response is None:
        return
    with response:
        resumed = response.status == 206 and _range_start(response) == start
        start = start if resumed else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length is not None else None
        done = start
        with part.open("ab" if resumed else "wb") as stream:
            while chunk := _read(response):
                stream.write(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done, total)
    if total is not None and done < total:
        raise _InterruptedError(f"the connection closed after {done} of {total} bytes")


def _range_start(response: HTTPResponse) -> int | None:
    """First byte of a "bytes 100-199/200" answer."""
    _, _, span = response.headers.get("Content-Range", "").partition(" ")
    first = span.partition("-")[0]
    return int(first) if first.isdigit() else None


def _read(response: HTTPResponse) -> bytes:
    try:
        return response.read(CHUNK_BYTES)
    except (OSError, HTTPException) as error:
        raise _InterruptedError(f"the connection broke ({error})") from error


def _request(url: str, start: int) -> HTTPResponse | None:
    """The answer to a request for the bytes from start on; None where the server says that there are none left."""
    host = urlsplit(url).netloc
    headers = {"User-Agent": "omnitrack"} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(url, headers=headers)
    try:
        return _within(
            CONNECT_SECONDS, lambda: cast(HTTPResponse, urllib.request.urlopen(request, timeout=CONNECT_SECONDS))
        )
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and start:
            return None
        if error.code >= 500:
            raise _InterruptedError(f"the server answered {error.code} {error.reason}") from error
        raise OmnitrackError(f"{url}: the server answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        reason = error.reason.strerror if isinstance(error.reason, OSError) else error.reason
        raise UnreachableError(f"{host} cannot be reached ({reason or error.reason})") from error
    except (HTTPException, ConnectionError) as error:
        raise _InterruptedError(f"the connection broke ({error})") from error
    except TimeoutError as error:
        raise UnreachableError(f"{host} did not answer within {CONNECT_SECONDS:g} s") from error


def _within(seconds: float, call: Callable[[], _Result]) -> _Result:
    """The result of call, or TimeoutError. In a daemon thread, because the system's name look-up obeys no timeout."""
    results: list[_Result] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            results.append(call())
        except Exception as error:  # the boundary of a thread: raised again in the caller's
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]
