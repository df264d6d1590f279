"""`main.py run` on live cameras for a long time: memory of all its processes, delay, losses, dropped frames.

    OMNITRACK_MODELS=... python -m benchmarks.soak [--minutes 30] [--cameras 4] [--fps 5] [--out soak_output]

Serves the sample videos over and over by a real RTSP server on this machine (Debian's gir1.2-gst-rtsp-server-1.0 and
python3-gi). Writes OUT/soak.png, the curves, and OUT/soak.csv. Memory is what the processes have for themselves and
their share of what they have in common (PSS); its growth is that of the median of the last fifth over the first fifth
after the warm-up (five minutes, or a fifth of a shorter run).
"""

import argparse
import csv
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from socket import create_server
from urllib.error import URLError
from urllib.request import urlopen

import av
import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from tests.video.rtsp import RtspServer

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = (ROOT / "sample_videos" / "west.mp4", ROOT / "sample_videos" / "east.mp4")
WARM_UP_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Sample:
    """lag_seconds: from capture to result, the slowest camera's last frame."""

    seconds: float
    megabytes: float
    processes: int
    files: int
    lag_seconds: float
    frames: float
    dropped: float
    losses: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--fps", type=float, default=5.0)
    parser.add_argument("--out", type=Path, default=Path("soak_output"))
    arguments = parser.parse_args()
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    seconds = 60 * arguments.minutes
    names = [f"camera{number}" for number in range(arguments.cameras)]
    plain = [without_b_frames(source, out / f"{source.stem}.mp4") for source in SAMPLES]
    clips = [looped(source, out / f"{source.stem}.ts", seconds + 120) for source in plain]
    server = RtspServer({name: clips[number % len(clips)] for number, name in enumerate(names)})
    with create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    config = out / "soak.yaml"
    cameras = "".join(f"- {{name: {n}, source: '{server.url(n)}', process_fps: {arguments.fps}}}\n" for n in names)
    config.write_text(f"operation: {{port: {port}, log: json}}\ncameras:\n{cameras}", encoding="utf-8")
    (out / "omnitrack.db").unlink(missing_ok=True)
    command = [sys.executable, str(ROOT / "main.py"), "run", "--config", str(config), "--out", str(out), "--quiet"]
    with (out / "log.jsonl").open("w") as log:
        process = subprocess.Popen(command, stderr=log)
        try:
            samples = list(watched(process, port, seconds))
        finally:
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            process.wait()
            server.stop()
    print(f"ended {time.monotonic() - began:.1f} s after SIGTERM, exit code {process.returncode}")
    with (out / "soak.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(field.name for field in fields(Sample))
        writer.writerows(astuple(sample) for sample in samples)
    report(samples, seconds, out / "soak.png")


def without_b_frames(source: Path, target: Path) -> Path:
    """As cameras send them: pictures that refer to later ones would add their delay to the one that is measured."""
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        video = given.streams.video[0]
        stream = made.add_stream("libx264", rate=video.average_rate)
        stream.width, stream.height, stream.pix_fmt = video.width // 2 * 2, video.height // 2 * 2, "yuv420p"
        stream.options = {"bf": "0", "preset": "veryfast", "crf": "20", "g": "14"}
        for frame in given.decode(video):
            made.mux(stream.encode(frame.reformat(stream.width, stream.height, "yuv420p")))
        made.mux(stream.encode())
    return target


def looped(source: Path, target: Path, seconds: float) -> Path:
    """The video again and again, for so long, copied without decoding."""
    with av.open(str(target), "w") as made:
        stream, shift, base = None, 0.0, 0.0
        while shift < seconds:
            with av.open(str(source)) as given:
                video = given.streams.video[0]
                stream = stream or made.add_stream_from_template(video)
                assert video.time_base is not None
                assert video.average_rate is not None
                for packet in given.demux(video):
                    if packet.dts is None or packet.pts is None:
                        continue
                    base = max(base, float((packet.pts * video.time_base) + 1 / video.average_rate))
                    offset = round(shift / video.time_base)
                    packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                    packet.stream = stream
                    made.mux(packet)
            shift += base
    return target


def watched(process: "subprocess.Popen[bytes]", port: int, seconds: float) -> Iterator[Sample]:
    """A sample a second, from the first frame on."""
    began: float | None = None
    while process.poll() is None:
        sample = measured(process.pid, port, 0.0 if began is None else time.monotonic() - began)
        if sample is not None and sample.frames:
            began = began or time.monotonic()
            yield sample
        if began is not None and time.monotonic() - began > seconds:
            return
        time.sleep(1.0)
    sys.exit(f"the run ended by itself with exit code {process.returncode}")


def measured(pid: int, port: int, seconds: float) -> Sample | None:
    """None while the run does not answer yet."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            families = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
    except (URLError, ConnectionError):
        return None

    def values(name: str) -> list[float]:
        return [
            sample.value for sample in families[f"omnitrack_{name}"].samples if not sample.name.endswith("_created")
        ]

    family = [pid, *descendants(pid)]
    return Sample(
        seconds=seconds,
        megabytes=sum(memory(one) for one in family) / 1000,
        processes=len(family),
        files=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        lag_seconds=max(values("lag_seconds"), default=0.0),
        frames=sum(values("frames")),
        dropped=sum(values("frames_dropped")),
        losses=sum(values("camera_losses")),
    )


def descendants(pid: int) -> list[int]:
    parents = dict(filter(None, map(parent, Path("/proc").glob("[0-9]*/stat"))))
    family = [pid]
    for one in family:  # grows meanwhile
        family += [child for child, above in parents.items() if above == one]
    return family[1:]


def parent(stat: Path) -> tuple[int, int] | None:
    """(process, its parent), None if it just ended."""
    try:
        return int(stat.parent.name), int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def memory(pid: int) -> float:
    """Proportional set size in kB, 0 for a process that just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith("Pss:")), 0.0)


