"""What re-association of a recorded history is worth: `main.py run --detections ... --db`, then `main.py reassociate`.

    OMNITRACK_DATA=... python -m benchmarks.reassociation [--samples FOLDER] [--times 1 4 16]

For each scene and memory_seconds: MTMC IDF1 / HOTA (people) of the stored history, and after it was judged afresh. The
calibrated scene was followed on the ground, and its places count when it is judged afresh, too; so do the walking times
of the scene that has them, learnt from the first half of the sample videos.
Both scenes' annotators gave a person who returns a new id, so recognising one within memory_seconds is an error here.
--samples: west.npz and east.npz of `main.py run sample_videos/*.mp4 --record`. Last, how long it takes for a history of
so many copies of PETS, one after the other.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from tracker.bootstrap import build_matcher
from tracker.config import Config
from tracker.core.motion import MotionConfig
from tracker.crosscam.affinity import Walks
from tracker.crosscam.differences import people_in
from tracker.crosscam.ground.site import open_site
from tracker.crosscam.ground_plane import GroundCamera
from tracker.crosscam.reassociation import BeyondLooks
from tracker.crosscam.topology import Topology, Way
from tracker.evaluation.scores import evaluate
from tracker.recorded.files import Recording, read_recording
from tracker.recorded.run import associate, associator_of, track_recordings
from tracker.results import write_mot_files
from tracker.site.calibration import read_calibration
from tracker.store.reassociating import apply, judge_afresh
from tracker.store.runs import CameraOrigin, begin_run
from tracker.store.session import Store, open_store
from tracker.store.sightings import HistoryPart
from tracker.store.sink import StoreSink
from tracker.store.stored_tracks import tracklets

FPS, PETS_SIZE = 7.0, (768, 576)
ROOT = Path(__file__).resolve().parent.parent
EMBEDDING = "emb_osnet_x0_25"


@dataclass(frozen=True)
class Scene:
    recordings: Sequence[Recording]
    truth: Mapping[str, Path]
    ignore: Mapping[str, Path]
    cameras: Mapping[str, GroundCamera] = field(default_factory=dict)
    ways: Mapping[Way, Sequence[float]] = field(default_factory=dict)

    def topology(self) -> Topology | None:
        return Topology(self.ways, learns=False) if self.ways else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=Path, help="folder with west.npz and east.npz")
    parser.add_argument("--times", type=int, nargs="*", default=[1, 4, 16], help="copies of PETS to measure")
    arguments = parser.parse_args()
    if "OMNITRACK_DATA" not in os.environ:
        sys.exit("set OMNITRACK_DATA to the folder that holds pets2009/")
    folder = Path(os.environ["OMNITRACK_DATA"]) / "pets2009"
    plain = pets(folder)
    scenes = {"PETS, two views": plain, "PETS, calibrated": replace(plain, cameras=calibration(folder))}
    if arguments.samples is not None:
        plain_samples = samples(arguments.samples)
        scenes["sample videos"] = plain_samples
        scenes["samples, ways"] = replace(plain_samples, ways=ways_of_first_half(plain_samples))
    print(f"{'scene':18}{'memory':>8}   {'as it was linked online':26}{'judged afresh':26}sightings that moved")
    for name, scene in scenes.items():
        for memory_seconds in (3.0, 5.0, 10.0):
            report(name, scene, memory_seconds)
    for copies in arguments.times:
        measure(plain, copies)


def pets(folder: Path) -> Scene:
    views = ("view001", "view006")
    recordings = [read_recording(v, folder / f"frozen_yolo11n_int8_{v}.npz", EMBEDDING) for v in views]
    truth = {"view001": folder / "gt_view001.txt", "view006": folder / "gt_view006_derived.txt"}
    return Scene(recordings, truth, {"view006": folder / "ignore_view006_derived.txt"})


def calibration(folder: Path) -> dict[str, GroundCamera]:
    views = (("view001", "View_001"), ("view006", "View_006"))
    return {name: read_calibration(folder / f"{file}.xml", PETS_SIZE)[file] for name, file in views}


def samples(folder: Path) -> Scene:
    recordings = [read_recording(camera, folder / f"{camera}.npz") for camera in ("west", "east")]
    return Scene(recordings, {c: ROOT / "sample_videos" / f"gt_{c}.txt" for c in ("west", "east")}, {})


def ways_of_first_half(scene: Scene) -> Mapping[Way, Sequence[float]]:
    taught = Topology()
    halves = [recording.first(len(recording.frames) // 2) for recording in scene.recordings]
    track_recordings(halves, FPS, topology=taught)
    return taught.walks


def record(store: Store, scene: Scene, config: Config) -> int:
    """Track, link and store a scene as `run --detections --db` does; -> its run."""
    names = [recording.camera_id for recording in scene.recordings]
    dimension = next(s.embeddings.shape[1] for s in scene.recordings[0].frames if s.embeddings is not None)
    origins = {name: CameraOrigin(name, datetime(2026, 1, 1, tzinfo=UTC)) for name in names}
    run = begin_run(store, origins, embedder_name=EMBEDDING, embedder_dimension=dimension)
    with build_matcher(config, store, scene.topology()) as matcher:
        sink = StoreSink(store, run)
        site = open_site(scene.cameras, config.ground.tracker, config.tracker)
        kept = config.matcher.answer_seconds
        associator = associator_of(names, config.tracker, matcher, site, kept, [sink], scene.cameras)
        associate(scene.recordings, FPS, associator, None)
        sink.close()
    return run.id


def report(name: str, scene: Scene, memory_seconds: float) -> None:
    config = Config()
    config = config.model_copy(update={"matcher": replace(config.matcher, memory_seconds=memory_seconds)})
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "omnitrack.db") as store:
        run_id = record(store, scene, config)
        before = score(store, run_id, scene)
        with store.write() as connection:
            found = judge_afresh(
                connection, HistoryPart(), config.matcher, beyond_looks(scene, memory_seconds), scene.cameras
            )
            apply(connection, found, config.matcher.confirm_seconds)
        after = score(store, run_id, scene)
    moved = sum(change.sightings for change in found.differences())
    print(f"{name:18}{memory_seconds:6.0f} s   {before:26}{after:26}{moved} of {len(found.sightings)}")


def beyond_looks(scene: Scene, memory_seconds: float) -> BeyondLooks | None:
    topology = scene.topology()
    return None if topology is None else Walks(topology, memory_seconds).parts


def score(store: Store, run_id: int, scene: Scene) -> str:
    with store.read() as connection, tempfile.TemporaryDirectory() as folder:
        rows = list(tracklets(connection, run_id))
        write_mot_files(rows, list(scene.truth), Path(folder), 1.0, MotionConfig())
        predicted = {camera: Path(folder) / f"{camera}.txt" for camera in scene.truth}
        found = evaluate(scene.truth, predicted, scene.ignore).mtmc
    assert found is not None
    return f"{found.idf1:.1f} / {found.hota:.1f} ({found.ids} people)"


def measure(scene: Scene, copies: int) -> None:
    """Milliseconds a sighting of a history that is so many times as long."""
    config = Config()
    longer = [Recording(r.camera_id, r.frames * copies, r.image_size) for r in scene.recordings]
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "omnitrack.db") as store:
        record(store, replace(scene, recordings=longer), config)
        with store.read() as connection:
            begun = time.process_time()
            found = judge_afresh(connection, HistoryPart(), config.matcher)
            taken = time.process_time() - begun
    count, people = len(found.sightings), people_in(found.people.ids)
    print(f"{count} sightings, {people} people: {taken:.2f} s of CPU, {1000 * taken / count:.2f} ms each")


if __name__ == "__main__":
    main()
