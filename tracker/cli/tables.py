"""`main.py tables FOLDER`: the history as Parquet files, for pandas and polars."""

from pathlib import Path
from typing import Annotated

import typer

from tracker.cli.identities import DEFAULT_DB, Database, Since, Until
from tracker.errors import OmnitrackError
from tracker.times import moment


def tables(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="New folder for the files.")],
    only: Annotated[
        list[str] | None, typer.Option(help="sightings, boxes, events, places or embeddings; repeat for more.")
    ] = None,
    camera: Annotated[str | None, typer.Option(help="Only sightings of this camera.")] = None,
    since: Since = None,
    until: Until = None,
    db: Database = DEFAULT_DB,
) -> None:
    """Write the history as Parquet tables. They are files of their own: `forget` does not reach into them."""
    from tracker.store.session import open_store
    from tracker.store.tables import Table, TableFilter, write_tables

    unknown = [name for name in only or () if name not in list(Table)]
    if unknown:
        raise OmnitrackError(f"--only {unknown[0]}: there are {', '.join(Table)}")
    chosen = TableFilter(camera, moment(since), moment(until))
    with open_store(db, create=False) as store, store.read() as connection:
        written = write_tables(connection, folder, chosen, tuple(map(Table, only or Table)))
    for table, rows in written.items():
        typer.echo(f"{folder / table}: {rows} rows")
