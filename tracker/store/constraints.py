"""Does a user's word stand against what the machine is about to do?"""

from collections.abc import Collection, Set

from sqlalchemy import Connection, Select, delete, exists, insert, select, union
from sqlalchemy.orm import aliased

from tracker.store.models import Audit, Constraint, Identity, Tracklet

MERGE, SPLIT, RENAME = "merge", "split", "rename"
MUST_LINK = "must-link"
CANNOT_LINK = "cannot-link"

_ANYTHING = select(exists(select(Constraint.id)))


def keeps_apart(connection: Connection, one: int, other: int) -> bool:
    """Whether a user split these two people (survivors' ids)."""
    query = people_of(CANNOT_LINK)
    return any({row.a, row.b} == {one, other} for row in connection.execute(query))


def parted_again(connection: Connection, one: int, other: int) -> bool:
    """Whether a user merged these two numbers and took it back."""
    undone = select(Audit.details).where(Audit.action == MERGE, Audit.undone_us.is_not(None))
    return any(
        {details.get("identity"), details.get("other")} == {one, other} for details in connection.scalars(undone)
    )


def forbids_link(connection: Connection, tracklet_id: int, survivor_id: int) -> bool:
    """Whether a user said that the tracklet is not that person, or that it belongs to another."""
    if not connection.scalar(_ANYTHING):
        return False
    about = (Constraint.tracklet_a_id == tracklet_id) | (Constraint.tracklet_b_id == tracklet_id)
    for kind in (MUST_LINK, CANNOT_LINK):
        for row in connection.execute(people_of(kind).where(about)):
            partner = row.b if row.tracklet_a_id == tracklet_id else row.a
            if (partner == survivor_id) is (kind == CANNOT_LINK):
                return True
    return False


def are_spoken_of(connection: Connection, tracklet_ids: Collection[int]) -> bool:
    """Whether a user said anything about one of these tracklets."""
    if not connection.scalar(_ANYTHING):
        return False
    ends = union(select(Constraint.tracklet_a_id), select(Constraint.tracklet_b_id))
    return not set(connection.scalars(ends)).isdisjoint(tracklet_ids)


def release(connection: Connection, these: Set[int], those: Set[int]) -> list[list[int]]:
    """Take back every must-link between the two sets of tracklets, because a user now says otherwise; returns them."""
    kept_together = connection.execute(select(Constraint).where(Constraint.kind == MUST_LINK)).all()
    ends = [(row, {row.tracklet_a_id, row.tracklet_b_id}) for row in kept_together]
    released = [row for row, pair in ends if pair & these and pair & those]
    connection.execute(delete(Constraint).where(Constraint.id.in_([row.id for row in released])))
    return [[row.audit_id, row.tracklet_a_id, row.tracklet_b_id] for row in released]


def restore(connection: Connection, released: list[list[int]]) -> None:
    """Undo release()."""
    for audit_id, tracklet_a_id, tracklet_b_id in released:
        values = {"audit_id": audit_id, "tracklet_a_id": tracklet_a_id, "tracklet_b_id": tracklet_b_id}
        connection.execute(insert(Constraint).values(kind=MUST_LINK, **values))


def inherit(connection: Connection, tracklet_id: int, part_id: int) -> None:
    """What a user said of a tracklet holds for the part that was cut off it."""
    for column in (Constraint.tracklet_a_id, Constraint.tracklet_b_id):
        for row in connection.execute(select(Constraint).where(column == tracklet_id)).all():
            ends = {"tracklet_a_id": row.tracklet_a_id, "tracklet_b_id": row.tracklet_b_id, column.key: part_id}
            connection.execute(insert(Constraint).values(audit_id=row.audit_id, kind=row.kind, **ends))


def people_of(kind: str) -> Select[int, int, int, int]:
    """Constraints of a kind, each with the people (survivors) whom its two tracklets belong to: a and b."""
    tracklet_a, tracklet_b = aliased(Tracklet), aliased(Tracklet)
    person_a, person_b = aliased(Identity), aliased(Identity)
    return (
        select(
            Constraint.tracklet_a_id,
            Constraint.tracklet_b_id,
            person_a.survivor_id.label("a"),
            person_b.survivor_id.label("b"),
        )
        .join(tracklet_a, tracklet_a.id == Constraint.tracklet_a_id)
        .join(tracklet_b, tracklet_b.id == Constraint.tracklet_b_id)
        .join(person_a, person_a.id == tracklet_a.identity_id)
        .join(person_b, person_b.id == tracklet_b.identity_id)
        .where(Constraint.kind == kind)
    )
