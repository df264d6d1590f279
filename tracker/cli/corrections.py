"""`main.py merge | split | rename | undo`: what users know better than the machine."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.identities import DEFAULT_DB, Database

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tracker.store.auditing import Correction

Identity = Annotated[int, typer.Argument(metavar="ID", help="Identity number, as `identities` lists them.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]


def merge(
    identity: Identity,
    other: Annotated[int, typer.Argument(metavar="OTHER", help="The same person's other number.")],
    db: Database = DEFAULT_DB,
    dry_run: DryRun = False,
) -> None:
    """Say that two identities are one person, who keeps the number ID."""
    from tracker.store import corrections

    _correct(db, dry_run, lambda connection: corrections.merge_identities(connection, identity, other))


def split(
    identity: Identity,
    tracklet: Annotated[int, typer.Argument(metavar="TRACKLET", help="A sighting's number, as `history` shows it.")],
    only: Annotated[bool, typer.Option("--only", help="Only this sighting, not the later ones.")] = False,
    db: Database = DEFAULT_DB,
    dry_run: DryRun = False,
) -> None:
    """Say that from a sighting on it was somebody else, who gets a new number."""
    from tracker.store import corrections

    _correct(db, dry_run, lambda connection: corrections.split_identity(connection, identity, tracklet, only=only))


def rename(
    identity: Identity,
    name: Annotated[str, typer.Argument(help='The person\'s name; "" takes it away.')],
    db: Database = DEFAULT_DB,
    dry_run: DryRun = False,
) -> None:
    """Give a person a name."""
    from tracker.store import corrections

    _correct(db, dry_run, lambda connection: corrections.rename_identity(connection, identity, name))


def undo(db: Database = DEFAULT_DB, dry_run: DryRun = False) -> None:
    """Take back the latest merge, split, rename or re-association; again for the one before."""
    from tracker.store import corrections

    _correct(db, dry_run, corrections.undo, "undone: ")


def _correct(db: str, dry_run: bool, change: "Callable[[Connection], Correction]", prefix: str = "") -> None:
    from tracker.store.session import open_store

    with open_store(db, create=False) as store, store.write(dry_run=dry_run) as connection:
        done = change(connection)
    typer.echo(("would do: " if dry_run else "") + prefix + _sentence(done))


def _sentence(done: "Correction") -> str:
    details = done.details
    if done.action == "reassociate":
        moved, merged, made = (len(details[key]) for key in ("moved", "merged", "made"))
        return f"the re-association of {moved} sighting(s), {merged} merged and {made} new identities"
    who = f"identity {details['identity']}"
    match done.action:
        case "merge":
            return f"identity {details['other']} is {who} from now on"
        case "split":
            return f"{len(details['moved'])} sighting(s) of {who} belong to the new identity {details['other']}"
        case _:
            return f"{who} is called {details['after']!r}" if details["after"] else f"{who} has no name"
