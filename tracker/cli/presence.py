"""`main.py who | together | transitions | occupancy | last-seen`: places and company."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from tracker.cli.corrections import Identity
from tracker.cli.identities import DEFAULT_DB, AsCsv, AsJson, Database, Limit, PageNumber, Since, Until
from tracker.cli.output import chosen_format, clock, duration, print_found, say_more
from tracker.times import length, moment

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")

NOBODY = "nobody was seen"
NO_MORE = "there are not so many pages"

CameraName = Annotated[str, typer.Argument(metavar="CAMERA", help="The camera's name.")]


def who(
    camera: CameraName,
    since: Since = None,
    until: Until = None,
    db: Database = DEFAULT_DB,
    limit: Limit = 100,
    page: PageNumber = 1,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Who was in view of a camera between two times, in the order in which they left."""
    from tracker.store import presence

    style = chosen_format(as_json=as_json, as_csv=as_csv)
    first, last = moment(since), moment(until)
    found = _asked(db, lambda c: presence.present(c, camera, first, last, limit=limit, offset=(page - 1) * limit))
    columns = {
        "ID": lambda row: row.identity_id,
        "Name": lambda row: row.name,
        "From": lambda row: clock(row.start),
        "To": lambda row: clock(row.end),
        "Stayed": lambda row: duration(row.seconds),
        "Tracklet": lambda row: row.tracklet_id,
    }
    more = f"; page {page}, --page {page + 1} shows more" if found.has_more else ""
    print_found(style, f"in view of {camera}{more}", found.rows, columns, NOBODY if page == 1 else NO_MORE)
    if found.has_more:
        say_more(style, f"--page {page + 1}")


def together(
    identity: Identity,
    min_seconds: Annotated[float, typer.Option(min=0, help="In company for at least this long in all.")] = 0.0,
    db: Database = DEFAULT_DB,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Who was in view of the same camera at the same time as a person, longest company first."""
    from tracker.store import presence

    style = chosen_format(as_json=as_json, as_csv=as_csv)
    rows = _asked(db, lambda connection: presence.together(connection, identity, min_seconds=min_seconds))
    columns = {
        "ID": lambda row: row.identity_id,
        "Name": lambda row: row.name,
        "Cameras": lambda row: ", ".join(row.cameras),
        "Times": lambda row: row.times,
        "First": lambda row: clock(row.first),
        "Last": lambda row: clock(row.last),
        "Together": lambda row: duration(row.seconds),
    }
    print_found(style, f"in company of identity {identity}", rows, columns, NOBODY)


def transitions(
    since: Since = None,
    until: Until = None,
    db: Database = DEFAULT_DB,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """From which camera people went to which, and how long it took them."""
    from tracker.store import presence

    style = chosen_format(as_json=as_json, as_csv=as_csv)
    first, last = moment(since), moment(until)
    rows = _asked(db, lambda connection: presence.transitions(connection, first, last))
    columns = {
        "From": lambda row: row.from_camera,
        "To": lambda row: row.to_camera,
        "Times": lambda row: row.times,
        "People": lambda row: row.people,
        "Mean seconds between": lambda row: f"{row.mean_seconds:.1f}",
    }
    print_found(style, "ways between cameras", rows, columns, NOBODY)


def occupancy(
    since: Since = None,
    until: Until = None,
    bucket: Annotated[str, typer.Option(help="Length of a bucket: 30s, 15m, 1h, 1d.")] = "15m",
    camera: Annotated[str | None, typer.Option(help="Only this camera.")] = None,
    db: Database = DEFAULT_DB,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """How many different people were in view over time; the last day with data unless told otherwise."""
    from tracker.store import presence

    style = chosen_format(as_json=as_json, as_csv=as_csv)
    step, first, last = length(bucket), moment(since), moment(until)

    def ask(connection: "Connection") -> Sequence[object]:
        begin, end = presence.last_day(connection, first, last, step)
        return presence.occupancy(connection, begin, end, step, camera=camera)

    columns = {
        "Camera": lambda row: row.camera,
        "From": lambda row: clock(row.start),
        "People": lambda row: row.people,
    }
    print_found(style, f"different people per {bucket}", _asked(db, ask), columns, NOBODY)


def last_seen(limit: Limit = 50, db: Database = DEFAULT_DB, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """Where everybody was seen last, latest first."""
    from tracker.store import presence

    style = chosen_format(as_json=as_json, as_csv=as_csv)
    rows = _asked(db, lambda connection: presence.last_seen(connection, limit=limit))
    columns = {
        "ID": lambda row: row.identity_id,
        "Name": lambda row: row.name,
        "Camera": lambda row: row.camera,
        "Until": lambda row: clock(row.end),
        "Stayed": lambda row: duration(row.seconds),
    }
    print_found(style, "last seen", rows, columns, NOBODY)


def _asked(db: str, question: "Callable[[Connection], T]") -> T:
    from tracker.store.session import open_store

    with open_store(db, create=False) as store, store.read() as connection:
        return question(connection)
