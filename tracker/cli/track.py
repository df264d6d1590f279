"""`main.py track DETECTIONS`: the single-camera tracker alone, on detections from a file."""

import csv
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated

import typer

from tracker.core.types import TrackQuality
from tracker.errors import OmnitrackError

PRESET_NAMES = "reid, iou, sort, deepsort, bytetrack, ocsort"


def track(
    detections: Annotated[Path, typer.Argument(help="MOT text (frame,-1,left,top,width,height,score) or npz")],
    out: Annotated[Path | None, typer.Option(help="MOT file to write; standard output if left out")] = None,
    embedding: Annotated[str | None, typer.Option(help="Array of the npz that holds the embeddings")] = None,
    fps: Annotated[float, typer.Option(min=0.01, help="Frames per second of real time")] = 25.0,
    preset: Annotated[str, typer.Option(help=f"One of {PRESET_NAMES}")] = "reid",
    quality: Annotated[Path | None, typer.Option(help="CSV file to write: how well each track was seen")] = None,
    interpolate: Annotated[float, typer.Option(min=0, help="Smooth tracks, fill gaps up to so many seconds")] = 0.0,
    state: Annotated[
        Path | None, typer.Option(help="Go on where this file says, if it is there; written at the end")
    ] = None,
) -> None:
    """Track one camera's detections; prints or writes rows frame,id,left,top,width,height,score,-1,-1,-1.

    An npz holds arrays frame (n,) from 1, boxes_xyxy (n, 4) pixels, conf (n,), optionally n_frames and embeddings.

    With --state a long recording can be followed in pieces, whose frames are counted on: all their rows together are
    those of one go, and ids go on. A track that comes to count in a later piece has its first rows there.
    """
    from tracker.cli.continuing import follow_on, save
    from tracker.cli.single_camera import RecordedTracker, interpolated
    from tracker.core.presets import PRESETS
    from tracker.evaluation.mot import format_mot, write_mot
    from tracker.recorded.files import read_recording

    if preset not in PRESETS:
        raise OmnitrackError(f"--preset: no preset {preset!r}; choose one of {', '.join(PRESETS)}")
    if not math.isfinite(fps):
        raise OmnitrackError(f"--fps: must be a finite number, got {fps}")
    if state is not None and interpolate:
        raise OmnitrackError("--interpolate: needs whole tracks; leave out --state, and follow all pieces in one go")
    check_written({"DETECTIONS": detections, "--out": out, "--quality": quality, "--state": state})
    config, settings = PRESETS[preset], {"fps": fps, "preset": preset}
    tracker = RecordedTracker(fps, config) if state is None else follow_on(state, settings, config)
    recording = read_recording("camera", detections, embedding)
    if any(len(seen) for seen in recording.frames[: tracker.frames_done]):
        raise OmnitrackError(
            f"{detections}: {state} says that frames up to {tracker.frames_done} were followed already; give the piece "
            "after them, or another --state"
        )
    try:
        tracker.follow(recording.looked_at())
    except ValueError as error:
        raise OmnitrackError(f"{detections}: {error}") from None
    after = tracker.state()
    rows, qualities = tracker.finish()
    if quality is not None:
        write_qualities(quality, qualities)
    if interpolate:
        rows = interpolated(rows, fps, interpolate, config.motion)
    if out is None:
        print(format_mot(rows), end="")
    else:
        write_mot(out, rows)
    if state is not None:
        save(state, settings, after)


def check_written(files: Mapping[str, Path | None]) -> None:
    """OmnitrackError unless every file but the first, which is read, can be written beside the others."""
    named: dict[Path, str] = {}
    for option, file in files.items():
        if file is None:
            continue
        if named and file.is_dir():
            raise OmnitrackError(f"{option}: {file} is a folder; name a file")
        if named and not file.parent.is_dir():
            raise OmnitrackError(f"{option}: no such folder: {file.parent}")
        other = named.setdefault(file.resolve(), option)
        if other != option:
            raise OmnitrackError(f"{option}: {file} is {other} as well and would be overwritten; choose another file")


def write_qualities(path: Path, qualities: Mapping[int, TrackQuality]) -> None:
    """A row per track: its id, then the fields of TrackQuality; what was never measured is left empty."""
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["track", *(field.name for field in fields(TrackQuality))])
            writer.writeheader()
            writer.writerows({"track": track_id, **asdict(qualities[track_id])} for track_id in sorted(qualities))
    except OSError as error:
        raise OmnitrackError(f"{path}: cannot be written ({error.strerror})") from None
