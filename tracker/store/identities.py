"""Identity events as changes of the tables: who exists, who is certain, who was merged into whom."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection, insert, select, update

from tracker.core.types import IdentityEvent, IdentityEventKind, LinkEvidence
from tracker.errors import NotFoundError
from tracker.store.constraints import MUST_LINK, forbids_link, keeps_apart, parted_again
from tracker.store.models import Event, Identity, Link, Tracklet
from tracker.store.numbers import never_give_out, new_identity_id
from tracker.store.runs import ActiveRun
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
    """
    event = planned.event
    mentioned = {event.identity_id, event.previous_identity_id or event.identity_id}
    numbers = {identity_id: _present_number(connection, run, identity_id) for identity_id in sorted(mentioned)}
    previous = None if event.previous_identity_id is None else numbers[event.previous_identity_id]
    event = replace(event, identity_id=numbers[event.identity_id], previous_identity_id=previous)
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
            _hand_over_name(connection, event.previous_identity_id, event.identity_id)
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


def _present_number(connection: Connection, run: ActiveRun, identity_id: int) -> int:
    """The number under which the database knows an identity of the run, made if it is new.

    A number that was there before and is not any more was erased: the person goes on as somebody new.
    """
    present = run.people.present(identity_id)
    if connection.scalar(select(Identity.id).where(Identity.id == present)) is not None:
        run.people.tell(present)
        return present
    if present < run.first_identity_id or run.people.knows(present):
        present = new_identity_id(connection)
        run.people.rename(identity_id, present)
    row = {"id": present, "run_id": run.id, "state": PROVISIONAL, "survivor_id": present}
    connection.execute(insert(Identity).values(row))
    never_give_out(connection, present)
    run.people.tell(present)
    return present


def _is_overruled(connection: Connection, event: IdentityEvent, tracklet_id: int | None) -> bool:
    survivor = survivor_of(connection, event.identity_id) or event.identity_id
    if event.kind is IdentityEventKind.MERGED and event.previous_identity_id is not None:
        previous = survivor_of(connection, event.previous_identity_id) or event.previous_identity_id
        heard = event.evidence is not None and event.evidence.rule == MUST_LINK  # what a user had said, and may regret
        if heard and previous != survivor and parted_again(connection, event.previous_identity_id, event.identity_id):
            return True
        return keeps_apart(connection, previous, survivor) or _have_two_names(connection, previous, survivor)
    links = event.kind in (IdentityEventKind.ASSIGNED, IdentityEventKind.REVISED)
    return links and tracklet_id is not None and forbids_link(connection, tracklet_id, survivor)


def _have_two_names(connection: Connection, one: int, other: int) -> bool:
    """Whether users called them differently: then they are two people."""
    names = connection.scalars(select(Identity.name).where(Identity.id.in_((one, other)), Identity.name.is_not(None)))
    return len(set(names)) > 1


def _hand_over_name(connection: Connection, gone: int, survivor: int) -> None:
    name = connection.scalar(select(Identity.name).where(Identity.id == survivor_of(connection, gone)))
    if name is not None:
        into = survivor_of(connection, survivor)
        connection.execute(update(Identity).where(Identity.id == into).values(name=name))


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
        connection.execute(insert(Link).values(event_id=event_id, **link_columns(event.evidence)))


def link_columns(evidence: LinkEvidence) -> dict[str, object]:
    return {
        "rule": evidence.rule,
        "score": evidence.score,
        "cosine": evidence.cosine,
        "runner_up_identity_id": evidence.runner_up_identity_id,
        "runner_up_score": evidence.runner_up_score,
        "parts": {name: float(value) for name, value in evidence.parts.items()},
    }
