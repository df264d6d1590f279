"""`main.py calibrate CAMERA | clock | appearance`: where a camera looks, what time it shows, how alike people look."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from tracker.cli.detections import tell
from tracker.cli.evaluate import picture_size
from tracker.cli.identities import DEFAULT_DB, Database
from tracker.errors import OmnitrackError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from tracker.core.settings import TrackerConfig
    from tracker.crosscam.ground_plane import GroundCamera
    from tracker.crosscam.segments import Segment
    from tracker.recorded.files import Recording


MOST_TRACKS = 2000
MOST_METRES = 1e9
"""Farther away no place on Earth is in any map's coordinates."""
MOST_ERROR_SECONDS = 0.5
"""A clock offset that is less certain is worth nothing: people walk half a metre meanwhile."""
LEAST_COVERED = 0.05
"""Of the picture: points within a smaller part of it tell little about the rest."""


class CameraUnlessNamed(TyperGroup):
    """`calibrate gate --points ...` and `calibrate --points ... gate` mean `calibrate camera gate --points ...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = not args or args[0] in self.commands or args[0] in ctx.help_option_names
        return super().parse_args(ctx, args if own else ["camera", *args])


app = typer.Typer(
    cls=CameraUnlessNamed,
    help="Calibrate a CAMERA's view of the ground, clocks, and appearance.",
    epilog="A CAMERA's name in place of a command means `camera`, as in: main.py calibrate gate --points gate.txt "
    "--size 1920x1080. Its options: main.py calibrate camera --help",
    no_args_is_help=True,
)


@app.command()
def camera(
    name: Annotated[str, typer.Argument(metavar="CAMERA")],
    points: Annotated[Path, typer.Option(help="Text: per line pixel x, pixel y, and X, Y in metres on the ground")],
    size: Annotated[str, typer.Option(metavar="WIDTHxHEIGHT", help="Of the camera's pictures, in pixels")],
    out: Annotated[Path, typer.Option(help="Calibration file; other cameras in it stay")] = Path("calibration.yaml"),
) -> None:
    """Find where on the ground each pixel lies, from four or more points seen in the picture and measured in metres."""
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from tracker.crosscam.point_pairs import calibrate, errors, left_out_errors, root_mean_square
    from tracker.site.calibration import write_points

    require_camera_name(name)
    image_size = picture_size(size)
    pairs = read_points(points, image_size)
    pixels, metres = pairs[:, :2], pairs[:, 2:]
    try:
        found = calibrate(pixels, metres, image_size)
    except ValueError as error:
        raise OmnitrackError(f"{points}: {error}") from None
    own, left_out = errors(found, pixels, metres), left_out_errors(pixels, metres, image_size)
    write_points(out, name, pairs, image_size)
    table = Table("point", "x", "y", "X m", "Y m", "error m", "when left out m")
    for number, (pair, off, missed) in enumerate(zip(pairs, own, left_out, strict=True), start=1):
        coordinates = [f"{value:g}" for value in pair]
        table.add_row(str(number), *coordinates, f"{off:.3f}", f"{missed:.3f}" if np.isfinite(missed) else "-")
    Console(soft_wrap=True).print(table)
    print(f"{name}: error of the points {root_mean_square(own):.3f} m", end="")
    known = left_out[np.isfinite(left_out)]
    print(
        f", elsewhere about {root_mean_square(known):.3f} m"
        if len(known)
        else "; five points or more tell it elsewhere"
    )
    for doubt in doubts(name, found, pixels, metres):
        tell(doubt)
    print(f"written to {out}")


@app.command()
def clock(
    tracks: Annotated[list[str], typer.Argument(metavar="CAM=FILE CAM=FILE", help="npz of run --record, or MOT text")],
    calibration: Annotated[list[Path], typer.Option(help="Of both cameras: Tsai .xml, WILDTRACK .json, .yaml")],
    fps: Annotated[
        float | None, typer.Option(min=0.01, help="Frames per second of both; default: their own times, or 25")
    ] = None,
    embedding: Annotated[str | None, typer.Option(help="Array of embeddings in an npz that holds several")] = None,
    longest: Annotated[float, typer.Option(min=0.1, max=3600, help="Largest offset to look for, in seconds")] = 10.0,
) -> None:
    """Find how far the clocks of two overlapping calibrated cameras are apart, from the people whom both see."""
    from tracker.cli.evaluate import named_files
    from tracker.crosscam.clock import clock_offset
    from tracker.recorded.files import interval_of, read_recording
    from tracker.recorded.joining import recover
    from tracker.recorded.tracklets import places_of

    files = named_files(",".join(tracks), "calibrate clock", recover)
    if len(files) != 2:
        raise OmnitrackError(f"calibrate clock: two cameras are needed, got {len(files)}")
    first, second = (read_recording(name, file, embedding) for name, file in files.items())
    places = [places_of(recording, calibration_of(recording, calibration), fps) for recording in (first, second)]
    for file, (seconds, _) in zip(files.values(), places, strict=True):
        if not len(seconds):
            raise OmnitrackError(f"{file}: nobody is followed on the ground in it, so no clock can be told from it")
    try:
        found = clock_offset(*places[0], *places[1], interval_of(first.times(fps)), longest)
    except ValueError as error:
        raise OmnitrackError(
            f"{first.camera_id} and {second.camera_id}: {error}; do the views overlap, and do the calibrations share "
            "one ground? A larger --longest may help"
        ) from None
    if found.error > MOST_ERROR_SECONDS:
        raise OmnitrackError(
            f"{first.camera_id} and {second.camera_id}: what both saw leaves the offset uncertain by {found.error:.1f} "
            "s; give longer recordings, with more people whom both see"
        )
    shown = f"{found.seconds:+.2f} s against {first.camera_id} (standard error {found.error:.2f} s)"
    print(f"{second.camera_id} shows {shown}")
    print(f"time_offset_seconds: {-found.seconds:.2f}   # of camera {second.camera_id}")


@app.command()
def appearance(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[CAM=FILE...]", help="npz of run --record; without: --db")
    ] = None,
    db: Database = DEFAULT_DB,
    out: Annotated[Path, typer.Option(help="The picture")] = Path("appearance.png"),
    config: Annotated[Path | None, typer.Option(help="YAML configuration: its tracker and matcher count")] = None,
    fps: Annotated[
        float | None, typer.Option(min=0.01, help="Frames per second of the files; default: their own times, or 25")
    ] = None,
    embedding: Annotated[str | None, typer.Option(help="Array of embeddings in an npz that holds several")] = None,
    people: Annotated[int, typer.Option(min=1, help="Known people, each with its share of the false matches")] = 20,
) -> None:
    """Show how alike looks are, of one person and of different people, and the threshold that follows, as a picture."""
    from tracker.config import Config, load_config
    from tracker.crosscam.comparison import compare
    from tracker.pictures.calibration import draw_likeness

    settings = load_config(config) if config else Config()
    segments = recorded_segments(sources, settings.tracker, fps, embedding) if sources else stored_segments(db)
    rate = settings.matcher.false_match_rate
    found, shared = compare(segments, rate), compare(segments, rate / people).calibration
    if not len(found.populations.same) + len(found.populations.different):
        raise OmnitrackError("calibrate appearance: nothing to learn from: no track is described")
    cameras = sorted({segment.camera_id for segment in segments})
    title = f"{len(segments)} tracks of {', '.join(cameras)}; false-match rate {rate:g}"
    draw_likeness(found.populations, found.calibration, (people, shared.threshold), out, title)
    for name, fit in (("one person", found.calibration.same), ("different people", found.calibration.different)):
        print(f"{name}: cosine {fit.mean:.2f} +- {fit.variance**0.5:.2f}")
    print(f"threshold: {found.calibration.threshold:.2f} with one person known, {shared.threshold:.2f} with {people}")
    print(f"written to {out}")


def recorded_segments(
    sources: list[str], tracker: "TrackerConfig", fps: float | None, embedding: str | None
) -> "list[Segment]":
    """The described tracks of recorded detections."""
    from tracker.cli.evaluate import named_files
    from tracker.recorded.files import read_recording
    from tracker.recorded.joining import recover
    from tracker.recorded.tracklets import segments_of

    files = named_files(",".join(sources), "calibrate appearance", recover)
    return [s for name, file in files.items() for s in segments_of(read_recording(name, file, embedding), tracker, fps)]


def stored_segments(db: str) -> "list[Segment]":
    """The latest MOST_TRACKS described tracks of a database."""
    from tracker.store.session import open_store
    from tracker.store.sightings import HistoryPart, read_sightings

    with open_store(db, create=False) as store, store.read() as connection:
        sightings = read_sightings(connection, HistoryPart())
    return [sighting.segment() for sighting in sightings if sighting.looks][-MOST_TRACKS:]


def calibration_of(recording: "Recording", files: list[Path]) -> "GroundCamera":
    """The recording's camera, for pictures of its size. Raises OmnitrackError where no file knows it."""
    from tracker.crosscam.ground.site import mismatch
    from tracker.site.ground import read_calibrations

    known, size = read_calibrations(files), recording.image_size
    if recording.camera_id not in known:
        raise OmnitrackError(
            f"camera {recording.camera_id}: the calibration does not know it (it knows {', '.join(known)})"
        )
    camera = known[recording.camera_id]
    if size is None:
        return camera
    if (complaint := mismatch(recording.camera_id, camera, size)) is not None:
        raise OmnitrackError(complaint)
    return camera.resized(size)


