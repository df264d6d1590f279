"""Runs a configured pipeline in the foreground: progress, Ctrl-C, and the closing summary."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from tracker.core.people import PeopleCount
from tracker.errors import OmnitrackError

if TYPE_CHECKING:
    from tracker.config import Config
    from tracker.run import Run

_LOG = logging.getLogger(__name__)


def execute(
    config: "Config",
    folder: Path,
    database: str,
    *,
    quiet: bool = False,
    record: bool = False,
    reread: "Callable[[], Config] | None" = None,
) -> "Run":
    """Process all cameras of the configuration to their end, or until Ctrl-C; print what was found.

    reread: gives the configuration as it stands now, when SIGHUP asks for its live cameras to be brought in line.
    """
    from tracker.networks import LoadingNetworks
    from tracker.operation.logs import censored, secrets_of, set_up_logging

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    set_up_logging(config.operation.log, secrets_of(config))
    for_machines = config.operation.log == "json"
    notify, warn = (_LOG.info, _LOG.warning) if for_machines else (console.print, console.print)
    with (
        stop_on_signals(notify) as request,
        reread_on_hangup(None if reread is None else censored(reread, config)) as hangup,
        LoadingNetworks(config) as networks,
    ):
        from tracker.bootstrap import build_run  # takes as long as the networks, which are loaded meanwhile
        from tracker.cli.summary import print_summary

        with (
            build_run(config, folder, database, notify=notify, warn=warn, record=record, networks=networks) as run,
            hangup.served(run),
        ):
            request.serve(run.stop)
            follow(run, console, quiet or for_machines)
    print_summary(run, interrupted=request.made)
    return run


def follow(run: "Run", console: Console, quiet: bool) -> None:
    """Take the steps of the run, showing frames, rate, time left and people so far on standard error."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("frames  {task.fields[rate]}  {task.fields[people]} people"),
        TimeRemainingColumn(),
    )
    people = PeopleCount()
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task("tracking", total=run.total_frames, rate="", people=0)
        for step in run.steps():
            people.hear(step.events)
            speed = bar.tasks[task].speed
            rate = f"{speed:.0f} fps" if speed else ""
            bar.update(task, advance=len(step.batch.frames), people=len(people), rate=rate)


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
def stop_on_signals(notify: Callable[[str], None]) -> Iterator[StopRequest]:
    """The first Ctrl-C or SIGTERM asks for a stop after the step in progress; the second ends the process at once."""
    request = StopRequest()

    def ask(number: int, _frame: FrameType | None) -> None:
        if request.made:
            os._exit(128 + number)
        request.make()
        notify("stopping: finishing this step and saving (again to quit at once)")

    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class RereadRequest:
    """Somebody asked for the list of live cameras to be read again: the run that is served is brought in line with it,
    also with what was asked for before it began. Whatever is wrong is said, and everything goes on as before.
    """

    def __init__(self, reread: "Callable[[], Config] | None") -> None:
        self._reread = reread
        self._run: Run | None = None
        self._waiting = False

    def make(self) -> None:
        self._waiting = self._run is None
        if self._run is not None:
            # a signal handler must not wait
            threading.Thread(target=self._apply, args=(self._run,), name="reread").start()

    @contextmanager
    def served(self, run: "Run") -> Iterator[None]:
        self._run = run
        try:
            if self._waiting:
                self.make()
            yield
        finally:
            self._run = None

    def _apply(self, run: "Run") -> None:
        try:
            if self._reread is None or run.roster is None:
                raise OmnitrackError("there is no list of live cameras to read again")
            for line in run.roster.apply(self._reread()) or ["the list of cameras is unchanged"]:
                _LOG.info("%s", line)
        except OmnitrackError as error:
            _LOG.error("the list of cameras stays as it is: %s", error)


@contextmanager
def reread_on_hangup(reread: "Callable[[], Config] | None") -> Iterator[RereadRequest]:
    """SIGHUP makes the request; without a handler it would end the process, also while that begins or ends."""
    request = RereadRequest(reread)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = signal.signal(signal.SIGHUP, lambda _number, _frame: request.make())
    try:
        yield request
    finally:
        signal.signal(signal.SIGHUP, before)
