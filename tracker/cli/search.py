"""`main.py search PHOTO`: who looks like the person on a photo."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.identities import DEFAULT_DB, AsCsv, AsJson, Database, Since, Until
from tracker.cli.output import chosen_format, clock, duration, print_found
from tracker.times import moment

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tracker.config import Config
    from tracker.likeness import Describer, Likeness
    from tracker.store.similar import Match
    from tracker.video.frame import Image

Photo = Annotated[Path, typer.Argument(metavar="PHOTO", help="JPEG, PNG or WebP that shows the person whole.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="The configuration of the runs, for its networks.")]


def search(
    photo: Photo,
    db: Database = DEFAULT_DB,
    config: ConfigFile = None,
    camera: Annotated[str | None, typer.Option(help="Only sightings of this camera.")] = None,
    since: Since = None,
    until: Until = None,
    top: Annotated[int, typer.Option(min=1, max=1000, help="So many people.")] = 10,
    out: Annotated[Path | None, typer.Option(help="Write the photo and the people found as one picture.")] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Find the people who look most like the one on a photo: the score is 1 for equal looks."""
    from tracker.photos import read_photo
    from tracker.store.session import open_store
    from tracker.store.similar import MatchFilter, open_looks, similar_people

    style = chosen_format(as_json=as_json, as_csv=as_csv)
    chosen = MatchFilter(camera, moment(since), moment(until))
    picture = read_photo(photo)
    with open_store(db, create=False) as store, store.read() as connection, open_looks(store) as index:
        likeness = likeness_of(picture, connection, settings(config))
        index.refresh()
        found = similar_people(connection, index, likeness.look, chosen, top=top)
        if out is not None:
            _write_sheet(out, picture, likeness, found, connection)
    if likeness.score is None:
        typer.echo("nobody was found on the photo; all of it was taken for the person", err=True)
    columns = {
        "ID": lambda row: row.identity_id,
        "Name": lambda row: row.name,
        "Score": lambda row: f"{row.score:.3f}",
        "Camera": lambda row: row.camera,
        "From": lambda row: clock(row.start),
        "Stayed": lambda row: duration((row.end - row.start).total_seconds()),
        "Tracklet": lambda row: row.tracklet_id,
    }
    title = f"who looks like {photo}"
    print_found(style, title, found, columns, "nobody to compare with")


def settings(path: Path | None) -> "Config":
    """The configuration file, or the defaults."""
    from tracker.config import Config, load_config

    return load_config(path) if path else Config()


def likeness_of(photo: "Image", connection: "Connection", config: "Config") -> "Likeness":
    """Raises OmnitrackError when nobody is on the photo, and when the database was made with another network."""
    from tracker.store.similar import require_network

    opened = describer(config)
    require_network(connection, *opened.network)
    return opened.describe(photo)


def describer(config: "Config") -> "Describer":
    """The networks that describe a person on a photo."""
    from tracker.networks import build_describer

    return build_describer(config, lambda line: typer.echo(line, err=True))


def _write_sheet(
    out: Path, photo: "Image", likeness: "Likeness", found: "tuple[Match, ...]", connection: "Connection"
) -> None:
    from tracker.pictures.sheet import Tile, decode_jpeg, write_sheet
    from tracker.store.crops import crops_of_person, crops_of_sighting, jpeg_of

    left, top, right, bottom = likeness.box_xyxy.astype(int)
    tiles = [Tile(photo[max(top, 0) : bottom, max(left, 0) : right], ("the photo",))]
    for match in found:
        crops = crops_of_sighting(connection, match.tracklet_id)
        crops = crops or crops_of_person(connection, match.identity_id, limit=1)
        picture = decode_jpeg(jpeg_of(connection, crops[0].tracklet_id, crops[0].at)) if crops else None
        who = f"{match.identity_id} {match.name or ''}"
        tiles.append(Tile(picture, (who, f"{match.score:.3f} {match.camera}", clock(match.start))))
    write_sheet(out, tiles)