def require_camera_name(name: str) -> None:
    """Raises OmnitrackError for a name that no camera of a run can have."""
    from tracker.config import CAMERA_NAME

    if not re.fullmatch(CAMERA_NAME, name):
        raise OmnitrackError(
            f"calibrate: a camera cannot be named {name!r}: letters, digits, `_`, `.` and `-` only, as in a run"
        )


def doubts(
    name: str, camera: "GroundCamera", pixels: "NDArray[np.float64]", metres: "NDArray[np.float64]"
) -> "Iterator[str]":
    """What looks wrong with a calibration from these points, a line each."""
    from tracker.crosscam.point_pairs import errors, misfit, root_mean_square
    from tracker.site.ground import coarse

    width, height = camera.image_size
    if (found := misfit(pixels, metres, camera.image_size)) is not None:
        row, rest = found
        whole = root_mean_square(errors(camera, pixels, metres))
        yield f"point {row + 1} does not fit: without it the error of the others is {rest:.3f} m, not {whole:.3f} m"
    if (doubt := coarse(name, camera)) is not None:
        yield doubt
    covered = float((pixels.max(axis=0) - pixels.min(axis=0)).prod()) / (width * height)
    if covered < LEAST_COVERED:
        size = f"{width}x{height}"
        yield f"the points cover {covered:.1%} of a picture of {size} and tell little of the rest; is --size right?"


