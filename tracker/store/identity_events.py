"""Identity events as changes of the tables: who exists, who is certain, who was merged into whom."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from sqlalchemy import Connection, bindparam, insert, select, update

from tracker.core.types import IdentityEvent, IdentityEventKind, LinkEvidence, TrackletKey
from tracker.store.constraints import MUST_LINK, are_spoken_of, forbids_link, keeps_apart, parted_again
from tracker.store.identities import CONFIRMED, PROVISIONAL, hand_over_name, have_two_names, merge, survivor_of
from tracker.store.models import Event, Identity, Link, Tracklet
from tracker.store.numbers import never_give_out, new_identity_id
from tracker.store.runs import ActiveRun
from tracker.store.stretches import stretch_from

OVERRULED = "overruled"
"""Kind of a logged event that a user's correction stood against."""

_TOGETHER = 1000
"""Most events in one statement; databases limit how many values it may have."""

# Built once: building a statement takes longer than executing it.
_OF_TRACKS = (
    select(Tracklet.track_id, Tracklet.id)
    .where(Tracklet.run_id == bindparam("run"), Tracklet.camera_id == bindparam("camera"))
    .where(Tracklet.track_id.in_(bindparam("tracks", expanding=True)))
    .order_by(Tracklet.start_us)
)
_THERE = select(Identity.id).where(Identity.id.in_(bindparam("numbers", expanding=True)))
_LINK = update(Tracklet).where(Tracklet.id == bindparam("tracklet")).values(identity_id=bindparam("person"))
_CONFIRM = update(Identity).where(Identity.id == bindparam("person")).values(state=CONFIRMED)
_NEW_PEOPLE, _NEW_LINKS = insert(Identity), insert(Link)
_NEW_EVENTS = insert(Event).returning(Event.id, sort_by_parameter_order=True)


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """An event on its way to the database. stretch_id: row for the part of the track that begins at since_seconds."""

    event: IdentityEvent
    stretch_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """An event with the numbers that the database has now. tracklet_id: None for a track that was never confirmed and
    so never stored.
    """

    event: IdentityEvent
    tracklet_id: int | None
    kind: str


def apply_events(connection: Connection, run: ActiveRun, planned: Sequence[PlannedEvent]) -> None:
    """Log the events with their evidence, in their order, and bring identities and tracklets up to date.

    What contradicts a user's correction is logged as overruled and changes nothing.
    """
    for is_plain, group in groupby(planned, key=_is_plain):
        for events in _slices(list(group)):
            if not is_plain or not _applied_together(connection, run, [one.event for one in events]):
                for one in events:
                    _apply(connection, run, one)


def _slices(events: list[PlannedEvent]) -> Iterator[list[PlannedEvent]]:
    for first in range(0, len(events), _TOGETHER):
        yield events[first : first + _TOGETHER]


def _is_plain(planned: PlannedEvent) -> bool:
    """Whether what it does depends on no event before it: it neither merges people nor cuts a track."""
    return planned.event.kind is not IdentityEventKind.MERGED and planned.event.since_seconds is None


def _applied_together(connection: Connection, run: ActiveRun, events: list[IdentityEvent]) -> bool:
    """Apply plain events with a few statements for all; False, and nothing is done, where users have said something
    about one of the tracks.
    """
    tracklets = _tracklets_of(connection, run, [event.tracklet for event in events if event.tracklet])
    if are_spoken_of(connection, tracklets.values()):
        return False
    found = [
        _Found(event, tracklets.get(event.tracklet) if event.tracklet else None, event.kind.value)
        for event in _with_present_numbers(connection, run, events)
    ]
    confirmed = [one for one in found if one.event.kind is IdentityEventKind.CONFIRMED]
    linked = [one for one in found if one.event.kind is not IdentityEventKind.CONFIRMED and one.tracklet_id is not None]
    if linked:
        rows = [{"tracklet": one.tracklet_id, "person": one.event.identity_id} for one in linked]
        connection.execute(_LINK, rows)
    if confirmed:
        connection.execute(_CONFIRM, [{"person": one.event.identity_id} for one in confirmed])
    _log(connection, run, found)
    return True


def _apply(connection: Connection, run: ActiveRun, planned: PlannedEvent) -> None:
    (event,) = _with_present_numbers(connection, run, [planned.event])
    tracklet_id = _tracklet_id(connection, run, planned) if event.tracklet else None
    if _is_overruled(connection, event, tracklet_id):
        _log(connection, run, [_Found(event, tracklet_id, OVERRULED)])
        return
    _log(connection, run, [_Found(event, tracklet_id, event.kind.value)])
    match event.kind:
        case IdentityEventKind.ASSIGNED | IdentityEventKind.REVISED:
            connection.execute(_LINK, {"tracklet": tracklet_id, "person": event.identity_id})
        case IdentityEventKind.CONFIRMED:
            connection.execute(_CONFIRM, {"person": event.identity_id})
        case IdentityEventKind.MERGED if event.previous_identity_id is not None:
            hand_over_name(connection, event.previous_identity_id, event.identity_id)
            merge(connection, event.previous_identity_id, event.identity_id)


