"""Forgetting people and old sightings, so that no byte of them stays in the database or in its log."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, update

from tracker.store.auditing import audit
from tracker.store.filmed import clips_before, clips_with, delete_clips
from tracker.store.identities import known_survivor
from tracker.store.maintenance import empty_log
from tracker.store.models import Audit, Constraint, Embedding, Event, Identity, Link, Tracklet
from tracker.store.places import erase_place_events
from tracker.store.runs import micros
from tracker.store.session import Store
from tracker.store.ways import add_up
from tracker.store.windows import camera_id

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Erased:
    """How much was erased, or would be in a dry run."""

    people: int = 0
    tracklets: int = 0
    boxes: int = 0
    embeddings: int = 0
    events: int = 0
    clips: int = 0

    def __add__(self, other: "Erased") -> "Erased":
        return Erased(*(a + b for a, b in zip(asdict(self).values(), asdict(other).values(), strict=True)))


def forget(store: Store, identity_id: int, *, dry_run: bool = False, actor: str | None = None) -> Erased:
    """Erase a person: all sightings, embeddings, links, names, numbers that were merged into theirs, and clips of the
    time in which they were seen.

    What remains is an audit record with the number and these counts. Raises OmnitrackError for an unknown id, and for
    clips that cannot be deleted.
    """
    with store.write(dry_run=dry_run, actor=actor) as connection:
        survivor = known_survivor(connection, identity_id)
        ids = connection.scalars(select(Identity.id).where(Identity.survivor_id == survivor)).all()
        sightings = connection.scalars(select(Tracklet.id).where(Tracklet.identity_id.in_(ids))).all()
        clips = clips_with(connection, sightings)
        erased = _erase_tracklets(connection, sightings) + _erase_people(connection, ids) + Erased(clips=len(clips))
        add_up(connection)
        audit(connection, "forget", {"identity": survivor, **asdict(erased)})
        if not dry_run:
            delete_clips(clips)  # before it is certain that the rest goes: without that nobody could find them again
    if not dry_run:
        empty_log(store)
    return erased


def retain(store: Store, keep_from: datetime, *, camera: str | None = None, dry_run: bool = False) -> Erased:
    """Erase all sightings and clips (of one camera) that ended before keep_from, and people of whom nothing is left.

    Works in small transactions, so that a run can go on writing. Raises OmnitrackError for an unknown camera.
    """
    old = select(Tracklet.id).where(Tracklet.end_us < micros(keep_from))
    with store.read() as connection:
        if camera is not None:
            old = old.where(Tracklet.camera_id == camera_id(connection, camera))
        tracklets = connection.scalars(old).all()
    erased = Erased()
    per_transaction = max(len(tracklets), 1) if dry_run else _AT_ONCE
    for begin in range(0, len(tracklets), per_transaction):
        with store.write(dry_run=dry_run) as connection:
            for first in range(begin, min(begin + per_transaction, len(tracklets)), _AT_ONCE):
                erased += _erase_with_people(connection, tracklets[first : first + _AT_ONCE])
    with store.write(dry_run=dry_run) as connection:
        only = None if camera is None else camera_id(connection, camera)
        clips = clips_before(connection, keep_from, only)
        erased += Erased(events=erase_place_events(connection, micros(keep_from), only), clips=len(clips))
        if camera is None:
            past = (Event.at_us < micros(keep_from)) & Event.tracklet_id.is_(None)
            erased += Erased(events=connection.execute(delete(Event).where(past)).rowcount)
        add_up(connection)
        audit(connection, "retain", {"keep_from": keep_from.isoformat(), "camera": camera, **asdict(erased)})
        if not dry_run:
            delete_clips(clips)
    if not dry_run:
        empty_log(store)
    return erased


def _erase_with_people(connection: Connection, tracklets: Collection[int]) -> Erased:
    seen = select(Identity.survivor_id).join(Tracklet, Tracklet.identity_id == Identity.id)
    affected = set(connection.scalars(seen.where(Tracklet.id.in_(tracklets))))
    erased = _erase_tracklets(connection, tracklets)
    remaining = set(connection.scalars(seen.where(Identity.survivor_id.in_(affected)).distinct()))
    gone = connection.scalars(select(Identity.id).where(Identity.survivor_id.in_(affected - remaining))).all()
    return erased + _erase_people(connection, gone)


def _erase_tracklets(connection: Connection, tracklets: Collection[int]) -> Erased:
    """With everything that hangs on them: boxes, embeddings, events, links and constraints."""
    chosen = Tracklet.id.in_(tracklets)
    boxes = connection.scalar(select(func.coalesce(func.sum(Tracklet.observation_count), 0)).where(chosen)) or 0
    counted = select(func.count()).select_from(Embedding).where(Embedding.tracklet_id.in_(tracklets))
    embeddings = connection.scalar(counted) or 0
    events = connection.execute(delete(Event).where(Event.tracklet_id.in_(tracklets))).rowcount
    removed = connection.execute(delete(Tracklet).where(chosen)).rowcount
    return Erased(tracklets=removed, boxes=boxes, embeddings=embeddings, events=events)


def _erase_people(connection: Connection, ids: Collection[int]) -> Erased:
    """All of one or more merged families, whose tracklets are erased already."""
    about = or_(Event.identity_id.in_(ids), Event.previous_identity_id.in_(ids))
    events = connection.execute(delete(Event).where(about)).rowcount
    runner_up = Link.runner_up_identity_id.in_(ids)
    connection.execute(update(Link).where(runner_up).values(runner_up_identity_id=None, runner_up_score=None))
    for row in connection.execute(select(Audit.id, Audit.details, Audit.undone_us)).all():
        if not set(ids).isdisjoint({row.details.get("identity"), row.details.get("other")}):
            _empty_record(connection, row.id, row.undone_us)
    connection.execute(update(Identity).where(Identity.id.in_(ids)).values(merged_into_id=None))
    people = len(set(connection.scalars(select(Identity.survivor_id).where(Identity.id.in_(ids)))))
    connection.execute(delete(Identity).where(Identity.id.in_(ids), Identity.survivor_id != Identity.id))
    connection.execute(delete(Identity).where(Identity.id.in_(ids)))
    return Erased(people=people, events=events)


def _empty_record(connection: Connection, audit_id: int, undone_us: int | None) -> None:
    """Names are personal data; without them the action cannot be undone any more, and its constraints end with it."""
    connection.execute(delete(Constraint).where(Constraint.audit_id == audit_id))
    values: dict[str, Any] = {"details": {}, "undone_us": undone_us or micros(datetime.now(UTC))}
    connection.execute(update(Audit).where(Audit.id == audit_id).values(values))