def read_points(path: Path, image_size: tuple[int, int]) -> "NDArray[np.float64]":
    """(n, 4) pixel x, pixel y, X, Y. Raises OmnitrackError naming the line that is not four numbers, lies outside of
    the picture, or repeats a point.
    """
    import numpy as np

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise OmnitrackError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise OmnitrackError(f"{path}: not a text file; expected lines of pixel x, pixel y, X, Y") from None
    rows: list[list[float]] = []
    origin: dict[tuple[str, float, float], int] = {}
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].replace(",", " ").split()
        if not text:
            continue
        try:
            row = [float(value) for value in text]
        except ValueError:
            row = []
        if len(row) != 4 or not np.isfinite(row).all() or np.abs(row).max() > MOST_METRES:
            raise OmnitrackError(f"{path}: line {number}: expected pixel x, pixel y, X, Y, got {line.strip()!r}")
        if not (0 <= row[0] <= image_size[0] and 0 <= row[1] <= image_size[1]):
            raise OmnitrackError(
                f"{path}: line {number}: pixel {row[0]:g}, {row[1]:g} lies outside of a picture of "
                f"{image_size[0]}x{image_size[1]}: is --size right?"
            )
        for key in (("pixel", row[0], row[1]), ("place", row[2], row[3])):
            if origin.setdefault(key, number) != number:
                raise OmnitrackError(
                    f"{path}: line {number}: the same {key[0]} as in line {origin[key]}; keep one of them"
                )
        rows.append(row)
    return np.array(rows, np.float64).reshape(-1, 4)
