"""`main.py history ID`: where one person was."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.identities import DEFAULT_DB, AsCsv, AsJson, Database, Limit, PageNumber
from tracker.cli.output import Format, chosen_format, clock, duration, print_csv, print_json, print_table, say_more
from tracker.errors import OmnitrackError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tracker.store.queries import Visit

HEADER = ("camera", "start", "end", "seconds", "next_camera", "seconds_to_next", "track_id", "tracklet_id", "crops")


def history(
    identity: Annotated[int, typer.Argument(metavar="ID", help="Identity number, as `identities` lists them.")],
    db: Database = DEFAULT_DB,
    limit: Limit = 1000,
    page: PageNumber = 1,
    out: Annotated[Path | None, typer.Option(help="Write a picture of each sighting, in one JPEG.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show where one person was, from when to when, and where they went next."""
    from tracker.store import queries
    from tracker.store.session import open_store

    style = chosen_format(as_json=as_json, as_csv=as_csv)
    with open_store(db, create=False) as store, store.read() as connection:
        found = queries.history(connection, identity, limit=limit, offset=(page - 1) * limit)
        if out is not None:
            _write_sheet(out, connection, found.visits.rows)
    person, visits = found.identity, found.visits
    if person.id != identity:
        typer.echo(f"identity {identity} was merged into {person.id}, whose history this is", err=True)
    if style is Format.JSON:
        print_json({"requested_id": identity, "identity": person, "visits": visits.rows, "has_more": visits.has_more})
    elif style is Format.CSV:
        print_csv(HEADER, ([getattr(visit, column) for column in HEADER] for visit in visits.rows))
        if visits.has_more:
            say_more(style, f"--page {page + 1}")
    else:
        title = f"identity {person.id}" + (f" ({person.name})" if person.name else "")
        title += f", {person.state}, seen {person.sightings} times for {duration(person.seconds_seen)}"
        more = f"; page {page}, --page {page + 1} shows more" if visits.has_more else ""
        columns = ("Camera", "From", "To", "Stayed", "Next camera", "After", "Tracklet", "Pictures")
        print_table(title + more, columns, (_cells(visit) for visit in visits.rows))


def _write_sheet(out: Path, connection: "Connection", visits: "tuple[Visit, ...]") -> None:
    """Raises OmnitrackError when no pictures were kept."""
    from tracker.pictures.sheet import Tile, decode_jpeg, write_sheet
    from tracker.store.crops import crops_of_sighting, jpeg_of

    tiles = []
    for visit in visits:
        for crop in crops_of_sighting(connection, visit.tracklet_id)[:1]:
            picture = decode_jpeg(jpeg_of(connection, crop.tracklet_id, crop.at))
            tiles.append(Tile(picture, (visit.camera, clock(visit.start), duration(visit.seconds))))
    if not tiles:
        raise OmnitrackError(f"--out {out}: no pictures were kept; output.crops_per_sighting of a run keeps some")
    write_sheet(out, tiles)


def _cells(visit: "Visit") -> tuple[object, ...]:
    gap = visit.seconds_to_next
    after = None if gap is None else "meanwhile" if gap < 0 else duration(gap)
    stay = (clock(visit.start), clock(visit.end), duration(visit.seconds))
    return (visit.camera, *stay, visit.next_camera, after, visit.tracklet_id, visit.crops or None)
