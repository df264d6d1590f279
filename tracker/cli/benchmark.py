"""`main.py benchmark`: what this machine can carry."""

from pathlib import Path
from typing import Annotated

import typer

SAMPLES = Path(__file__).resolve().parents[2] / "sample_videos"
RATES = (5, 10, 15, 25)


def benchmark(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="VIDEO...", help="Video files; default: the sample videos")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML configuration; see configs/default.yaml")] = None,
    cameras: Annotated[str, typer.Option(help="Numbers of cameras to try; files are used over and over")] = "1,2,4,8",
    frames: Annotated[int, typer.Option(min=20, help="Frames of all cameras together, for each number")] = 300,
) -> None:
    """What each stage costs, how many frames a second with more and more cameras, and how much memory."""
    from rich.console import Console
    from rich.table import Table

    from tracker.cli.run import configuration
    from tracker.inference.devices import available_cores
    from tracker.inference.spec import ModelKind
    from tracker.measure import loads, most_cameras, repeated, stage_milliseconds
    from tracker.networks import devices_for, find_model

    counts = numbers(cameras)
    if not sources and config is None:
        sources = [str(SAMPLES / f"{name}.mp4") for name in ("west", "east")]
    settings = configuration(config, sources or [])
    console, log = (Console(stderr=on_error, highlight=False, soft_wrap=True) for on_error in (False, True))
    specs = [find_model(settings, kind, notify=log.print).spec for kind in ModelKind]
    networks = [f"{spec.name} on {', '.join(devices_for(settings, spec))}" for spec in specs]
    console.print(f"{' and '.join(networks)}, {available_cores()} processor cores")

    stages = stage_milliseconds(repeated(settings, len(settings.cameras)), max(5, frames // 4 // len(settings.cameras)))
    total = sum(stages.values())
    table = Table("stage", "ms a frame", "share")
    for stage, milliseconds in stages.items():
        table.add_row(stage, f"{milliseconds:.2f}", f"{100 * milliseconds / total:.0f} %")
    table.add_row("one after the other", f"{total:.2f}", "")
    console.print(table)

    table = Table("cameras", "frames a second, together", "first result", "peak memory")
    results = []
    for result in loads(settings, counts, frames):
        results.append(result)
        cells = (f"{result.frames_per_second:.1f}", f"{result.first_seconds:.2f} s", f"{result.peak_mebibytes:.0f} MB")
        table.add_row(str(result.cameras), *cells)
    console.print(table)
    carried = ", ".join(f"{most_cameras(results, rate)} at {rate} fps" for rate in RATES)
    console.print(f"Cameras that this machine can carry, by this: {carried}.")


def numbers(text: str) -> list[int]:
    """'1,2,4' -> [1, 2, 4]. Raises OmnitrackError for anything else than numbers above 0."""
    from tracker.errors import OmnitrackError

    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise OmnitrackError(f"--cameras {text}: write numbers above 0, as 1,2,4")
    return [int(part) for part in parts]
