"""What users say about identities. It outranks the machine: kept as constraints, audited, and reversible."""

from datetime import UTC, datetime
from itertools import product
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from tracker.core.types import IdentityEventKind
from tracker.errors import OmnitrackError
from tracker.store.auditing import Correction, audit
from tracker.store.constraints import CANNOT_LINK, MERGE, MUST_LINK, RENAME, SPLIT, keeps_apart, release, restore
from tracker.store.identities import CONFIRMED, known_survivor, merge, separate
from tracker.store.models import Audit, Constraint, Event, Identity, Tracklet
from tracker.store.numbers import new_identity_id
from tracker.store.reassociating import REASSOCIATE, take_back
from tracker.store.runs import micros

_Sighting = Row[int, int | None, int, int]


def merge_identities(connection: Connection, keep_id: int, other_id: int) -> Correction:
    """Both are one person, known as keep_id from now on; keep_id takes over the other's name if it has none.

    Raises OmnitrackError for unknown ids, two ids of one person, and people whom a user's split keeps apart.
    """
    kept, other = known_survivor(connection, keep_id), known_survivor(connection, other_id)
    if kept == other:
        raise OmnitrackError(f"identities {keep_id} and {other_id} are one person already ({kept})")
    if keeps_apart(connection, kept, other):
        raise OmnitrackError(f"identities {kept} and {other} were split by a user; `main.py undo` takes that back")
    rows = connection.execute(select(Identity.id, Identity.name).where(Identity.id.in_((kept, other))))
    names = {row.id: row.name for row in rows}
    takes_name = names[kept] is None and names[other] is not None
    done = audit(connection, MERGE, {"identity": kept, "other": other, "takes_name": takes_name})
    longest = [_longest(_sightings(connection, identity_id)) for identity_id in (kept, other)]
    _constrain(connection, done, MUST_LINK, longest[:1], longest[1:])
    merge(connection, other, kept)
    if takes_name:
        _set_name(connection, kept, names[other])
    _log(connection, IdentityEventKind.MERGED, kept, other)
    return done


def split_identity(connection: Connection, identity_id: int, tracklet_id: int, *, only: bool = False) -> Correction:
    """From that sighting on (or in that one only) it was somebody else, who becomes a new identity.

    Raises OmnitrackError for an unknown identity, a sighting of somebody else, and when nothing would stay behind.
    """
    survivor = known_survivor(connection, identity_id)
    sightings = _sightings(connection, survivor)
    first = next((sighting for sighting in sightings if sighting.id == tracklet_id), None)
    if first is None:
        raise OmnitrackError(
            f"tracklet {tracklet_id} is no sighting of identity {survivor}; `main.py history {survivor}` lists them"
        )
    begin = sightings.index(first)
    moved = [first] if only else sightings[begin:]
    staying = sightings[:begin] + sightings[begin + len(moved) :]
    if not staying:
        raise OmnitrackError(f"identity {survivor} has no sighting before tracklet {tracklet_id}: nothing to split")
    other = new_identity_id(connection)
    connection.execute(insert(Identity).values(id=other, state=CONFIRMED, survivor_id=other))
    details = {
        "identity": survivor,
        "other": other,
        "moved": [[row.id, row.identity_id] for row in moved],
        "released": release(connection, {row.id for row in staying}, {row.id for row in moved}),
    }
    done = audit(connection, SPLIT, details)
    before = staying[max(begin - 1, 0)]
    _constrain(connection, done, CANNOT_LINK, [before, _longest(staying)], [first, _longest(moved)])
    for row in moved:
        connection.execute(update(Tracklet).where(Tracklet.id == row.id).values(identity_id=other))
        _log(connection, IdentityEventKind.REVISED, other, survivor, row.id)
    return done


