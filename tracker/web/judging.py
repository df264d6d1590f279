"""Why somebody is who they are, and the whole history judged afresh."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import func, select

from tracker.crosscam.differences import people_in
from tracker.errors import OmnitrackError
from tracker.store import explanation
from tracker.store.explanation import Explanation
from tracker.store.models import Tracklet
from tracker.store.reassociating import Reassociation, apply
from tracker.store.session import Store
from tracker.store.sightings import HistoryPart
from tracker.web.access import Operator, Viewer
from tracker.web.answers import Judgement
from tracker.web.corrections import DryRun
from tracker.web.questions import MOST, parsed_moment

router = APIRouter(tags=["judging"])

MOST_SIGHTINGS = 20_000
"""More would keep the machine busy for minutes; the command line has no limit."""


class Judging:
    """judge: finds the people of a part of the history afresh. confirm_seconds: as the matcher's. One at a time."""

    def __init__(self, judge: Callable[[Store, HistoryPart], Reassociation], confirm_seconds: float) -> None:
        self.judge = judge
        self.confirm_seconds = confirm_seconds
        self.lock = threading.Lock()


class PartBody(BaseModel):
    """Which sightings: of one run, and in view at some moment of [since, until]; everything if nothing is given."""

    model_config = ConfigDict(extra="forbid")
    run: Annotated[int, Field(ge=1, le=MOST)] | None = None
    since: Annotated[datetime | None, BeforeValidator(parsed_moment)] = None
    until: Annotated[datetime | None, BeforeValidator(parsed_moment)] = None


@router.get("/explanations/{number}")
def explain(
    caller: Viewer, number: Annotated[int, Path(ge=1, le=MOST, description="Of an identity or of a sighting.")]
) -> Explanation:
    """Why a sighting, or all sightings of an identity, were taken for that person: evidence, runner-up, vetoes."""
    with caller.read() as connection:
        return explanation.explain(connection, number)


@router.post("/reassociate", responses={501: {"description": "This server has no matcher to judge with"}})
def reassociate(caller: Operator, request: Request, body: PartBody, dry_run: DryRun = False) -> Judgement:
    """Find the people of the recorded history afresh. What users said holds, and undo takes it back."""
    judging: Judging | None = request.app.state.judging
    if judging is None:
        raise HTTPException(501, "this server has no matcher to judge with")
    part = HistoryPart(body.run, body.since, body.until)
    _require_few(caller, part)
    if not judging.lock.acquire(blocking=False):
        raise HTTPException(429, "another re-association is under way", {"Retry-After": "10"})
    try:
        found = judging.judge(caller.store, part)
        with caller.write(dry_run=dry_run) as connection:
            apply(connection, found, judging.confirm_seconds)
    finally:
        judging.lock.release()
    before, after = people_in(found.before), people_in(found.people.ids)
    return Judgement(len(found.sightings), before, after, found.differences(), not dry_run)


def _require_few(caller: Operator, part: HistoryPart) -> None:
    some = select(Tracklet.id).limit(MOST_SIGHTINGS + 1)
    with caller.read() as connection:
        some = some.where(*part.conditions())
        count = connection.scalar(select(func.count()).select_from(some.subquery())) or 0
    if count > MOST_SIGHTINGS:
        raise OmnitrackError(
            f"more than {MOST_SIGHTINGS} sightings are too many here; ask for less time or one run, "
            "or use `main.py reassociate`"
        )
