"""Do a live run and a run over the files agree about who is who?

    OMNITRACK_MODELS=... python -m benchmarks.live_agreement [--detector NAME] [--process-fps RATE] [--policy POLICY]

Serves both sample videos once, in real time, by a real RTSP server on this machine (Debian's gir1.2-gst-rtsp-server-1.0
and python3-gi); then runs over the files. Prints MTMC scores of both against the ground truth, and how many frames the
live run had to drop. Who agrees can be told only where the machine keeps up: on a slow or busy one choose another
detector, fewer pictures (of the 7 a second), or the embedder policy selective, for both runs alike. Live times become
frame numbers by the delay, in quarters of a frame, under which its boxes fit those of the file run best.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from socket import create_server
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import numpy as np
from numpy.typing import NDArray

from benchmarks.soak import ROOT, SAMPLES, looped, measured
from tests.video.rtsp import RtspServer
from tracker.config import Config
from tracker.core.boxes import iou
from tracker.core.types import FloatArray, IntArray
from tracker.evaluation.mot import MotRows, write_mot
from tracker.evaluation.scores import evaluate
from tracker.results import mot_rows
from tracker.store.session import open_store
from tracker.store.stored_tracks import TrackletRow, tracklets

RATE = 7.0
FRAMES = 795
_FARTHEST_SECONDS = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--process-fps", type=float)
    parser.add_argument("--policy", default="every")
    arguments = parser.parse_args()
    settings = f"detector: {{model: {arguments.detector}}}\nembedder: {{policy: {arguments.policy}}}\n"
    pace = "" if arguments.process_fps is None else f", process_fps: {arguments.process_fps}"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        dropped, taken = run_live(folder / "live", settings, pace)
        config = folder / "file.yaml"
        config.write_text(settings + cameras({file.stem: str(file) for file in SAMPLES}, pace), encoding="utf-8")
        command = [sys.executable, str(ROOT / "main.py"), "run", "--config", str(config), "--out", str(folder / "file")]
        subprocess.run([*command, "--no-video", "--quiet"], check=True, stdout=subprocess.DEVNULL)
        recorded, live = stored(folder / "file"), stored(folder / "live")
        known = {name: numbered(rows) for name, rows in recorded.items()}
        seen = {name: numbered(rows, delay(rows, known[name])) for name, rows in live.items()}
        gt = {file.stem: file.with_name(f"gt_{file.stem}.txt") for file in SAMPLES}
        idf1 = {}
        for kind, found in (("file", known), ("live", seen)):
            files = {name: folder / f"{kind}_{name}.txt" for name in found}
            for name, rows in found.items():
                write_mot(files[name], rows_of(*rows))
            scores = evaluate(gt, files).mtmc
            assert scores is not None
            idf1[kind] = scores.idf1
            print(f"{kind}: MTMC IDF1 {scores.idf1:.1f}, HOTA {scores.hota:.1f}, id switches {scores.id_switches}")
        print(f"live: {dropped:.0f} frames dropped, {taken:.0f} processed")
        print(f"difference in IDF1: {abs(idf1['file'] - idf1['live']):.1f} points")


def cameras(sources: dict[str, str], pace: str) -> str:
    return "cameras:\n" + "".join(f"- {{name: {name}, source: '{source}'{pace}}}\n" for name, source in sources.items())


def run_live(out: Path, settings: str, pace: str) -> tuple[float, float]:
    """Follow both cameras until the first of them ends; -> frames dropped, frames processed."""
    out.mkdir()
    clips = {file.stem: looped(file, out / f"{file.stem}.ts", 1.0) for file in SAMPLES}
    server = RtspServer(clips)
    with create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    config = out / "live.yaml"
    listed = cameras({name: server.url(name) for name in clips}, pace)
    config.write_text(f"{settings}operation: {{port: {port}}}\n{listed}", encoding="utf-8")
    command = [sys.executable, str(ROOT / "main.py"), "run", "--config", str(config), "--out", str(out), "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    dropped = taken = 0.0
    try:
        while process.poll() is None and not lost(port):
            sample = measured(process.pid, port, 0.0)
            dropped, taken = (dropped, taken) if sample is None else (sample.dropped, sample.frames)
            time.sleep(0.2)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        server.stop()
    return dropped, taken


def lost(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
            health = json.loads(answer.read())
    except HTTPError as failing:
        health = json.loads(failing.read())
    except (URLError, ConnectionError):
        return False
    return any(camera["losses"] for camera in health["cameras"].values())


Camera = tuple[IntArray, IntArray, FloatArray]
"""Frames (n,), counted from 0, identities (n,), boxes (n, 4), one row per observation."""


def stored(out: Path) -> dict[str, list[TrackletRow]]:
    """By camera, everything that a run stored of people who are known."""
    found: dict[str, list[TrackletRow]] = defaultdict(list)
    with open_store(out / "omnitrack.db", create=False) as store, store.read() as connection:
        for row in tracklets(connection, 1):
            if row.identity_id is not None:
                found[row.camera].append(row)
    return found


def numbered(rows: Sequence[TrackletRow], delay_seconds: float = 0.0) -> Camera:
    """The frames counted by time, for a live run counts only those that it took. Gaps are filled as in the MOT files
    of a run: what is compared is who is who, not how many frames the machine had time for.
    """
    config = Config()
    parts = []
    for row in rows:
        frames, first = np.unique(video_frames(row.t_seconds, delay_seconds), return_index=True)
        one = replace(
            row,
            frames=frames,
            t_seconds=row.t_seconds[first],
            boxes_xyxy=row.boxes_xyxy[first],
            scores=row.scores[first],
        )
        filled = mot_rows(one, config.output.interpolate_seconds, config.tracker.motion)
        parts.append((filled.frames - 1, filled.ids, filled.boxes_xyxy.astype(np.float32)))
    every_frame, ids, boxes = zip(*parts, strict=True)
    return np.concatenate(every_frame), np.concatenate(ids), np.concatenate(boxes)


def video_frames(t_seconds: NDArray[np.float64], delay_seconds: float) -> IntArray:
    return np.round((t_seconds - delay_seconds) * RATE).astype(np.int64)


def delay(rows: Sequence[TrackletRow], known: Camera) -> float:
    """Seconds by which the live run is late: where its boxes overlap the known ones most."""
    known_frames, _, known_boxes = known
    there = {int(frame): known_boxes[known_frames == frame] for frame in np.unique(known_frames)}
    times = np.concatenate([row.t_seconds for row in rows])[::7]
    boxes = np.concatenate([row.boxes_xyxy for row in rows])[::7]

    def overlap(delay_frames: float) -> float:
        total = 0.0
        for frame, box in zip(video_frames(times, delay_frames / RATE), boxes, strict=True):
            others = there.get(int(frame))
            if others is not None:
                total += float(iou(box[None], others).max())
        return total

    whole = max(range(round(_FARTHEST_SECONDS * RATE)), key=overlap)
    return max((whole + quarters / 4 for quarters in range(-3, 4)), key=overlap) / RATE


def rows_of(
    frames: IntArray,
    ids: IntArray,
    boxes: FloatArray,
) -> MotRows:
    """MOT rows of the video's own frames, the first box of a person where rounding put two into one frame."""
    inside = (frames >= 0) & (frames < FRAMES)
    frames, ids, boxes = frames[inside], ids[inside], boxes[inside]
    _, first = np.unique(np.stack([frames, ids]), axis=1, return_index=True)
    exact = boxes[first].astype(np.float64)
    return MotRows(frames[first] + 1, ids[first], exact, np.ones(len(first)), np.full((len(first), 2), np.nan))


if __name__ == "__main__":
    main()
