"""`main.py db backup | check | migrate | vacuum`: care for the database file."""

from pathlib import Path
from typing import Annotated

import typer

from tracker.cli.identities import DEFAULT_DB, Database
from tracker.cli.output import size

app = typer.Typer(help="Back up, check, upgrade or compact the database.", no_args_is_help=True)


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="New file for the copy.")], db: Database = DEFAULT_DB
) -> None:
    """Copy one consistent state to a new file, also while a run is writing."""
    from tracker.store import maintenance
    from tracker.store.session import open_store

    with open_store(db, create=False) as store:
        typer.echo(f"{target}: {size(maintenance.backup(store, target))}")


@app.command()
def check(db: Database = DEFAULT_DB) -> None:
    """Read everything and name what is damaged. Exit code 1 if something is."""
    from tracker.store import maintenance
    from tracker.store.session import open_store

    with open_store(db, create=False) as store, store.read() as connection:
        problems = maintenance.check(connection)
    for problem in problems:
        typer.echo(problem)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{db}: all is well")


@app.command()
def migrate(db: Database = DEFAULT_DB) -> None:
    """Upgrade the schema to this program's version, keeping a backup; every other command upgrades without one."""
    from tracker.store import maintenance
    from tracker.store.location import database_path, prepare, stored_revision
    from tracker.store.server import server_url
    from tracker.store.session import REVISION, Store, open_store

    if server_url(db) is not None:
        open_store(db, create=False).close()
        typer.echo(f"{REVISION} is the schema of the database on the server; back it up with pg_dump")
        return
    path = database_path(db)
    prepare(path, create=False)
    before = stored_revision(path)
    if before == REVISION:
        typer.echo(f"{db}: is up to date (schema {REVISION})")
        return
    if before is not None and before < REVISION:
        kept = path.with_name(f"{path.name}.schema-{before}")
        with Store(path) as old:
            maintenance.backup(old, kept)
        typer.echo(f"{kept}: backup of schema {before}")
    open_store(db, create=False).close()
    typer.echo(f"{db}: schema {REVISION}")


@app.command()
def vacuum(db: Database = DEFAULT_DB) -> None:
    """Give the space of erased data back to the disk."""
    from tracker.store import maintenance
    from tracker.store.session import open_store

    with open_store(db, create=False) as store:
        before, after = maintenance.vacuum(store)
    typer.echo(f"{db}: {size(before)} -> {size(after)}")
