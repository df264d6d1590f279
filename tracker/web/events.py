"""Identity events as they happen, as Server-Sent Events."""

from collections.abc import AsyncIterator
from typing import Annotated

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import TypeAdapter

from tracker.store.catalogue import Change, changes, last_change
from tracker.web.access import Viewer, Visitor
from tracker.web.questions import MOST

POLL_SECONDS = 0.5
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


@router.get("/events", response_class=EventSourceResponse, dependencies=[Depends(_listening)])
async def events(caller: Viewer, last: Annotated[int, Depends(_begin)]) -> AsyncIterator[ServerSentEvent]:
    """Each change of the identities: assigned, confirmed, revised, merged, overruled. Without Last-Event-ID, those
    from now on. The stream ends when the token is revoked.
    """
    while await run_sync(caller.is_welcome):
        found = await run_sync(_after, caller, last)
        for change in found:
            yield ServerSentEvent(raw_data=_JSON.dump_json(change).decode(), event=change.kind, id=str(change.id))
            last = change.id
        if len(found) < AT_ONCE:
            await anyio.sleep(POLL_SECONDS)


def _after(caller: Visitor, last: int) -> tuple[Change, ...]:
    with caller.read() as connection:
        return changes(connection, last, limit=AT_ONCE)
