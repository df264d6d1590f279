"""What users know better than the machine, and erasure. Done in the name of the token, as the audit says."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tracker.store.auditing import Correction
from tracker.store.corrections import merge_identities, rename_identity, split_identity, undo
from tracker.store.privacy import Erased, forget
from tracker.web.access import Admin, Operator
from tracker.web.questions import MOST, IdentityId, PlainText

router = APIRouter(tags=["corrections"])

DryRun = Annotated[bool, Query(description="Only say what would happen.")]
Number = Annotated[int, Field(ge=1, le=MOST)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MergeBody(_Body):
    """other: the same person's other number."""

    other: Number


class SplitBody(_Body):
    """tracklet: a sighting's number, as the history shows it. only: this sighting alone, not the later ones."""

    tracklet: Number
    only: bool = False


class NameBody(_Body):
    """name: empty takes it away."""

    name: Annotated[str, StringConstraints(max_length=200, pattern=PlainText)]


@router.post("/identities/{identity}/merge")
def merge(caller: Operator, identity: IdentityId, body: MergeBody, dry_run: DryRun = False) -> Correction:
    """Say that two identities are one person, who keeps this number."""
    with caller.write(dry_run=dry_run) as connection:
        return merge_identities(connection, identity, body.other)


@router.post("/identities/{identity}/split")
def split(caller: Operator, identity: IdentityId, body: SplitBody, dry_run: DryRun = False) -> Correction:
    """Say that from a sighting on it was somebody else, who gets a new number."""
    with caller.write(dry_run=dry_run) as connection:
        return split_identity(connection, identity, body.tracklet, only=body.only)


@router.put("/identities/{identity}/name")
def rename(caller: Operator, identity: IdentityId, body: NameBody, dry_run: DryRun = False) -> Correction:
    """Give a person a name."""
    with caller.write(dry_run=dry_run) as connection:
        return rename_identity(connection, identity, body.name)


@router.post("/undo")
def take_back(caller: Operator, dry_run: DryRun = False) -> Correction:
    """Take back the latest merge, split or rename; again for the one before."""
    with caller.write(dry_run=dry_run) as connection:
        return undo(connection)


@router.delete("/identities/{identity}")
def erase(caller: Admin, identity: IdentityId, dry_run: DryRun = False) -> Erased:
    """Erase a person for good: sightings, appearance, pictures, name."""
    return forget(caller.store, identity, dry_run=dry_run, actor=caller.actor)
