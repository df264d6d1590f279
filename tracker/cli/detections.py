"""`main.py run --detections CAM=FILE ...`: tracking and matching on recorded detections, without video or networks."""

import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tracker.errors import OmnitrackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracker.config import Config
    from tracker.recorded.files import Recording
    from tracker.recorded.run import RecordedTracks

FRAMES_PER_SECOND = 25.0


@dataclass(frozen=True, slots=True)
class DetectionOptions:
    """embedding: array of embeddings in an npz that holds several. embeddings: CAM=FILE,... for MOT text.
    calibration: files that place overlapping cameras on one ground. offline: correct the history to its end.
    """

    embedding: str | None = None
    embeddings: str | None = None
    calibration: "tuple[Path, ...]" = ()
    offline: bool = False


def associate_detections(
    settings: "Config", sources: list[str], options: DetectionOptions, out: Path, db: str | None, fps: float | None
) -> None:
    """Link recorded detections of several cameras: OUT/CAM.txt in MOT layout, OUT/ground.txt where calibrated, and the
    history in db where one is named.
    """
    import numpy as np

    from tracker.bootstrap import make_folder
    from tracker.cli.evaluate import named_files
    from tracker.evaluation.mot import write_mot
    from tracker.recorded.files import read_recording

    files = named_files(",".join(sources), "--detections")
    vectors = named_files(options.embeddings, "--embeddings") if options.embeddings else {}
    if strangers := set(vectors) - set(files):
        raise OmnitrackError(f"--embeddings: no recording is named {sorted(strangers)[0]!r}")
    recordings = [read_recording(name, file, options.embedding, vectors.get(name)) for name, file in files.items()]
    make_folder(out)
    for name, file in files.items():
        if (out / f"{name}.txt").exists() and (out / f"{name}.txt").samefile(file):
            raise OmnitrackError(
                f"output folder {out}: {file} is an input and would be overwritten; choose another --out"
            )
    if db is None:
        tracks = _tracks(settings, recordings, options, fps or FRAMES_PER_SECOND)
    else:
        tracks = _stored_tracks(settings, recordings, options, fps or FRAMES_PER_SECOND, files, db)
    for name, rows in tracks.cameras.items():
        write_mot(out / f"{name}.txt", rows)
    if tracks.ground is not None:
        np.savetxt(out / "ground.txt", tracks.ground, fmt=["%d", "%d", "%.3f", "%.3f"], delimiter=",")
    people = {int(i) for rows in tracks.cameras.values() for i in rows.ids}
    print(f"{len(people)} people in {len(files)} cameras, written to {out}" + (f" and {db}" if db else ""))


def _tracks(
    settings: "Config", recordings: "Sequence[Recording]", options: DetectionOptions, fps: float
) -> "RecordedTracks":
    from tracker.recorded.run import track_recordings
    from tracker.site.calibration import read_calibration
    from tracker.site.topology import open_topology

    sizes = {recording.image_size for recording in recordings}
    size = sizes.pop() if len(sizes) == 1 else None
    found = [read_calibration(file, size) for file in options.calibration]
    with open_topology(settings.topology, [recording.camera_id for recording in recordings], tell) as topology:
        return track_recordings(
            recordings,
            fps,
            tracker=settings.tracker,
            matcher=settings.matcher,
            cameras={name: camera for cameras in found for name, camera in cameras.items()} if found else None,
            topology=topology,
            delay_seconds=None if options.offline else 1.0,
        )


def _stored_tracks(
    settings: "Config",
    recordings: "Sequence[Recording]",
    options: DetectionOptions,
    fps: float,
    files: dict[str, Path],
    db: str,
) -> "RecordedTracks":
    """The same, and the history in a database. The recordings begin now, as far as wall time goes."""
    from tracker.bootstrap import build_matcher
    from tracker.recorded.associators import PerCamera
    from tracker.recorded.run import associate
    from tracker.site.topology import open_topology
    from tracker.store.runs import CameraOrigin, begin_run
    from tracker.store.session import open_store
    from tracker.store.sink import StoreSink

    if options.calibration:
        raise OmnitrackError("--db: the history has no place for tracks on the ground; leave out --calibration or --db")
    name, dimension = _embedder(recordings)
    now = datetime.now(UTC)
    with ExitStack() as opened:
        store = opened.enter_context(open_store(db))
        origins = {camera: CameraOrigin(str(file), now) for camera, file in files.items()}
        active = begin_run(store, origins, embedder_name=name, embedder_dimension=dimension)
        topology = opened.enter_context(open_topology(settings.topology, list(files), tell))
        matcher = opened.enter_context(build_matcher(settings, store, topology))
        sink = opened.enter_context(closing(StoreSink(store, active)))
        associator = PerCamera([recording.camera_id for recording in recordings], settings.tracker, matcher, [sink])
        return associate(recordings, fps, associator, None if options.offline else 1.0)


def tell(line: str) -> None:
    print(line, file=sys.stderr)


def _embedder(recordings: "Sequence[Recording]") -> tuple[str | None, int]:
    """Name of the network and dimension of its vectors; (None, 0) where nothing is described.

    Raises OmnitrackError when the recordings do not agree.
    """
    found = {
        (recording.embedder, seen.embeddings.shape[1])
        for recording in recordings
        for seen in recording.frames
        if seen.embeddings is not None
    }
    if len(found) > 1:
        named = " and ".join(f"{name} (dimension {dimension})" for name, dimension in sorted(found, key=str))
        raise OmnitrackError(f"--db: one database holds the embeddings of one network, these recordings hold {named}")
    return found.pop() if found else (None, 0)
