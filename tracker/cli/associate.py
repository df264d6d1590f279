"""`main.py associate CAM=FILE ...`: tracking and matching on recorded detections, without video or networks."""

from pathlib import Path
from typing import Annotated

import typer

from tracker.errors import OmnitrackError


def associate(
    recordings: Annotated[list[str], typer.Argument(metavar="CAM=FILE...", help="npz of run --record, or MOT text")],
    out: Annotated[Path, typer.Option(help="Folder for CAM.txt and ground.txt")] = Path("omnitrack_output"),
    config: Annotated[Path | None, typer.Option(help="YAML configuration: its tracker and matcher count")] = None,
    fps: Annotated[float, typer.Option(min=0.01, help="Frames per second of real time")] = 25.0,
    embedding: Annotated[str | None, typer.Option(help="Array of embeddings in an npz that holds several")] = None,
    embeddings: Annotated[str | None, typer.Option(help="CAM=FILE,...: npz of embeddings for MOT text")] = None,
    calibration: Annotated[
        list[Path] | None, typer.Option(help="Calibration of overlapping cameras: Tsai .xml, WILDTRACK .json, .yaml")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Correct the history to its end")] = False,
) -> None:
    """Link recorded detections of several cameras; writes CAM.txt in MOT layout, and ground.txt where calibrated."""
    import numpy as np

    from tracker.bootstrap import make_folder
    from tracker.calibration_files import read_calibration
    from tracker.cli.evaluate import named_files
    from tracker.config import Config, load_config
    from tracker.evaluation.mot import write_mot
    from tracker.recorded.files import read_recording
    from tracker.recorded.run import track_recordings

    settings = load_config(config) if config else Config()
    files = named_files(",".join(recordings), "recordings")
    vectors = named_files(embeddings, "--embeddings") if embeddings else {}
    if strangers := set(vectors) - set(files):
        raise OmnitrackError(f"--embeddings: no recording is named {sorted(strangers)[0]!r}")
    given = [read_recording(name, file, embedding, vectors.get(name)) for name, file in files.items()]
    sizes = {recording.image_size for recording in given}
    size = sizes.pop() if len(sizes) == 1 else None
    cameras = None
    if calibration:
        cameras = {name: camera for file in calibration for name, camera in read_calibration(file, size).items()}
    tracks = track_recordings(
        given,
        fps,
        tracker=settings.tracker,
        matcher=settings.matcher,
        cameras=cameras,
        delay_seconds=None if offline else 1.0,
    )
    make_folder(out)
    for name, file in files.items():
        if (out / f"{name}.txt").exists() and (out / f"{name}.txt").samefile(file):
            raise OmnitrackError(
                f"output folder {out}: {file} is an input and would be overwritten; choose another --out"
            )
    for name, rows in tracks.cameras.items():
        write_mot(out / f"{name}.txt", rows)
    if tracks.ground is not None:
        np.savetxt(out / "ground.txt", tracks.ground, fmt=["%d", "%d", "%.3f", "%.3f"], delimiter=",")
    people = {int(i) for rows in tracks.cameras.values() for i in rows.ids}
    print(f"{len(people)} people in {len(files)} cameras, written to {out}")
