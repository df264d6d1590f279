"""What one can ask: the same questions, answered by the same functions, as on the command line."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BeforeValidator

from tracker.core.zones import PlaceEventKind
from tracker.errors import OmnitrackError
from tracker.store import catalogue, place_queries, presence, queries
from tracker.store.catalogue import CameraSummary, RunSummary
from tracker.store.place_queries import Place, PlaceEntry, PlaceFilter
from tracker.store.presence import Company, Occupancy, Stay, Transition
from tracker.store.queries import History, IdentityFilter, IdentitySummary, Page
from tracker.times import length, moment
from tracker.web.access import Viewer

MOST = 2**53 - 1  # beyond that, numbers in JSON are not exact

router = APIRouter(tags=["questions"])


def parsed_moment(text: object) -> datetime | None:
    """As on the command line. Raises ValueError, which is answered with 422."""
    if text is not None and not isinstance(text, str):
        raise ValueError("write a time as text")
    try:
        return moment(text)
    except OmnitrackError as error:
        raise ValueError(str(error)) from None


_TIME = "ISO 8601, or today 9:30, yesterday 14:00; without a zone in the server's."
PlainText = r"^[^\x00-\x1f\x7f]*$"
IdentityId = Annotated[int, Path(ge=1, le=MOST, description="Identity number; merged ones lead to their survivor.")]
CameraName = Annotated[str, Path(max_length=64, pattern=PlainText, description="The camera's name.")]
OnlyCamera = Annotated[str | None, Query(max_length=64, pattern=PlainText, description="Only this camera.")]
OnlyPlace = Annotated[str | None, Query(max_length=200, pattern=PlainText, description="Only this zone or line.")]
Since = Annotated[datetime | None, Query(description=f"From this time on: {_TIME}"), BeforeValidator(parsed_moment)]
Until = Annotated[datetime | None, Query(description=f"Up to this time: {_TIME}"), BeforeValidator(parsed_moment)]
Limit = Annotated[int, Query(ge=1, le=1000, description="Rows per page.")]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000, description="Which page.")]


@router.get("/identities")
def identities(
    caller: Viewer,
    camera: OnlyCamera = None,
    since: Since = None,
    until: Until = None,
    min_sightings: Annotated[int, Query(ge=1, le=MOST, description="Seen at least this many times.")] = 1,
    name: Annotated[str | None, Query(max_length=200, pattern=PlainText, description="Only of this name.")] = None,
    place: OnlyPlace = None,
    limit: Limit = 50,
    after: Annotated[int, Query(ge=0, le=MOST, description="Only higher numbers: the next page.")] = 0,
) -> Page[IdentitySummary]:
    """The people who were seen, with where and when, by number."""
    chosen = IdentityFilter(camera, since, until, min_sightings, name, place)
    with caller.read() as connection:
        return queries.identities(connection, chosen, limit=limit, after=after)


@router.get("/identities/{identity}")
def history(caller: Viewer, identity: IdentityId, limit: Limit = 100, page: PageNumber = 1) -> History:
    """Where one person was, from when to when, and where they went next."""
    with caller.read() as connection:
        return queries.history(connection, identity, limit=limit, offset=(page - 1) * limit)


@router.get("/identities/{identity}/together")
def together(
    caller: Viewer,
    identity: IdentityId,
    min_seconds: Annotated[float, Query(ge=0, le=1e12, description="In company for so long in all.")] = 0.0,
) -> tuple[Company, ...]:
    """Who was in view of the same camera at the same time as a person, longest company first."""
    with caller.read() as connection:
        return presence.together(connection, identity, min_seconds=min_seconds)


@router.get("/cameras")
def cameras(caller: Viewer) -> tuple[CameraSummary, ...]:
    """The cameras, by name."""
    with caller.read() as connection:
        return catalogue.cameras(connection)


@router.get("/cameras/{camera}/present")
def present(
    caller: Viewer,
    camera: CameraName,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    page: PageNumber = 1,
) -> Page[Stay]:
    """Who was in view of a camera between two times, in the order in which they left."""
    with caller.read() as connection:
        return presence.present(connection, camera, since, until, limit=limit, offset=(page - 1) * limit)


@router.get("/transitions")
def transitions(caller: Viewer, since: Since = None, until: Until = None) -> tuple[Transition, ...]:
    """From which camera people went to which, and how long it took them."""
    with caller.read() as connection:
        return presence.transitions(connection, since, until)


@router.get("/occupancy")
def occupancy(
    caller: Viewer,
    since: Since = None,
    until: Until = None,
    bucket: Annotated[str, Query(max_length=7, pattern="^0*[1-9][0-9]*[smhd]$", description="30s, 15m, 1d.")] = "15m",
    camera: OnlyCamera = None,
) -> tuple[Occupancy, ...]:
    """How many different people were in view over time; the last day with data unless told otherwise."""
    step = length(bucket)
    with caller.read() as connection:
        begin, end = presence.last_day(connection, since, until, step)
        return presence.occupancy(connection, begin, end, step, camera=camera)


@router.get("/last-seen")
def last_seen(caller: Viewer, limit: Limit = 50) -> tuple[Stay, ...]:
    """Where everybody was seen last, latest first."""
    with caller.read() as connection:
        return presence.last_seen(connection, limit=limit)


@router.get("/places")
def places(caller: Viewer) -> tuple[Place, ...]:
    """The zones and lines of the cameras, as they are now."""
    with caller.read() as connection:
        return place_queries.places(connection)


@router.get("/places/events")
def place_events(
    caller: Viewer,
    camera: OnlyCamera = None,
    place: OnlyPlace = None,
    kind: PlaceEventKind | None = None,
    identity: Annotated[int | None, Query(ge=1, le=MOST, description="Only this person.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    after: Annotated[int, Query(ge=0, le=MOST, description="Only higher numbers: the next page.")] = 0,
) -> Page[PlaceEntry]:
    """Who entered and left zones, crossed lines and which way, and when a zone was too full."""
    chosen = PlaceFilter(camera, place, kind, identity, since, until)
    with caller.read() as connection:
        return place_queries.place_events(connection, chosen, limit=limit, after=after)


@router.get("/runs")
def runs(
    caller: Viewer,
    limit: Limit = 50,
    before: Annotated[int | None, Query(ge=1, le=MOST, description="Only earlier runs: the next page.")] = None,
) -> Page[RunSummary]:
    """When the program ran, over which cameras, latest first."""
    with caller.read() as connection:
        return catalogue.runs(connection, limit=limit, before=before)
