"""Does a user's word stand against what the machine is about to do?"""

from sqlalchemy import Connection, Select, exists, select
from sqlalchemy.orm import aliased

from tracker.store.models import Constraint, Identity, Tracklet

MUST_LINK = "must-link"
CANNOT_LINK = "cannot-link"


def keeps_apart(connection: Connection, one: int, other: int) -> bool:
    """Whether a user split these two people (survivors' ids)."""
    query = _people(CANNOT_LINK)
    return any({row.a, row.b} == {one, other} for row in connection.execute(query))


def forbids_link(connection: Connection, tracklet_id: int, survivor_id: int) -> bool:
    """Whether a user said that the tracklet is not that person, or that it belongs to another."""
    if not connection.execute(select(exists(select(Constraint.id)))).scalar():
        return False
    about = (Constraint.tracklet_a_id == tracklet_id) | (Constraint.tracklet_b_id == tracklet_id)
    for kind in (MUST_LINK, CANNOT_LINK):
        for row in connection.execute(_people(kind).where(about)):
            partner = row.b if row.tracklet_a_id == tracklet_id else row.a
            if (partner == survivor_id) is (kind == CANNOT_LINK):
                return True
    return False


def _people(kind: str) -> Select[int, int, int, int]:
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
