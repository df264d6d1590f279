"""`main.py run --detections CAM=FILE ...`: tracking and matching on recorded detections, without video or networks."""

import re
import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tracker.errors import OmnitrackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracker.config import Config
    from tracker.crosscam.ground_plane import GroundCamera
    from tracker.ports import Sink
    from tracker.recorded.files import Recording
    from tracker.recorded.run import RecordedTracks


@dataclass(frozen=True, slots=True)
class DetectionOptions:
    """embedding: array of embeddings in an npz that holds several. embeddings: CAM=FILE,..., or their folder, for MOT
    text. offline: correct the history to its end.
    """

    embedding: str | None = None
    embeddings: str | None = None
    offline: bool = False


def associate_detections(
    settings: "Config", sources: list[str], options: DetectionOptions, out: Path, db: str | None, fps: float | None
) -> None:
    """Link recorded detections of several cameras: OUT/CAM.txt in MOT layout, OUT/ground.txt where calibrated, and the
    history in db where one is named. Cameras of the configuration count by their time offsets. fps: counts in place of
    recorded times.
    """
    from tracker.bootstrap import make_folder
    from tracker.cli.evaluate import GROUND_FILE, named_files
    from tracker.evaluation.ground import write_ground
    from tracker.evaluation.mot import write_mot
    from tracker.recorded.files import read_recording
    from tracker.recorded.joining import recover

    files = named_files(",".join(sources), "--detections", recover)
    require_file_names(files)
    vectors = embedding_files(options.embeddings, files) if options.embeddings else {}
    if strangers := set(vectors) - set(files):
        raise OmnitrackError(f"--embeddings: no recording is named {sorted(strangers)[0]!r}")
    recordings = [read_recording(name, file, options.embedding, vectors.get(name)) for name, file in files.items()]
    offsets = {camera.name: camera.time_offset_seconds for camera in settings.cameras}
    recordings = [replace(r, t_seconds=r.times(fps) + offsets.get(r.camera_id, 0.0)) for r in recordings]
    make_folder(out)
    for name, file in files.items():
        if (out / f"{name}.txt").exists() and (out / f"{name}.txt").samefile(file):
            raise OmnitrackError(
                f"output folder {out}: {file} is an input and would be overwritten; choose another --out"
            )
    tracks = _tracks(settings, recordings, options, files, db)
    for name, rows in tracks.cameras.items():
        write_mot(out / f"{name}.txt", rows)
    if settings.ground.calibration:
        write_ground(out / GROUND_FILE, tracks.ground)
    else:
        (out / GROUND_FILE).unlink(missing_ok=True)  # an earlier run's
    people = {int(i) for rows in tracks.cameras.values() for i in rows.ids}
    print(f"{len(people)} people in {len(files)} cameras, written to {out}" + (f" and {db}" if db else ""))


def _tracks(
    settings: "Config",
    recordings: "Sequence[Recording]",
    options: DetectionOptions,
    files: dict[str, Path],
    db: str | None,
) -> "RecordedTracks":
    """The tracks, and the history in a database where one is named. Recordings begin now, as far as wall time goes."""
    from tracker.bootstrap import build_matcher
    from tracker.crosscam.affinity import Walks
    from tracker.crosscam.matcher import CrossCameraMatcher
    from tracker.recorded.run import associate, associator_of
    from tracker.site.ground import open_ground
    from tracker.site.topology import learning_sinks, load_topology
    from tracker.store.runs import CameraOrigin, begin_run
    from tracker.store.session import open_store
    from tracker.store.sink import StoreSink

    name, dimension = _embedder(recordings)
    names = list(files)
    sizes = {recording.camera_id: recording.image_size for recording in recordings if recording.image_size is not None}
    ground = open_ground(settings.ground, names, sizes, settings.tracker, tell)
    recordings = [_within(recording, ground.cameras.get(recording.camera_id)) for recording in recordings]
    with ExitStack() as opened:
        topology = load_topology(settings.topology, names, tell)
        sinks: list[Sink] = [
            opened.enter_context(closing(sink)) for sink in learning_sinks(settings.topology, topology)
        ]
        # who left early is asked for at the end
        kept = replace(settings.matcher, answer_seconds=float("inf"))
        settings = settings.model_copy(update={"matcher": kept})
        if db is None:
            walks = None if topology is None else Walks(topology, kept.memory_seconds)
            matcher = CrossCameraMatcher(kept, walks=walks)
        else:
            now = datetime.now(UTC)
            store = opened.enter_context(open_store(db))
            origins = {camera: CameraOrigin(str(file), now) for camera, file in files.items()}
            active = begin_run(store, origins, embedder_name=name, embedder_dimension=dimension)
            matcher = opened.enter_context(build_matcher(settings, store, topology))
            sinks.append(opened.enter_context(closing(StoreSink(store, active))))
        associator = associator_of(names, settings.tracker, matcher, ground.site, float("inf"), sinks, ground.cameras)
        return associate(recordings, None, associator, None if options.offline else 1.0)


def embedding_files(text: str, recordings: dict[str, Path]) -> dict[str, Path]:
    """CAM=FILE,... or a folder that holds CAM.npz of every camera whose recording is text; an npz holds its own."""
    from tracker.cli.evaluate import named_files

    if "=" not in text and Path(text).is_dir():
        named = [f"{camera}={Path(text) / camera}.npz" for camera, file in recordings.items() if file.suffix != ".npz"]
        return named_files(",".join(named), "--embeddings") if named else {}
    return named_files(text, "--embeddings")


def _within(recording: "Recording", camera: "GroundCamera | None") -> "Recording":
    """Text does not tell how large the pictures are, a calibration does: boxes end where these do."""
    if camera is None or recording.image_size is not None:
        return recording
    return recording.clipped(camera.image_size)


def require_file_names(files: dict[str, Path]) -> None:
    """Raises OmnitrackError for a camera whose name cannot be that of its file in OUT."""
    from tracker.cli.evaluate import GROUND_FILE
    from tracker.config import CAMERA_NAME

    for name, file in files.items():
        if not re.fullmatch(CAMERA_NAME, name):
            raise OmnitrackError(
                f"--detections: a camera cannot be named {name!r}, as files are named after it: letters, digits, `_`, "
                f"`.` and `-` only; write NAME={file}"
            )
        if f"{name}.txt" == GROUND_FILE:
            raise OmnitrackError(
                f"--detections: {GROUND_FILE} holds the places of people, so no camera is named {name}; "
                f"write another NAME={file}"
            )


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
        raise OmnitrackError(
            f"--detections: the recordings hold embeddings of {named}, which cannot be compared; give those of one"
        )
    return found.pop() if found else (None, 0)
