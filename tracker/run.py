"""One run from its first frame to the files that it leaves."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from threading import Thread
from time import perf_counter
from types import TracebackType
from typing import Self

from tracker.config import OutputConfig
from tracker.core.motion import MotionConfig
from tracker.operation.timing import StageTimes
from tracker.pictures.timeline import Stay, draw_timeline
from tracker.pipeline import Pipeline
from tracker.ports import Step
from tracker.results import Journey, journeys, write_mot_files
from tracker.roster import Roster
from tracker.store.catalogue import people_in_run
from tracker.store.session import Store
from tracker.store.stored_tracks import tracklets
from tracker.video.batching import StepBatcher
from tracker.video.live_batching import LiveBatcher


class Run:
    """`with build_run(...) as run: for step in run.steps(): ...`.

    On leaving, open tracks are ended and everything is closed; people, journeys, files and lost_frames then hold what
    came out, also when the caller stopped half-way. database is the location as the user gave it. journeys stay empty
    for live cameras, whose history may be longer than memory. ahead: see Pipeline.steps. roster: changes live cameras.
    times: what the stages took so far.
    """

    def __init__(
        self,
        *,
        cameras: tuple[str, ...],
        batcher: StepBatcher | LiveBatcher,
        pipeline: Pipeline,
        store: Store,
        run_id: int,
        output: OutputConfig,
        motion: MotionConfig,
        folder: Path,
        database: str,
        resources: ExitStack,
        ahead: int = 1,
        roster: Roster | None = None,
        times: StageTimes | None = None,
    ) -> None:
        self.cameras = cameras
        self.folder = folder
        self.database = database
        self.roster = roster
        self.times = times or StageTimes()
        self.frames = 0
        self.elapsed_seconds = 0.0
        self.journeys: list[Journey] = []
        self.files: dict[str, str] = {}
        self.people = 0
        self.batcher = batcher
        self.pipeline = pipeline
        self._store = store
        self._run_id = run_id
        self._output = output
        self._motion = motion
        self._resources = resources
        self._ahead = ahead
        self._running: Generator[Step, None, None] | None = None
        self._began = perf_counter()

    @property
    def total_frames(self) -> int | None:
        """Frames of all cameras together; None when one of them is not known."""
        return self.batcher.total_frames

    @property
    def lost_frames(self) -> dict[str, int]:
        """Frames that could not be decoded, by camera."""
        return self.batcher.lost_frames

    @property
    def damaged_frames(self) -> dict[str, int]:
        """Frames that were used although parts of the picture had to be guessed, by camera."""
        return self.batcher.damaged_frames

    def stop(self) -> None:
        """End steps() after the step in progress; may be called from any thread. A database that cannot be written
        is not waited for any longer.
        """
        self.batcher.stop()
        self._store.patience.hurry()

    def steps(self) -> Iterator[Step]:
        """Process the cameras to their end, or until stop()."""
        self._running = self.pipeline.steps(self.batcher, self._ahead)
        for step in self._running:
            first, self.frames = not self.frames, self.frames + len(step.batch.frames)
            yield step
            if first:
                Thread(target=_import_scipy, name="import", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._resources:
            if self._running is not None:
                self.batcher.stop()  # whoever reads ahead must not wait for another frame
                self._running.close()
            finished = False
            try:
                if kind is None:
                    self.pipeline.finish()
                    finished = True
            finally:
                with ExitStack() as ending:
                    if finished:
                        ending.callback(self._write_results)  # also where a sink could not end as it should
                    ending.callback(self._close_pipeline)

    def _close_pipeline(self) -> None:
        try:
            self.pipeline.close()
        finally:
            self.elapsed_seconds = perf_counter() - self._began

    def _write_results(self) -> None:
        """Everything for people is read back from the database: what they see is what was stored."""
        with self._store.read() as connection:
            self.people = people_in_run(connection, self._run_id)
        if self._output.video:
            self.files["videos"] = f"{self.folder}/CAMERA.mp4"
        if self.batcher.total_frames is not None or self._output.mot or self._output.timeline:
            self._write_tracks()
        self.files["database"] = self.database

    def _write_tracks(self) -> None:
        with self._store.read() as connection:
            rows = list(tracklets(connection, self._run_id))
        self.journeys = journeys(rows)
        if self._output.mot:
            write_mot_files(rows, self.cameras, self.folder, self._output.interpolate_seconds, self._motion)
            self.files["tracks"] = f"{self.folder}/CAMERA.txt (MOT layout, global ids)"
        if self._output.timeline and self.journeys:
            picture = self.folder / "timeline.png"
            draw_timeline([stay for journey in self.journeys for stay in stays(journey)], picture, self.cameras)
            self.files["timeline"] = str(picture)


def stays(journey: Journey) -> list[Stay]:
    """The rows of the timeline picture that a journey fills."""
    label = f"#{journey.identity_id}"
    return [Stay(journey.identity_id, label, v.camera, v.t_start_seconds, v.t_end_seconds) for v in journey.visits]


def _import_scipy() -> None:
    """What the first crowd and the first round of matching need; the first result need not wait for it."""
    for module in ("scipy.optimize", "scipy.special", "scipy.sparse.csgraph"):
        import_module(module)
