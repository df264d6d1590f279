"""`main.py forget | retain | export`: what the law asks of whoever films people."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.corrections import DryRun, Identity
from tracker.cli.identities import DEFAULT_DB, Database
from tracker.errors import OmnitrackError

if TYPE_CHECKING:
    from tracker.store.privacy import Erased


def forget(
    identity: Identity,
    db: Database = DEFAULT_DB,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Erase a person for good: sightings, appearance, name, clips. Backups and exported files are not touched."""
    from tracker.store import privacy
    from tracker.store.session import open_store

    with open_store(db, create=False) as store:
        if not dry_run and not yes:
            _confirm(f"identity {identity}: erase {_counts(privacy.forget(store, identity, dry_run=True))} for good?")
        _report(privacy.forget(store, identity, dry_run=dry_run), dry_run)


def retain(
    days: Annotated[float, typer.Option(min=0, help="Keep what is at most this old.")],
    camera: Annotated[str | None, typer.Option(help="Only sightings of this camera.")] = None,
    db: Database = DEFAULT_DB,
    dry_run: DryRun = False,
) -> None:
    """Erase everything older than some days. Meant to be run by cron."""
    from tracker.store import privacy
    from tracker.store.session import open_store

    keep_from = datetime.now(UTC) - timedelta(days=days)
    with open_store(db, create=False) as store:
        _report(privacy.retain(store, keep_from, camera=camera, dry_run=dry_run), dry_run)


def export(
    identity: Identity,
    out: Annotated[Path | None, typer.Option(help="Archive to write; identity-ID.zip if not given.")] = None,
    db: Database = DEFAULT_DB,
) -> None:
    """Write all of one person's data to one archive."""
    from tracker.store.export import export_person
    from tracker.store.session import open_store

    target = out or Path(f"identity-{identity}.zip")
    with open_store(db, create=False) as store, store.read() as connection:
        person = export_person(connection, identity, target)
    typer.echo(f"{target}: {_some(person.identity.sightings, 'sighting')} of identity {person.identity.id}")


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise OmnitrackError("nobody is there to confirm; add --yes to erase, or --dry-run to see what would go")
    typer.confirm(question, abort=True, err=True)


def _counts(erased: "Erased") -> str:
    people = "1 person" if erased.people == 1 else f"{erased.people} people"
    rows = ((erased.tracklets, "sighting"), (erased.boxes, "box"), (erased.embeddings, "embedding"))
    clips = ((erased.clips, "clip"),) if erased.clips else ()
    return ", ".join([people, *(_some(count, what) for count, what in (*rows, *clips))])


def _some(count: int, what: str) -> str:
    """1 box, 2 boxes, 0 clips."""
    return f"{count} {what}" if count == 1 else f"{count} {what}{'es' if what.endswith('x') else 's'}"


def _report(erased: "Erased", dry_run: bool) -> None:
    typer.echo(("would erase " if dry_run else "erased ") + _counts(erased))
