"""Where the steps of a run go."""

from dataclasses import dataclass
from pathlib import Path

from tracker.config import Config, OutputConfig
from tracker.events.sink import EventSink
from tracker.operation.timing import StageTimes, TimedSink
from tracker.ports import Matcher, Sink
from tracker.recorded.sink import RecordingSink
from tracker.store.lookout import Lookout
from tracker.store.sink import StoreSink
from tracker.video.annotate import AnnotatedVideoSink
from tracker.video.batching import StepBatcher
from tracker.video.live_batching import LiveBatcher
from tracker.video.privacy import PrivacySink
from tracker.video.urls import is_live


@dataclass(frozen=True, slots=True)
class Sinks:
    """The two that every run has; lookout knows whom the watchlist names. times: what writing takes."""

    history: StoreSink
    events: EventSink
    lookout: Lookout
    times: StageTimes


def build_sinks(
    config: Config,
    folder: Path,
    batcher: StepBatcher | LiveBatcher,
    matcher: Matcher,
    given: Sinks,
    recorded_as: str | None,
) -> list[Sink]:
    """All of a run, in order, people hidden where they must be. recorded_as: the embedder's name, where what networks
    said is kept in files, None: no such files.
    """
    sinks: list[Sink] = [TimedSink(given.history, given.times, "store"), TimedSink(given.events, given.times, "events")]
    output = output_for(config)
    if output.video:
        video = AnnotatedVideoSink(folder, batcher.frames_per_second, matcher.identity_of)
        sinks.append(TimedSink(video, given.times, "video"))
    if recorded_as is not None:
        offsets = {camera.name: camera.time_offset_seconds for camera in config.cameras}
        sinks.append(RecordingSink(folder, offsets, recorded_as))
    if output.hide_people == "nobody":
        return sinks
    only_wanted = output.hide_people == "everybody_but_wanted"

    def may_show(identity_id: int) -> bool:
        return only_wanted and given.lookout.by_identity(identity_id) is not None

    return [PrivacySink(sinks, matcher.identity_of, may_show)]


def output_for(config: Config) -> OutputConfig:
    """What is not configured is written for recorded cameras, whose run ends, and not for live ones."""
    recorded = not any(is_live(camera.source) for camera in config.cameras)
    open_keys = [key for key in ("video", "mot", "timeline") if getattr(config.output, key) is None]
    return config.output.model_copy(update=dict.fromkeys(open_keys, recorded))
