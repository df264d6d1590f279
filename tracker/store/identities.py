"""Identity events as changes of the tables: who exists, who is certain, who was merged into whom."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from tracker.core.types import IdentityEvent, IdentityEventKind, LinkEvidence
from tracker.errors import NotFoundError, OmnitrackError
from tracker.store.constraints import forbids_link, keeps_apart
from tracker.store.models import Event, Identity, Link, Sequence, Tracklet
from tracker.store.runs import IDENTITY_SEQUENCE, ActiveRun
from tracker.store.stretches import stretch_from

PROVISIONAL = "provisional"
CONFIRMED = "confirmed"

OVERRULED = "overruled"
"""Kind of a logged event that a user's correction stood against."""


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """An event on its way to the database. stretch_id: row for the part of the track that begins at since_seconds."""

    event: IdentityEvent
    stretch_id: int | None = None


def apply_event(connection: Connection, run: ActiveRun, planned: PlannedEvent) -> None:
    """Log the event with its evidence and bring identities and tracklets up to date.

    What contradicts a user's correction is logged as overruled and changes nothing.
    Raises OmnitrackError when another program has taken the same new id meanwhile.
    """
    event = planned.event
    mentioned = {event.identity_id, event.previous_identity_id or event.identity_id}
    for identity_id in sorted(mentioned):
        _ensure_identity(connection, run, identity_id)
    tracklet_id = _tracklet_id(connection, run, planned) if event.tracklet else None
    if _is_overruled(connection, event, tracklet_id):
        _log(connection, run, event, tracklet_id, OVERRULED)
        return
    _log(connection, run, event, tracklet_id, event.kind.value)
    match event.kind:
        case IdentityEventKind.ASSIGNED | IdentityEventKind.REVISED:
            link = update(Tracklet).where(Tracklet.id == tracklet_id).values(identity_id=event.identity_id)
            connection.execute(link)
        case IdentityEventKind.CONFIRMED:
            connection.execute(update(Identity).where(Identity.id == event.identity_id).values(state=CONFIRMED))
        case IdentityEventKind.MERGED if event.previous_identity_id is not None:
            merge(connection, event.previous_identity_id, event.identity_id)


def survivor_of(connection: Connection, identity_id: int) -> int | None:
    """The identity that this one became through merges (itself if none), None if it never existed."""
    return connection.execute(select(Identity.survivor_id).where(Identity.id == identity_id)).scalar()


def known_survivor(connection: Connection, identity_id: int) -> int:
    """The person's present id. Raises NotFoundError for an id that does not exist."""
    survivor = survivor_of(connection, identity_id)
    if survivor is None:
        raise NotFoundError(f"identity {identity_id} does not exist; `main.py identities` lists those that do")
    return survivor


def merge(connection: Connection, identity_id: int, into_id: int) -> None:
    """From now on identity_id, and whatever was merged into it, redirects to into_id's survivor."""
    loser, survivor = survivor_of(connection, identity_id), survivor_of(connection, into_id)
    if loser == survivor:
        return
    connection.execute(update(Identity).where(Identity.id == loser).values(merged_into_id=survivor))
    connection.execute(update(Identity).where(Identity.survivor_id == loser).values(survivor_id=survivor))


def separate(connection: Connection, identity_id: int) -> None:
    """Take back the merge of identity_id; whatever had been merged into it goes with it."""
    connection.execute(update(Identity).where(Identity.id == identity_id).values(merged_into_id=None))
    tree = select(Identity.id).where(Identity.id == identity_id).cte("tree", recursive=True)
    tree = tree.union_all(select(Identity.id).join(tree, Identity.merged_into_id == tree.c.id))
    connection.execute(update(Identity).where(Identity.id.in_(select(tree.c.id))).values(survivor_id=identity_id))


def new_identity_id(connection: Connection) -> int:
    """The next number that no identity ever had; taken for good once the transaction commits."""
    taken = update(Sequence).where(Sequence.name == IDENTITY_SEQUENCE).values(next_value=Sequence.next_value + 1)
    return connection.execute(taken.returning(Sequence.next_value)).scalar_one() - 1


def _ensure_identity(connection: Connection, run: ActiveRun, identity_id: int) -> None:
    found = connection.execute(select(Identity.run_id).where(Identity.id == identity_id)).first()
    if found is None and identity_id >= run.first_identity_id:
        row = {"id": identity_id, "run_id": run.id, "state": PROVISIONAL, "survivor_id": identity_id}
        connection.execute(insert(Identity).values(row))
        is_behind = (Sequence.name == IDENTITY_SEQUENCE) & (Sequence.next_value <= identity_id)
        connection.execute(update(Sequence).where(is_behind).values(next_value=identity_id + 1))
    elif found is None:
        raise OmnitrackError(
            f"identity {identity_id} belonged to an earlier run and is erased; "
            f"new identities of run {run.id} begin at {run.first_identity_id}"
        )
    elif found.run_id != run.id and identity_id >= run.first_identity_id:
        raise OmnitrackError(
            f"identity {identity_id} was given out twice: while run {run.id} went on, another run or a split took the "
            "number; give each run its own --db, and split when no run is going on"
        )


def _is_overruled(connection: Connection, event: IdentityEvent, tracklet_id: int | None) -> bool:
    survivor = survivor_of(connection, event.identity_id) or event.identity_id
    if event.kind is IdentityEventKind.MERGED and event.previous_identity_id is not None:
        previous = survivor_of(connection, event.previous_identity_id) or event.previous_identity_id
        return keeps_apart(connection, previous, survivor)
    links = event.kind in (IdentityEventKind.ASSIGNED, IdentityEventKind.REVISED)
    return links and tracklet_id is not None and forbids_link(connection, tracklet_id, survivor)


def _tracklet_id(connection: Connection, run: ActiveRun, planned: PlannedEvent) -> int | None:
    """None for a track that was never confirmed and so never stored."""
    assert planned.event.tracklet is not None
    (camera, track_id), since_seconds = planned.event.tracklet, planned.event.since_seconds
    camera_id = run.cameras[camera].id
    if since_seconds is not None and planned.stretch_id is not None:
        since_us = run.to_us(since_seconds, camera)
        return stretch_from(connection, run.id, camera_id, track_id, since_us, planned.stretch_id)
    chosen = select(Tracklet.id).where(
        Tracklet.run_id == run.id, Tracklet.camera_id == camera_id, Tracklet.track_id == track_id
    )
    return connection.execute(chosen.order_by(Tracklet.start_us.desc())).scalar()


def _log(connection: Connection, run: ActiveRun, event: IdentityEvent, tracklet_id: int | None, kind: str) -> None:
    row = {
        "run_id": run.id,
        "kind": kind,
        "at_us": run.to_us(event.t_seconds, event.tracklet[0] if event.tracklet else None),
        "identity_id": event.identity_id,
        "previous_identity_id": event.previous_identity_id,
        "tracklet_id": tracklet_id,
    }
    event_id = connection.execute(insert(Event).values(row).returning(Event.id)).scalar_one()
    if event.evidence is not None:
        connection.execute(insert(Link).values(event_id=event_id, **_columns(event.evidence)))


def _columns(evidence: LinkEvidence) -> dict[str, object]:
    return {
        "rule": evidence.rule,
        "score": evidence.score,
        "cosine": evidence.cosine,
        "runner_up_identity_id": evidence.runner_up_identity_id,
        "runner_up_score": evidence.runner_up_score,
        "parts": {name: float(value) for name, value in evidence.parts.items()},
    }
