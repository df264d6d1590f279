"""Where stored sightings stood on the ground, and who was followed there as one person."""

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, select
from sqlalchemy.orm import aliased

from tracker.core.types import FloatArray, IntArray
from tracker.crosscam.ground.config import GroundConfig
from tracker.crosscam.ground.placing import sure_places
from tracker.crosscam.ground.site import mismatch
from tracker.crosscam.ground_plane import GroundCamera
from tracker.crosscam.segments import APART_SECONDS
from tracker.crosscam.standing import ON_GROUND, SAME_TRACK
from tracker.errors import OmnitrackError
from tracker.store.models import Event, Identity, Link, Tracklet

_FOLLOWED = (ON_GROUND, SAME_TRACK)
_AT_ONCE = 500


def fitted(name: str, camera: GroundCamera, width: int | None, height: int | None) -> GroundCamera:
    """A calibrated camera for the pictures of a run; where their size is not known, they are as they were calibrated.

    Raises OmnitrackError for pictures of another shape.
    """
    if width is None or height is None or (width, height) == camera.image_size:
        return camera
    if (complaint := mismatch(name, camera, (width, height))) is not None:
        raise OmnitrackError(f"{complaint}, or judge other runs (--run)")
    return camera.resized((width, height))


def places_of(camera: GroundCamera, times_us: IntArray, boxes_xyxy: FloatArray) -> NDArray[np.float64]:
    """(m, 6) seconds since 1970 and segments.Place: the places of boxes (n, 4) as a run would know them, one for each
    stretch of APART_SECONDS, and the last one.
    """
    places, sure = sure_places(camera, boxes_xyxy, np.array(GroundConfig().foot_noise))
    rows = np.flatnonzero(sure)
    stretch = np.floor_divide(times_us[rows], round(APART_SECONDS * 1e6))
    chosen = np.diff(stretch, prepend=-1) > 0
    chosen[-1:] = True
    rows = rows[chosen]
    return np.column_stack([times_us[rows] / 1e6, places[rows]])


def ground_partners(connection: Connection, tracklets: Collection[int]) -> dict[int, tuple[int, ...]]:
    """Which of these tracklets were followed on the ground as one person, as far as they still are one: of each one
    those of other cameras that were in view at the same time.

    Who came to that person by looks, in a camera that is not on the ground, was not followed there.
    """
    one, other = aliased(Tracklet), aliased(Tracklet)
    mine, theirs = aliased(Identity), aliased(Identity)
    said_of_one = and_(Event.tracklet_id == one.id, Link.rule.in_(_FOLLOWED))
    merged = and_(Event.tracklet_id.is_(None), Event.previous_identity_id == one.identity_id, Link.rule == SAME_TRACK)
    here, partners = set(tracklets), dict[int, set[int]]()
    by_looks = _by_looks_elsewhere(connection, here)
    for some in _in_parts(here):
        for joined in (said_of_one, merged):
            query = (
                select(one.id, other.id)
                .select_from(Link)
                .join(Event, Event.id == Link.event_id)
                .join(one, joined)
                .join(mine, mine.id == one.identity_id)
                .join(theirs, theirs.survivor_id == mine.survivor_id)
                .join(other, other.identity_id == theirs.id)
                .where(one.id.in_(some), other.run_id == one.run_id, other.camera_id != one.camera_id)
                .where(other.start_us <= one.end_us, other.end_us >= one.start_us)
            )
            for a, b in connection.execute(query):
                if b in here and (joined is merged or b not in by_looks):
                    partners.setdefault(a, set()).add(b)
                    partners.setdefault(b, set()).add(a)
    return {number: tuple(sorted(found)) for number, found in partners.items()}


def _by_looks_elsewhere(connection: Connection, tracklets: Collection[int]) -> set[int]:
    """Those of these tracklets that looks linked, in cameras in whose tracks of that run the ground had no say."""
    followed = select(Tracklet.run_id, Tracklet.camera_id).join(Event, Event.tracklet_id == Tracklet.id).distinct()
    rows = [
        row
        for some in _in_parts(tracklets)
        for row in connection.execute(
            select(Tracklet.id, Tracklet.run_id, Tracklet.camera_id)
            .join(Event, Event.tracklet_id == Tracklet.id)
            .join(Link, Link.event_id == Event.id)
            .where(Tracklet.id.in_(some), Link.rule.not_in((*_FOLLOWED, "new")))
        )
    ]
    runs = {row.run_id for row in rows}
    grounds = followed.join(Link, Link.event_id == Event.id).where(Tracklet.run_id.in_(runs), Link.rule.in_(_FOLLOWED))
    on_ground = {(run, camera) for run, camera in connection.execute(grounds)}
    return {row.id for row in rows if (row.run_id, row.camera_id) not in on_ground}


def _in_parts(tracklets: Collection[int]) -> Iterator[list[int]]:
    """No more at a time than a database takes."""
    ordered = sorted(tracklets)
    return (ordered[first : first + _AT_ONCE] for first in range(0, len(ordered), _AT_ONCE))
