"""Runs a configured pipeline in the foreground: progress, Ctrl-C, and the closing summary."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from tracker.core.types import IdentityEvent, IdentityEventKind

if TYPE_CHECKING:
    from tracker.config import Config
    from tracker.run import Run


def execute(config: "Config", folder: Path, database: str, *, quiet: bool = False, record: bool = False) -> "Run":
    """Process all cameras of the configuration to their end, or until Ctrl-C; print what was found."""
    from tracker.bootstrap import build_run
    from tracker.cli.summary import print_summary

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    with (
        stop_on_signals(console) as request,
        build_run(config, folder, database, notify=console.print, record=record) as run,
    ):
        request.serve(run.stop)
        people = follow(run, console, quiet)
    print_summary(run, people, interrupted=request.made)
    return run


def follow(run: "Run", console: Console, quiet: bool) -> int:
    """Take the steps of the run, showing frames, rate, time left and people so far on standard error.

    Returns the number of people.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("frames  {task.fields[rate]}  {task.fields[people]} people"),
        TimeRemainingColumn(),
    )
    people: set[int] = set()
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task("tracking", total=run.total_frames, rate="", people=0)
        for step in run.steps():
            count(people, step.events)
            speed = bar.tasks[task].speed
            rate = f"{speed:.0f} fps" if speed else ""
            bar.update(task, advance=len(step.batch.frames), people=len(people), rate=rate)
    return len(people)


def count(people: set[int], events: Sequence[IdentityEvent]) -> None:
    """Keep the set of confirmed identities up to date."""
    for event in events:
        if event.kind is IdentityEventKind.CONFIRMED:
            people.add(event.identity_id)
        elif event.kind is IdentityEventKind.MERGED and event.previous_identity_id is not None:
            people.discard(event.previous_identity_id)


class StopRequest:
    """Somebody asked for the end: whoever serves requests is told, also of one made before it began to serve."""

    def __init__(self) -> None:
        self.made = False
        self._stop: Callable[[], None] | None = None

    def make(self) -> None:
        self.made = True
        if self._stop is not None:
            # a signal handler must not take locks that it may have interrupted
            threading.Thread(target=self._stop).start()

    def serve(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        if self.made:
            stop()


@contextmanager
def stop_on_signals(console: Console) -> Iterator[StopRequest]:
    """The first Ctrl-C or SIGTERM asks for a stop after the step in progress; the second ends the process at once."""
    request = StopRequest()

    def ask(number: int, _frame: FrameType | None) -> None:
        if request.made:
            os._exit(128 + number)
        request.make()
        console.print("stopping: finishing this step and saving (again to quit at once)")

    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
