"""Identities: who is certain, who was merged into whom, and whose name that is."""

from sqlalchemy import Connection, bindparam, select, update

from tracker.errors import NotFoundError
from tracker.store.models import Identity

PROVISIONAL = "provisional"
CONFIRMED = "confirmed"


_SURVIVOR = select(Identity.survivor_id).where(Identity.id == bindparam("identity"))


def survivor_of(connection: Connection, identity_id: int) -> int | None:
    """The identity that this one became through merges (itself if none), None if it never existed."""
    return connection.scalar(_SURVIVOR, {"identity": identity_id})


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


def have_two_names(connection: Connection, one: int, other: int) -> bool:
    """Whether users called them differently: then they are two people."""
    names = connection.scalars(select(Identity.name).where(Identity.id.in_((one, other)), Identity.name.is_not(None)))
    return len(set(names)) > 1


def hand_over_name(connection: Connection, gone: int, survivor: int) -> None:
    """The name of somebody who is about to be merged, if there is one, becomes that of the survivor."""
    name = connection.scalar(select(Identity.name).where(Identity.id == survivor_of(connection, gone)))
    if name is not None:
        into = survivor_of(connection, survivor)
        connection.execute(update(Identity).where(Identity.id == into).values(name=name))
