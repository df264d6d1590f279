"""The HTTP API: one versioned application over one open database."""

import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from tracker.errors import NotFoundError, OmnitrackError
from tracker.likeness import Describer
from tracker.store.location import StoreError
from tracker.store.session import Store
from tracker.web import corrections, events, judging, questions, search, tables
from tracker.web.access import Doorkeeper
from tracker.web.events import Streams
from tracker.web.judging import Judging
from tracker.web.limits import RateLimit, RateLimiter
from tracker.web.search import PhotoSearch
from tracker.web.shield import Shield

API = "/api/v1"
MOST_JSON_BYTES = 64 * 1024
MOST_QUESTIONS_AT_ONCE = 12
"""Each takes a connection to the database, of which there are 15."""

_LOG = logging.getLogger(__name__)
_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The question cannot be answered; the answer says why"},
    401: {"description": "No token, or one that is not known"},
    403: {"description": "The token's role does not allow this"},
    404: {"description": "There is no such identity or camera"},
    409: {"description": "What is stored stands against it; the answer says what"},
    429: {"description": "Too many requests; Retry-After says when to come back"},
    503: {"description": "The database cannot be used at the moment"},
}


_ROOMS = (questions, search, tables, corrections, judging, events)


def create_app(
    store: Store,
    *,
    always_ask: bool,
    limit: RateLimit | None = None,
    build_describer: Callable[[], Describer] | None = None,
    judging: Judging | None = None,
) -> FastAPI:
    """always_ask: let nobody in without a token, even while none exists. build_describer: opens the networks for search
    by photo; judging: the matcher for re-association; None: without. The store stays the caller's to close.
    """
    app = FastAPI(
        title="Omnitrack",
        version="1",
        description="Who was where, when.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # those pages would load their scripts from other people's servers
        redoc_url=None,
        lifespan=_lifespan,
        max_body_size=MOST_JSON_BYTES,
        responses=_REFUSALS,
    )
    app.state.doorkeeper = Doorkeeper(store, RateLimiter(limit or RateLimit(), time.monotonic), always=always_ask)
    app.state.streams = Streams()
    app.state.photos = PhotoSearch(store, build_describer)
    app.state.judging = judging
    for room in _ROOMS:
        app.include_router(room.router, prefix=API)
    app.add_exception_handler(OmnitrackError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_nonsense)
    app.add_middleware(Shield, local_only=not always_ask)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = MOST_QUESTIONS_AT_ONCE
    yield
    app.state.photos.index.close()


async def _refuse(request: Request, error: Exception) -> JSONResponse:
    """The error's own words, but nothing about files of this machine."""
    if isinstance(error, StoreError):
        _LOG.error("%s", error)
        return JSONResponse({"detail": "the database cannot be used at the moment"}, 503, {"Retry-After": "5"})
    status = 404 if isinstance(error, NotFoundError) else 400 if request.method == "GET" else 409
    return JSONResponse({"detail": str(error)}, status)


async def _refuse_nonsense(_: Request, error: Exception) -> Response:
    """What is wrong and where, without repeating what was sent: it may be a name, or no valid text at all."""
    assert isinstance(error, RequestValidationError)
    problems = [{key: problem[key] for key in ("type", "loc", "msg")} for problem in error.errors()]
    return Response(json.dumps({"detail": problems}), 422, media_type="application/json")