def _with_present_numbers(
    connection: Connection, run: ActiveRun, events: Sequence[IdentityEvent]
) -> list[IdentityEvent]:
    """The events with the numbers under which the database knows their identities, which are made if they are new.

    A number that was there before and is not any more was erased: the person goes on as somebody new.
    """
    mentioned = {number for event in events for number in (event.identity_id, event.previous_identity_id) if number}
    numbers = {number: run.people.present(number) for number in sorted(mentioned)}
    there = set(connection.scalars(_THERE, {"numbers": list(numbers.values())}))
    missing = [number for number, present in numbers.items() if present not in there]
    if missing:
        never_give_out(connection, max(numbers[number] for number in missing))
        for number in missing:
            if numbers[number] < run.first_identity_id or run.people.knows(numbers[number]):
                numbers[number] = new_identity_id(connection)
                run.people.rename(number, numbers[number])
        made = sorted({numbers[number] for number in missing})
        rows = [{"id": one, "run_id": run.id, "state": PROVISIONAL, "survivor_id": one} for one in made]
        connection.execute(_NEW_PEOPLE, rows)
    for present in numbers.values():
        run.people.tell(present)
    return [_renumbered(event, numbers) for event in events]


def _renumbered(event: IdentityEvent, numbers: dict[int, int]) -> IdentityEvent:
    identity_id, previous = numbers[event.identity_id], numbers.get(event.previous_identity_id or 0)
    if (identity_id, previous) == (event.identity_id, event.previous_identity_id):
        return event
    return replace(event, identity_id=identity_id, previous_identity_id=previous)


def _is_overruled(connection: Connection, event: IdentityEvent, tracklet_id: int | None) -> bool:
    survivor = survivor_of(connection, event.identity_id) or event.identity_id
    if event.kind is IdentityEventKind.MERGED and event.previous_identity_id is not None:
        previous = survivor_of(connection, event.previous_identity_id) or event.previous_identity_id
        heard = event.evidence is not None and event.evidence.rule == MUST_LINK  # what a user had said, and may regret
        if heard and previous != survivor and parted_again(connection, event.previous_identity_id, event.identity_id):
            return True
        return keeps_apart(connection, previous, survivor) or have_two_names(connection, previous, survivor)
    links = event.kind in (IdentityEventKind.ASSIGNED, IdentityEventKind.REVISED)
    return links and tracklet_id is not None and forbids_link(connection, tracklet_id, survivor)


def _tracklet_id(connection: Connection, run: ActiveRun, planned: PlannedEvent) -> int | None:
    assert planned.event.tracklet is not None
    (camera, track_id), since_seconds = planned.event.tracklet, planned.event.since_seconds
    if since_seconds is not None and planned.stretch_id is not None:
        since_us = run.to_us(since_seconds, camera)
        return stretch_from(connection, run.id, run.cameras[camera].id, track_id, since_us, planned.stretch_id)
    return _tracklets_of(connection, run, [planned.event.tracklet]).get(planned.event.tracklet)


def _tracklets_of(connection: Connection, run: ActiveRun, keys: Sequence[TrackletKey]) -> dict[TrackletKey, int]:
    """Rows of the latest parts of those tracks that are stored."""
    of_camera: defaultdict[str, set[int]] = defaultdict(set)
    for camera, track_id in keys:
        of_camera[camera].add(track_id)
    found: dict[TrackletKey, int] = {}
    for camera, tracks in of_camera.items():
        wanted = {"run": run.id, "camera": run.cameras[camera].id, "tracks": list(tracks)}
        found |= {(camera, track_id): row_id for track_id, row_id in connection.execute(_OF_TRACKS, wanted)}
    return found


def _log(connection: Connection, run: ActiveRun, found: Sequence[_Found]) -> None:
    rows = [
        {
            "run_id": run.id,
            "kind": one.kind,
            "at_us": run.to_us(one.event.t_seconds, one.event.tracklet[0] if one.event.tracklet else None),
            "identity_id": one.event.identity_id,
            "previous_identity_id": one.event.previous_identity_id,
            "tracklet_id": one.tracklet_id,
        }
        for one in found
    ]
    ids = connection.scalars(_NEW_EVENTS, rows).all()
    links = [
        {"event_id": event_id, **link_columns(one.event.evidence)}
        for event_id, one in zip(ids, found, strict=True)
        if one.event.evidence is not None
    ]
    if links:
        connection.execute(_NEW_LINKS, links)


def link_columns(evidence: LinkEvidence) -> dict[str, object]:
    return {
        "rule": evidence.rule,
        "score": evidence.score,
        "cosine": evidence.cosine,
        "runner_up_identity_id": evidence.runner_up_identity_id,
        "runner_up_score": evidence.runner_up_score,
        "parts": {name: float(value) for name, value in evidence.parts.items()},
    }
