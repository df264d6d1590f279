"""`main.py events`: what happened at zones and lines."""

from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.identities import DEFAULT_DB, AsCsv, AsJson, Database, Since, Until
from tracker.cli.output import Format, chosen_format, clock, duration, print_found, print_json, print_rows, say_more
from tracker.times import moment

if TYPE_CHECKING:
    from tracker.store.place_queries import PlaceEntry


def events(
    db: Database = DEFAULT_DB,
    camera: Annotated[str | None, typer.Option(help="Only this camera.")] = None,
    zone: Annotated[str | None, typer.Option(help="Only this zone or line.")] = None,
    kind: Annotated[str | None, typer.Option(help="entered, left, crossed, over_limit or within_limit.")] = None,
    identity: Annotated[int | None, typer.Option(help="Only this person.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Rows per page.")] = 100,
    after: Annotated[int, typer.Option(help="Only events with a higher number: the next page.")] = 0,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Who entered and left zones, crossed lines and which way, and when a zone was too full."""
    from tracker.core.zones import PlaceEventKind
    from tracker.errors import OmnitrackError
    from tracker.store.place_queries import PlaceFilter, place_events
    from tracker.store.session import open_store

    style = chosen_format(as_json=as_json, as_csv=as_csv)
    if kind is not None and kind not in list(PlaceEventKind):
        raise OmnitrackError(f"--kind {kind}: there are {', '.join(PlaceEventKind)}")
    chosen = PlaceFilter(camera, zone, kind, identity, moment(since), moment(until))
    with open_store(db, create=False) as store, store.read() as connection:
        found = place_events(connection, chosen, limit=limit, after=after)
    if style is Format.JSON:
        print_json({"events": found.rows, "has_more": found.has_more})
    elif found.rows:
        more = f"; --after {found.rows[-1].id} shows more" if found.has_more else ""
        columns = {
            "Event": lambda row: row.id,
            "Time": lambda row: clock(row.at),
            "Camera": lambda row: row.camera,
            "Place": lambda row: row.place,
            "What": what,
            "Person": lambda row: row.identity_id,
            "Name": lambda row: row.name,
        }
        print_rows(style, f"events{more}", found.rows, columns)
        if found.has_more:
            say_more(style, f"--after {found.rows[-1].id}")
    if not found.rows:
        typer.echo("nothing happened there", err=True)
        raise typer.Exit(1)


def places(db: Database = DEFAULT_DB, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """The zones and lines of the cameras, as of their latest run."""
    from tracker.store.place_queries import places as stored_places
    from tracker.store.session import open_store

    style = chosen_format(as_json=as_json, as_csv=as_csv)
    with open_store(db, create=False) as store, store.read() as connection:
        rows = stored_places(connection)
    columns = {
        "Camera": lambda row: row.camera,
        "Name": lambda row: row.name,
        "Kind": lambda row: row.kind,
        "Corners": lambda row: ", ".join(f"{x:.2f} {y:.2f}" for x, y in row.points),
        "Most people": lambda row: row.most_people,
        "Since": lambda row: clock(row.since),
    }
    print_found(style, "zones and lines", rows, columns, "there are no zones and lines")


def what(row: "PlaceEntry") -> str:
    """`left after 4:05`, `crossed to the right`, `over limit: 5 people`."""
    if row.dwell_seconds is not None:
        return f"left after {duration(row.dwell_seconds)}"
    if row.direction is not None:
        return f"crossed to the {row.direction}"
    if row.count is not None:
        return f"{row.kind.replace('_', ' ')}: {row.count} people"
    return row.kind
