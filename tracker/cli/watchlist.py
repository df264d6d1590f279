"""`main.py watchlist add | list | remove`: people to look out for."""

from pathlib import Path
from typing import Annotated

import typer

from tracker.cli.corrections import DryRun
from tracker.cli.identities import DEFAULT_DB, AsCsv, AsJson, Database
from tracker.cli.output import chosen_format, clock, print_found
from tracker.cli.search import ConfigFile, describer, settings
from tracker.errors import OmnitrackError

app = typer.Typer(help="People to look out for, by photos or from the history.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the entry is called.")]


@app.command()
def add(
    name: Name,
    photos: Annotated[list[Path] | None, typer.Argument(metavar="PHOTO...", help="Pictures of the person.")] = None,
    identity: Annotated[int | None, typer.Option(help="A person of the history instead of photos.")] = None,
    db: Database = DEFAULT_DB,
    config: ConfigFile = None,
) -> None:
    """Enrol somebody by photos, of which only the appearance is kept, or from the history."""
    from tracker.photos import read_photo
    from tracker.store import wanted
    from tracker.store.session import open_store
    from tracker.store.similar import require_network

    if (identity is None) is not bool(photos):
        raise OmnitrackError("name photos, or a person of the history with --identity")
    with open_store(db, create=False) as store:
        if identity is not None:
            with store.write() as connection:
                wanted.add_from_identity(connection, name, identity)
        else:
            pictures, opened = [read_photo(photo) for photo in photos or ()], describer(settings(config))
            with store.read() as connection:
                require_network(connection, *opened.network)
            looks = [opened.describe(picture).look for picture in pictures]
            with store.write() as connection:
                wanted.add_from_looks(connection, name, looks)
    typer.echo(f"{name} is on the watchlist")


@app.command("list")
def list_(db: Database = DEFAULT_DB, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Show the list."""
    from tracker.store.session import open_store
    from tracker.store.wanted import entries

    style = chosen_format(as_json=as_json, as_csv=as_csv)
    with open_store(db, create=False) as store, store.read() as connection:
        rows = entries(connection)
    columns = {
        "Name": lambda row: row.name,
        "From": lambda row: "photos" if row.identity_id is None else f"identity {row.identity_id}",
        "Looks": lambda row: row.looks,
        "Added": lambda row: clock(row.added),
    }
    print_found(style, "watchlist", rows, columns, "nobody is on the watchlist")


@app.command()
def remove(name: Name, db: Database = DEFAULT_DB, dry_run: DryRun = False) -> None:
    """Take somebody off the list; their appearance is erased from it."""
    from tracker.store import wanted
    from tracker.store.maintenance import empty_log
    from tracker.store.session import open_store

    with open_store(db, create=False) as store:
        with store.write(dry_run=dry_run) as connection:
            wanted.remove(connection, name)
        if not dry_run:
            empty_log(store)
    typer.echo(f"{name} {'would be' if dry_run else 'is'} off the watchlist")
