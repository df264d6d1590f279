"""Identity events as they happen, as Server-Sent Events."""

from collections.abc import AsyncIterator
from typing import Annotated

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import TypeAdapter

from tracker.store.catalogue import Change, changes, last_change
from tracker.web.access import Viewer, Visitor
from tracker.web.questions import MOST

POLL_SECONDS = 0.5
QUIET_POLLS = 30
MOST_STREAMS = 64
AT_ONCE = 500

router = APIRouter(tags=["events"])
_JSON = TypeAdapter(Change)


class Streams:
    """How many callers are listening."""

    def __init__(self) -> None:
        self.open = 0


async def _listening(request: Request) -> AsyncIterator[None]:
    """Counts the caller while they listen."""
    streams: Streams = request.app.state.streams
    if streams.open >= MOST_STREAMS:
        raise HTTPException(429, f"{MOST_STREAMS} callers are listening already", {"Retry-After": "60"})
    streams.open += 1
    try:
        yield
    finally:
        streams.open -= 1


def _begin(
    caller: Viewer,
    last_event_id: Annotated[
        int | None, Header(ge=0, le=MOST, description="The last one received, to go on after it; 0 for all.")
    ] = None,
) -> int:
    """Settled before the answer begins: whatever happens from then on is told."""
    if last_event_id is not None:
        return last_event_id
    with caller.read() as connection:
        return last_change(connection)


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    dependencies=[Depends(_listening)],
)
async def events(caller: Viewer, last: Annotated[int, Depends(_begin)]) -> StreamingResponse:
    """Each change of the identities: assigned, confirmed, revised, merged, overruled. Without Last-Event-ID, those
    from now on. The stream ends when the token is revoked.
    """
    unbuffered = {"X-Accel-Buffering": "no"}  # proxies would collect events until there are many
    return StreamingResponse(_stream(caller, last), media_type="text/event-stream", headers=unbuffered)


async def _stream(caller: Visitor, last: int) -> AsyncIterator[bytes]:
    quiet_polls = QUIET_POLLS  # begin with a sign of life
    while await run_sync(caller.is_welcome):
        found = await run_sync(_after, caller, last)
        for change in found:
            yield format_sse_event(data_str=_JSON.dump_json(change).decode(), event=change.kind, id=str(change.id))
            last = change.id
        quiet_polls = 0 if found else quiet_polls + 1
        if quiet_polls >= QUIET_POLLS:
            yield KEEPALIVE_COMMENT
            quiet_polls = 0
        if len(found) < AT_ONCE:
            await anyio.sleep(POLL_SECONDS)


def _after(caller: Visitor, last: int) -> tuple[Change, ...]:
    with caller.read() as connection:
        return changes(connection, last, limit=AT_ONCE)