def report(samples: Sequence[Sample], seconds: float, picture: Path) -> None:
    times = np.array([sample.seconds for sample in samples])
    megabytes = np.array([sample.megabytes for sample in samples])
    lags = np.array([sample.lag_seconds for sample in samples])
    warm = min(WARM_UP_SECONDS, seconds / 5)
    fifth = (seconds - warm) / 5
    early = np.median(megabytes[(times >= warm) & (times < warm + fifth)])
    late = np.median(megabytes[times >= seconds - fifth])
    first, last = samples[0], samples[-1]
    frames, dropped = last.frames - first.frames, last.dropped - first.dropped
    print(f"{len(samples)} samples in {times[-1] / 60:.1f} minutes")
    print(f"memory: {early:.0f} MB after the warm-up, {late:.0f} MB at the end: {100 * (late / early - 1):+.1f} %")
    p95, p50 = np.percentile(lags[times >= warm], [95, 50])
    print(f"delay from capture to result (slowest camera): median {1000 * p50:.0f} ms, p95 {1000 * p95:.0f} ms")
    print(f"frames: {frames:.0f} processed, {dropped:.0f} dropped; cameras lost: {last.losses:.0f}")
    print(f"processes {first.processes} -> {last.processes}, open files {first.files} -> {last.files}")
    draw(times / 60, megabytes, lags, warm / 60, picture)
    print(picture)


def draw(
    minutes: np.ndarray[tuple[int], np.dtype[np.float64]],
    megabytes: np.ndarray[tuple[int], np.dtype[np.float64]],
    lags: np.ndarray[tuple[int], np.dtype[np.float64]],
    warm_minutes: float,
    picture: Path,
) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(minutes, megabytes, color="#3467a8")
    above.set_ylabel("memory, MB")
    above.set_ylim(0, 1.15 * float(megabytes.max()))
    above.axvspan(0, warm_minutes, color="#dddddd", zorder=0)
    below.plot(minutes, 1000 * lags, color="#b5532b", linewidth=0.8)
    below.set_ylabel("capture to result, ms")
    below.set_ylim(0, None)
    below.set_xlabel("minutes (grey: warm-up)")
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(picture, dpi=120)


if __name__ == "__main__":
    main()
