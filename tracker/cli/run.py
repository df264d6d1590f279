"""`main.py run A.mp4 B.mp4`: cameras in, global identities out."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.errors import OmnitrackError

if TYPE_CHECKING:
    from tracker.config import CameraConfig, Config

DEFAULT_FOLDER = Path("omnitrack_output")


def cameras_from(sources: list[str]) -> "tuple[CameraConfig, ...]":
    """PATH or NAME=PATH -> cameras; the name of a plain path is its stem.

    Raises OmnitrackError for two cameras with one name and for names that cannot be file names.
    """
    from pydantic import ValidationError

    from tracker.config import CameraConfig, explain, require_different_names

    cameras = []
    for text in sources:
        name, separator, path = text.partition("=")
        if not separator or "/" in name or Path(text).exists():
            name, path = Path(text).stem, text
        try:
            cameras.append(CameraConfig(name=name, source=path))
        except ValidationError as error:
            raise OmnitrackError(f"{text}: {explain(error)}; write NAME=PATH to choose another name") from None
    try:
        require_different_names(tuple(cameras))
    except ValueError as error:
        raise OmnitrackError(f"{error}, as NAME=PATH") from None
    return tuple(cameras)


def configuration(path: Path | None, sources: list[str]) -> "Config":
    """The configuration file (or the defaults) with the cameras of the command line, if any, in place of its own."""
    from tracker.config import Config, load_config

    config = load_config(path) if path else Config()
    if sources:
        config = config.model_copy(update={"cameras": cameras_from(sources)})
    if not config.cameras:
        raise OmnitrackError("no camera: name video files on the command line, or cameras in --config")
    return config


def with_topology(config: "Config", file: Path | None, learn: bool) -> "Config":
    """The configuration with the command line's file of walking times, if there is one."""
    if file is None and not learn:
        return config
    file = file or config.topology.file
    if file is None:
        raise OmnitrackError("--learn-topology: name the file to write with --topology")
    topology = config.topology.model_copy(update={"file": file, "learn": learn or config.topology.learn})
    return config.model_copy(update={"topology": topology})


def with_calibration(config: "Config", files: list[Path] | None) -> "Config":
    """The configuration with the command line's calibrations, if there are any, in place of its own."""
    if not files:
        return config
    ground = config.ground.model_copy(update={"calibration": tuple(files)})
    return config.model_copy(update={"ground": ground})


class LogStyle(StrEnum):
    TEXT = "text"
    JSON = "json"


RECORDED = "Recorded detections"
"""Panel of the help for what counts only with --detections."""


def run(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="VIDEO...", help="Video files, as PATH or NAME=PATH")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML configuration; see configs/default.yaml")] = None,
    out: Annotated[Path, typer.Option(help="Folder for videos, MOT files, timeline and database")] = DEFAULT_FOLDER,
    db: Annotated[str | None, typer.Option(help="Database: a file or a URL; default OUT/omnitrack.db")] = None,
    fps: Annotated[
        float | None, typer.Option(min=0.01, help="True frames per second, for files that state a wrong rate")
    ] = None,
    video: Annotated[bool | None, typer.Option("--video/--no-video", help="Write annotated videos")] = None,
    record: Annotated[bool, typer.Option("--record", help="Keep detections and embeddings: OUT/CAMERA.npz")] = False,
    topology: Annotated[
        Path | None, typer.Option(help="YAML of walking times between cameras that do not overlap")
    ] = None,
    learn_topology: Annotated[
        bool, typer.Option("--learn-topology", help="Add the walking times of this run to the file --topology")
    ] = False,
    calibration: Annotated[
        list[Path] | None,
        typer.Option(help="Places overlapping cameras on one ground: Tsai .xml, WILDTRACK .json, .yaml of `calibrate`"),
    ] = None,
    log: Annotated[LogStyle | None, typer.Option(help="Messages for people or for machines")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar")] = False,
    detections: Annotated[
        bool,
        typer.Option(
            "--detections",
            rich_help_panel=RECORDED,
            help="The sources are CAM=FILE...: npz of --record, or MOT text; a database is kept where --db names one",
        ),
    ] = False,
    embedding: Annotated[
        str | None, typer.Option(rich_help_panel=RECORDED, help="Array of embeddings in an npz that holds several")
    ] = None,
    embeddings: Annotated[
        str | None,
        typer.Option(rich_help_panel=RECORDED, help="npz of embeddings for MOT text: CAM=FILE,... or a folder"),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", rich_help_panel=RECORDED, help="Correct the history to its end")
    ] = False,
) -> None:
    """Find, follow and identify the people in several cameras; keep their history."""
    from tracker.cli.detections import DetectionOptions, associate_detections
    from tracker.cli.execute import execute
    from tracker.config import Config, load_config

    options = DetectionOptions(embedding, embeddings, offline)
    if detections:
        if video is not None or record:
            raise OmnitrackError("--detections: there are no pictures; leave out --video and --record")
        settings = with_topology(load_config(config) if config else Config(), topology, learn_topology)
        settings = with_calibration(settings, calibration)
        associate_detections(settings, sources or [], options, out, db, fps)
        return
    if options != DetectionOptions():
        raise OmnitrackError("--embedding, --embeddings and --offline belong to --detections")
    settings = with_topology(configuration(config, sources or []), topology, learn_topology)
    settings = with_calibration(settings, calibration)
    if fps is not None:
        cameras = tuple(camera.model_copy(update={"frames_per_second": fps}) for camera in settings.cameras)
        settings = settings.model_copy(update={"cameras": cameras})
    if video is not None:
        output = settings.output.model_copy(update={"video": video})
        settings = settings.model_copy(update={"output": output})
    if log is not None:
        operation = settings.operation.model_copy(update={"log": log})
        settings = settings.model_copy(update={"operation": operation})
    reread = (lambda: load_config(config)) if config is not None and not sources else None
    execute(settings, out, db or str(out / "omnitrack.db"), quiet=quiet, record=record, reread=reread)
