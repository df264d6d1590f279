"""Search by photo, and pictures of who was found. The photo is the body of the request; no file name is involved."""

import threading
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from pydantic import AwareDatetime

from tracker.likeness import Describer, Likeness, NobodyError
from tracker.photos import MOST_BYTES, PhotoError, decode_photo
from tracker.store.crops import CropKey, crops_of_person, jpeg_of
from tracker.store.identities import known_survivor
from tracker.store.session import Store
from tracker.store.similar import MatchFilter, open_looks, require_network, similar_people
from tracker.web.access import Viewer
from tracker.web.answers import SearchAnswer
from tracker.web.questions import MOST, IdentityId, Limit, OnlyCamera, Since, Until

router = APIRouter(tags=["search"])

_KINDS = ("image/jpeg", "image/png", "image/webp")
_PICTURE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_BODY = {"requestBody": {"required": True, "content": dict.fromkeys(_KINDS, _PICTURE)}}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    413: {"description": f"The photo is larger than {MOST_BYTES // 1_000_000} MB"},
    415: {"description": "The body is no usable JPEG, PNG or WebP picture; the answer says why"},
    501: {"description": "This server has no networks to describe a photo with"},
}


class PhotoSearch:
    """What a search needs: the networks, opened at the first one, and the index. One photo at a time.

    build: opens the networks; None: there are none.
    """

    def __init__(self, store: Store, build: Callable[[], Describer] | None) -> None:
        self.index = open_looks(store)
        self._build = build
        self._describer: Describer | None = None
        self._lock = threading.Lock()

    def describe(self, caller: Viewer, photo: bytes) -> Likeness:
        """Raises PhotoError, NobodyError, and OmnitrackError when the database was made with another network."""
        with self._lock:
            if self._describer is None:
                if self._build is None:
                    raise HTTPException(501, "this server has no networks to describe a photo with")
                self._describer = self._build()
            with caller.read() as connection:
                require_network(connection, *self._describer.network)
            return self._describer.describe(decode_photo(photo))


async def _body(request: Request) -> bytes:
    return await request.body()


@router.post("/search", openapi_extra=_BODY, responses=_REFUSALS, max_body_size=MOST_BYTES)
def search(
    caller: Viewer,
    request: Request,
    photo: Annotated[bytes, Depends(_body)],
    camera: OnlyCamera = None,
    since: Since = None,
    until: Until = None,
    top: Annotated[int, Query(ge=1, le=100, description="So many people.")] = 10,
) -> SearchAnswer:
    """Who looks like the person on a photo, which is the body. A score of 1 means equal looks."""
    photos: PhotoSearch = request.app.state.photos
    try:
        likeness = photos.describe(caller, photo)
    except PhotoError as error:
        raise HTTPException(415, f"the photo {error}") from None
    except NobodyError as error:
        raise HTTPException(400, str(error)) from None
    photos.index.refresh()
    with caller.read() as connection:
        found = similar_people(connection, photos.index, likeness.look, MatchFilter(camera, since, until), top=top)
    left, top_, right, bottom = likeness.box_xyxy.tolist()
    return SearchAnswer((left, top_, right, bottom), likeness.score is not None, found)


@router.get("/identities/{identity}/crops")
def crops(caller: Viewer, identity: IdentityId, limit: Limit = 20) -> tuple[CropKey, ...]:
    """Names of the pictures that were kept of a person, clearest first."""
    with caller.read() as connection:
        return crops_of_person(connection, known_survivor(connection, identity), limit=limit)


@router.get("/crops/{tracklet}/{at}", response_class=Response, responses={200: {"content": {"image/jpeg": _PICTURE}}})
def crop(
    caller: Viewer, tracklet: Annotated[int, Path(ge=1, le=MOST)], at: Annotated[AwareDatetime, Path()]
) -> Response:
    """One such picture."""
    with caller.read() as connection:
        return Response(jpeg_of(connection, tracklet, at), media_type="image/jpeg")
