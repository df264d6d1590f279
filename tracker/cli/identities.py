"""`main.py identities`: everybody who was seen."""

from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.output import Format, chosen_format, clock, duration, print_csv, print_json, print_table, say_more
from tracker.times import moment

if TYPE_CHECKING:  # the database's modules are slow to import, and --help needs none of them
    from tracker.store.queries import IdentitySummary

DEFAULT_DB = "omnitrack_output/omnitrack.db"

Database = Annotated[str, typer.Option("--db", help="Database: a file, or postgresql://user@host/name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="Rows per page.")]
PageNumber = Annotated[int, typer.Option("--page", min=1, help="Which page.")]
Since = Annotated[str | None, typer.Option(help="From this time on: 2026-11-01T14:00, 14:00, yesterday 14:00.")]
Until = Annotated[str | None, typer.Option(help="Up to this time.")]

HEADER = ("id", "name", "state", "sightings", "cameras", "first_seen", "last_seen", "seconds_seen")


def identities(
    db: Database = DEFAULT_DB,
    camera: Annotated[str | None, typer.Option(help="Only sightings of this camera.")] = None,
    zone: Annotated[str | None, typer.Option(help="Only who was in this zone, or crossed this line.")] = None,
    since: Since = None,
    until: Until = None,
    min_sightings: Annotated[int, typer.Option(min=1, help="Seen at least this many times.")] = 1,
    name: Annotated[str | None, typer.Option(help="Only the person of this name.")] = None,
    limit: Limit = 50,
    after: Annotated[int, typer.Option(help="Only identities with a higher number: the next page.")] = 0,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """List the people who were seen, with where and when."""
    from tracker.store import queries
    from tracker.store.session import open_store

    style = chosen_format(as_json=as_json, as_csv=as_csv)
    chosen = queries.IdentityFilter(camera, moment(since), moment(until), min_sightings, name, zone)
    with open_store(db, create=False) as store, store.read() as connection:
        found = queries.identities(connection, chosen, limit=limit, after=after)
    if style is Format.JSON:
        print_json({"identities": found.rows, "has_more": found.has_more})
    elif style is Format.CSV:
        print_csv(HEADER, ([getattr(row, column) for column in HEADER] for row in found.rows))
        if found.has_more:
            say_more(style, f"--after {found.rows[-1].id}")
    elif found.rows:
        more = f"people; --after {found.rows[-1].id} shows more" if found.has_more else "people"
        columns = ("ID", "Name", "State", "Sightings", "Cameras", "First seen", "Last seen", "In view")
        print_table(more, columns, (_cells(row) for row in found.rows))
    if not found.rows:
        typer.echo("nobody was seen", err=True)
        raise typer.Exit(1)


def _cells(row: "IdentitySummary") -> tuple[object, ...]:
    where = ", ".join(row.cameras)
    seen = (clock(row.first_seen), clock(row.last_seen), duration(row.seconds_seen))
    return (row.id, row.name, row.state, row.sightings, where, *seen)