def rename_identity(connection: Connection, identity_id: int, name: str) -> Correction:
    """Give a person a name; an empty one takes it away. Raises OmnitrackError for an unknown id."""
    survivor = known_survivor(connection, identity_id)
    before = connection.execute(select(Identity.name).where(Identity.id == survivor)).scalar()
    after = name.strip() or None
    _set_name(connection, survivor, after)
    return audit(connection, RENAME, {"identity": survivor, "before": before, "after": after})


def undo(connection: Connection) -> Correction:
    """Take back the latest merge, split, rename or re-association that still stands; again for the one before it.

    The ids that it made or merged stay valid. Raises OmnitrackError when there is nothing left to undo.
    """
    standing = select(Audit).where(Audit.action.in_((MERGE, SPLIT, RENAME, REASSOCIATE)), Audit.undone_us.is_(None))
    row = connection.execute(standing.order_by(Audit.id.desc()).limit(1)).first()
    if row is None:
        raise OmnitrackError("there is no correction to undo")
    done = Correction(row.id, row.action, row.details)
    connection.execute(delete(Constraint).where(Constraint.audit_id == done.audit_id))
    if done.action == MERGE:
        _undo_merge(connection, done.details)
    elif done.action == SPLIT:
        _undo_split(connection, done.details)
    elif done.action == REASSOCIATE:
        take_back(connection, done.details)
    else:
        _set_name(connection, done.details["identity"], done.details["before"])
    connection.execute(update(Audit).where(Audit.id == done.audit_id).values(undone_us=micros(datetime.now(UTC))))
    return done


def _undo_merge(connection: Connection, details: dict[str, Any]) -> None:
    kept, other = details["identity"], details["other"]
    separate(connection, other)
    if details["takes_name"]:
        _set_name(connection, kept, None)
    for row in _sightings(connection, other):
        _log(connection, IdentityEventKind.REVISED, other, kept, row.id)


def _undo_split(connection: Connection, details: dict[str, Any]) -> None:
    survivor, other = details["identity"], details["other"]
    for tracklet_id, before in details["moved"]:
        there = (Tracklet.id == tracklet_id) & (Tracklet.identity_id == other)
        connection.execute(update(Tracklet).where(there).values(identity_id=before))
    restore(connection, details["released"])
    merge(connection, other, survivor)
    _log(connection, IdentityEventKind.MERGED, survivor, other)


def _sightings(connection: Connection, survivor_id: int) -> list[_Sighting]:
    query = (
        select(Tracklet.id, Tracklet.identity_id, Tracklet.start_us, Tracklet.observation_count)
        .join(Identity, Identity.id == Tracklet.identity_id)
        .where(Identity.survivor_id == survivor_id)
        .order_by(Tracklet.start_us, Tracklet.id)
    )
    return list(connection.execute(query))


def _longest(sightings: list[_Sighting]) -> _Sighting | None:
    return max(sightings, key=lambda row: row.observation_count, default=None)


def _constrain(
    connection: Connection, done: Correction, kind: str, these: list[_Sighting | None], those: list[_Sighting | None]
) -> None:
    """One constraint between each of these and each of those sightings; none where somebody has no sighting."""
    pairs = {(a.id, b.id) for a, b in product(these, those) if a is not None and b is not None}
    for a, b in sorted(pairs):
        values = {"audit_id": done.audit_id, "kind": kind, "tracklet_a_id": a, "tracklet_b_id": b}
        connection.execute(insert(Constraint).values(values))


def _set_name(connection: Connection, identity_id: int, name: str | None) -> None:
    connection.execute(update(Identity).where(Identity.id == identity_id).values(name=name))


def _log(
    connection: Connection, kind: IdentityEventKind, identity_id: int, previous_id: int, tracklet_id: int | None = None
) -> None:
    values = {"kind": kind.value, "at_us": micros(datetime.now(UTC)), "identity_id": identity_id}
    connection.execute(insert(Event).values(**values, previous_identity_id=previous_id, tracklet_id=tracklet_id))
