"""Cross-camera association on recorded detections, with one set of parameters, beside the targets.

    python -m benchmarks.cross_camera [--only pets|samples|wildtrack] [--seeds 1 2 3 4 5] [--recorded FOLDER]

Reads OMNITRACK_DATA, for the samples OMNITRACK_MODELS. Parameters were chosen on PETS frames 1-400, the first half of
the samples, and WILDTRACK part A frames 1-100; the rows show these, the rest, and all. PETS: frozen YOLO11n
detections, MTMC protocol. Its annotators gave a person who returns a new id, so tracks and identities are remembered
for TRACKER and MEMORY only; the rows "10 s" are the corrected history with the default memory. Samples (two views that
do not overlap, the same annotation): detections as `main.py run --record` keeps them, from the folder --recorded, or
made anew; the default memory of 10 s, and 60 s, with which whoever is recognised on return counts as an error; walking
times are learnt from the first half alone, or on the way. WILDTRACK: simulated detections, one draw per seed; image
plane (7 cameras end to end) and ground plane (1 m). Before the clean rows stands what they could reach: the annotated
boxes themselves, with a new id wherever the annotation moves somebody faster than WALK_METRES_PER_SECOND.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.core.settings import TrackerConfig
from tracker.crosscam.ground_plane import GroundCamera
from tracker.crosscam.matcher import MatcherConfig
from tracker.crosscam.topology import Topology
from tracker.evaluation.ground import Places, ground_steps, inside, read_ground
from tracker.evaluation.metrics import score
from tracker.evaluation.mot import MotRows, read_mot, write_mot
from tracker.evaluation.scores import box_step, evaluate
from tracker.recorded.files import Recording, read_recording
from tracker.recorded.run import RecordedTracks, track_recordings
from tracker.site.calibration import read_calibration

Row = NDArray[np.float64]
Leap = tuple[float, float]
"""Metres and the seconds that they took."""

PETS_FPS, PETS_FRAMES, PETS_SIZE = 7.0, 795, (768, 576)
MEMORY = MatcherConfig(memory_seconds=3.0)
TRACKER = TrackerConfig(memory_seconds=1.8)
SAMPLES = Path(__file__).resolve().parent.parent / "sample_videos"
SAMPLES_HALF = 397
WILDTRACK_FPS, WILDTRACK_FRAMES = 2.0, 200
WILDTRACK_SIZE = (1920, 1080)
CAMERAS = [f"C{number}" for number in range(1, 8)]
GRID_METRES = (-3.5, -9.5, 9.5, 27.5)
"""The annotated ground and half a metre around it; places outside are not scored."""
WALK_METRES_PER_SECOND = 3.0


def data_folder() -> Path:
    folder = os.environ.get("OMNITRACK_DATA")
    if not folder:
        sys.exit("set OMNITRACK_DATA to the folder that holds pets2009/ and wildtrack_boxes/")
    return Path(folder).resolve()


def pets(data: Path) -> None:
    folder = data / "pets2009"
    calibration = {
        name: read_calibration(folder / f"{file}.xml", PETS_SIZE)[file]
        for name, file in (("view001", "View_001"), ("view006", "View_006"))
    }
    print("PETS two views, MTMC IDF1 / HOTA (ids)         frames 1-400        401-795          all    targets")
    for embedding in ("emb_osnet_x0_25", "emb_intel_0287"):
        recordings = [
            read_recording(view, folder / f"frozen_yolo11n_int8_{view}.npz", embedding)
            for view in ("view001", "view006")
        ]
        for label, cameras, delay, memory, target in (
            ("appearance only, online", None, 1.0, MEMORY, "72 / 60"),
            ("with geometry, online", calibration, 1.0, MEMORY, "85 / 67"),
            ("with geometry, offline", calibration, None, MEMORY, "88 / 69"),
            ("appearance only, 10 s", None, None, MatcherConfig(), ""),
            ("with geometry, 10 s", calibration, None, MatcherConfig(), ""),
        ):
            tracks = track_recordings(
                recordings, PETS_FPS, tracker=TRACKER, matcher=memory, cameras=cameras, delay_seconds=delay
            )
            cells = [score_pets(folder, tracks, span) for span in ((1, 400), (401, 795), (1, PETS_FRAMES))]
            print(f"{embedding:16} {label:26}", *(f"{cell:>18}" for cell in cells), f"  {target}")


def score_pets(folder: Path, tracks: RecordedTracks, span: tuple[int, int]) -> str:
    truth = {"view001": folder / "gt_view001.txt", "view006": folder / "gt_view006_derived.txt"}
    with tempfile.TemporaryDirectory() as out:
        predicted = write_rows(Path(out), tracks.cameras)
        ignore = {"view006": folder / "ignore_view006_derived.txt"}
        scores = evaluate(truth, predicted, ignore, frames=span).mtmc
    assert scores is not None
    return f"{scores.idf1:.1f} / {scores.hota:.1f} ({scores.ids})"


def samples(recorded: Path) -> None:
    """Two views that do not overlap; `recorded` holds west.npz and east.npz."""
    recordings = [read_recording(camera, recorded / f"{camera}.npz") for camera in ("west", "east")]
    halves = [recording.first(SAMPLES_HALF) for recording in recordings]
    print(
        "Samples, online (1 s), MTMC IDF1 / HOTA (ids)      frames 1-397           398-795               all    targets"
    )
    for memory in (MatcherConfig(), MatcherConfig(memory_seconds=60.0)):

        def rows(
            given: Sequence[Recording], topology: Topology | None, matcher: MatcherConfig = memory
        ) -> RecordedTracks:
            return track_recordings(given, PETS_FPS, tracker=TRACKER, matcher=matcher, topology=topology)

        taught = Topology()
        rows(halves, taught)
        for label, topology, target in (
            ("looks alone", None, "70 IDF1"),
            ("walking times of the first half", Topology(taught.walks, learns=False), "80 IDF1"),
            ("walking times learnt on the way", Topology(), ""),
        ):
            tracks = rows(recordings, topology)
            cells = [score_samples(tracks, span) for span in ((1, SAMPLES_HALF), (SAMPLES_HALF + 1, 795), (1, 795))]
            print(
                f"memory {memory.memory_seconds:2.0f} s  {label:32}", *(f"{cell:>18}" for cell in cells), f"  {target}"
            )
        for (start, end), walks in taught.walks.items():
            print(f"  learnt in the first half: {start} to {end}, {len(walks)} walks, median {np.median(walks):.1f} s")


def score_samples(tracks: RecordedTracks, span: tuple[int, int]) -> str:
    truth = {camera: SAMPLES / f"gt_{camera}.txt" for camera in tracks.cameras}
    with tempfile.TemporaryDirectory() as out:
        scores = evaluate(truth, write_rows(Path(out), tracks.cameras), {}, frames=span).mtmc
    assert scores is not None
    return f"{scores.idf1:.1f} / {scores.hota:.1f} ({scores.ids})"


def record_samples(folder: Path) -> None:
    """Detections and embeddings of the sample videos, by the networks of OMNITRACK_MODELS."""
    videos = [str(SAMPLES / f"{camera}.mp4") for camera in ("west", "east")]
    command = [sys.executable, str(SAMPLES.parent / "main.py"), "run", *videos, "--record", "--no-video", "--quiet"]
    subprocess.run([*command, "--out", str(folder)], check=True, stdout=subprocess.DEVNULL)


def write_rows(folder: Path, cameras: Mapping[str, MotRows]) -> dict[str, Path]:
    for name, rows in cameras.items():
        write_mot(folder / f"{name}.txt", rows)
    return {name: folder / f"{name}.txt" for name in cameras}


def wildtrack(data: Path, seeds: Sequence[int]) -> None:
    folder = data / "wildtrack_boxes"
    simulate = data.parent / "tools" / "wildtrack_simulate.py"
    calibration = read_calibration(folder / "calibration.json")
    print("WILDTRACK part A, online (1 s): image IDF1 / HOTA, ground IDF1 / MOTA of frames 1-100, 101-200, all")
    for clean in (False, True):
        table = []
        if clean:
            print(wildtrack_ceiling(folder), flush=True)
        for seed in seeds:
            with tempfile.TemporaryDirectory() as drawn:
                subprocess.run(
                    [sys.executable, str(simulate), "make", str(folder), drawn, str(seed)],
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
                recordings = wildtrack_recordings(folder, Path(drawn), clean)
            row, milliseconds = score_wildtrack(folder, recordings, calibration)
            table.append(row)
            print_row(f"{'clean' if clean else 'noisy'} seed {seed}", row, f"{milliseconds:.1f} ms")
        target = "targets: image IDF1 98.5" if clean else "targets: 90 / 71, 94 / 91"
        print_row(f"{'clean' if clean else 'noisy'} mean", np.mean(table, axis=0), target)


def print_row(label: str, row: Row, note: str) -> None:
    cells = ["{:5.1f} / {:4.1f}, {:4.1f} / {:4.1f}".format(*part) for part in row.reshape(3, 4)]
    print(f"{label:14}", *cells, note, sep="   ", flush=True)


def wildtrack_recordings(folder: Path, drawn: Path, clean: bool) -> list[Recording]:
    """The boxes cut to the picture, as a detector would give them; the annotated ids of the clean ones are not read."""
    recordings = []
    for camera in CAMERAS:
        source = folder / "partA" / "gt" if clean else drawn / "partA" / "noisy" / "det"
        vectors = drawn / "partA" / ("emb" if clean else "noisy/emb") / f"{camera}.npz"
        recordings.append(read_recording(camera, source / f"{camera}.txt", None, vectors).clipped(WILDTRACK_SIZE))
    return recordings


def score_wildtrack(
    folder: Path, recordings: Sequence[Recording], calibration: Mapping[str, GroundCamera]
) -> tuple[Row, float]:
    """Percentages (12,): image IDF1 and HOTA, ground IDF1 and MOTA for each span; milliseconds of CPU a frame."""
    start = time.process_time()
    tracks = track_recordings(recordings, WILDTRACK_FPS, matcher=MEMORY, cameras=calibration)
    milliseconds = (time.process_time() - start) / WILDTRACK_FRAMES * 1000
    found, true_places = inside(tracks.ground, GRID_METRES), read_ground(folder / "partA" / "gt" / "ground.txt")
    true_boxes = {camera: read_mot(folder / "partA" / "gt" / f"{camera}.txt") for camera in CAMERAS}
    row: list[float] = []
    for first, last in ((1, 100), (101, 200), (1, 200)):
        span = range(first, last + 1)
        image = score([box_step(*at(f, true_boxes[c], tracks.cameras[c])) for c in CAMERAS for f in span], 0.5)
        ground = score(ground_steps(true_places, found, span, 1.0), 0.5)
        row += [image.idf1, image.hota, ground.idf1, ground.mota]
    return np.array(row), milliseconds


def wildtrack_ceiling(folder: Path) -> str:
    """What perfect association of people who walk no faster than they can would have on the clean boxes."""
    places = read_ground(folder / "partA" / "gt" / "ground.txt")
    walk_of, leaps = walks(places, WALK_METRES_PER_SECOND, WILDTRACK_FPS)
    steps = []
    for camera in CAMERAS:
        truth = read_mot(folder / "partA" / "gt" / f"{camera}.txt")
        ids = [walk_of[key] for key in zip(truth.frames.tolist(), truth.ids.tolist(), strict=True)]
        found = replace(truth, ids=np.array(ids)).clipped(WILDTRACK_SIZE)
        steps += [box_step(*at(frame, truth, found)) for frame in range(1, WILDTRACK_FRAMES + 1)]
    farthest = ", ".join(f"{metres:.1f} m in {seconds:g} s" for metres, seconds in leaps[:5])
    return (
        f"clean, perfect association of people who walk at most {WALK_METRES_PER_SECOND:g} m/s, all frames: "
        f"image IDF1 {score(steps, 0.5).idf1:.1f}; the annotation is faster {len(leaps)} times: {farthest}, ..."
    )


def walks(places: Places, metres_per_second: float, fps: float) -> tuple[dict[tuple[int, int], int], list[Leap]]:
    """The walk that each (frame, id) is part of: a new one begins where a person would have moved faster than this
    between two frames that have them. And these leaps, the farthest first.
    """
    places = places[np.lexsort((places[:, 0], places[:, 1]))]
    change = np.diff(places, axis=0)
    metres, seconds = np.linalg.norm(change[:, 2:], axis=1), change[:, 0] / fps
    another = change[:, 1] != 0
    leapt = ~another & (metres > metres_per_second * seconds)
    numbers = np.concatenate([[0], np.cumsum(another | leapt)]).tolist()
    walk_of = {
        (int(frame), int(person)): number for (frame, person), number in zip(places[:, :2], numbers, strict=True)
    }
    return walk_of, sorted(zip(metres[leapt].tolist(), seconds[leapt].tolist(), strict=True), reverse=True)


def at(frame: int, truth: MotRows, found: MotRows) -> tuple[MotRows, MotRows]:
    """Rows of one frame, the annotated boxes cut to the picture as the found ones are."""
    real = truth[truth.frames == frame]
    boxes = real.boxes_xyxy.clip(0, [*WILDTRACK_SIZE, *WILDTRACK_SIZE])
    return replace(real, boxes_xyxy=boxes), found[found.frames == frame]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("pets", "samples", "wildtrack"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--recorded", type=Path, help="folder of west.npz and east.npz, made there if it has none")
    arguments = parser.parse_args()
    if arguments.only in (None, "pets"):
        pets(data_folder())
    if arguments.only in (None, "samples"):
        with tempfile.TemporaryDirectory() as scratch:
            folder = arguments.recorded or Path(scratch)
            if not (folder / "west.npz").exists():
                record_samples(folder)
            samples(folder)
    if arguments.only in (None, "wildtrack"):
        wildtrack(data_folder(), arguments.seeds)


if __name__ == "__main__":
    main()
