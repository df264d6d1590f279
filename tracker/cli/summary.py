"""The closing summary of a run, as a person wants to read it."""

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from tracker.results import Journey
    from tracker.run import Run

MOST_ROWS = 30


def clock(seconds: float) -> str:
    """Seconds as m:ss, or h:mm:ss from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def route(journey: "Journey") -> str:
    """`west 0:03-0:12 → east 0:15-0:31`."""
    return " → ".join(f"{v.camera} {clock(v.t_start_seconds)}-{clock(v.t_end_seconds)}" for v in journey.visits)


def print_summary(run: "Run", *, interrupted: bool = False) -> None:
    """Who was where, when, and where the files are, on standard output."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    journeys = run.journeys
    crossed = [journey for journey in journeys if len(journey.cameras) > 1]
    if interrupted:
        console.print("Stopped; everything up to here is saved.")
    who = plural(run.people, "person", "people")
    crossing = f"{len(crossed)} seen by more than one camera. " if journeys else ""
    rate = f"{run.frames / max(run.elapsed_seconds, 1e-9):.1f} frames/s"
    console.print(
        f"{who} in {plural(len(run.cameras), 'camera', 'cameras')}; {crossing}"
        f"{run.frames} frames in {run.elapsed_seconds:.1f} s ({rate})."
    )
    for camera, lost in run.lost_frames.items():
        if lost:
            console.print(f"{camera}: {plural(lost, 'frame', 'frames')} lost (damaged, or dropped to keep up).")
    for camera, damaged in run.damaged_frames.items():
        if damaged:
            console.print(
                f"{camera}: {plural(damaged, 'frame', 'frames')} damaged, used as far as they could be repaired."
            )
    if journeys:
        table = Table("person", "seen by", "route", box=None, pad_edge=False, header_style="bold")
        for journey in journeys[:MOST_ROWS]:
            table.add_row(f"#{journey.identity_id}", ", ".join(journey.cameras), route(journey))
        console.print(table)
    if len(journeys) > MOST_ROWS:
        console.print(f"... and {len(journeys) - MOST_ROWS} more: main.py identities --db {run.database}")
    for label, path in run.files.items():
        console.print(f"{label:<9} {path}", soft_wrap=True)


def plural(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
