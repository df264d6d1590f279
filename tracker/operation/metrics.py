"""The state of a run as Prometheus metrics, read when somebody asks."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from tracker.operation.status import RunStatus
from tracker.video.camera import CameraState


class RunCollector(Collector):
    """omnitrack_*: see each metric's text."""

    def __init__(self, status: RunStatus) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        yield from self._cameras()
        yield from self._flow()
        yield from self._outboxes()

    def _cameras(self) -> Iterator[Metric]:
        healths, counts, late = self._status.cameras.health, self._status.counts(), self._status.cameras.late_frames
        per_camera = {
            "frames": ("Frames that went through the pipeline", {n: c.frames for n, c in counts.items()}),
            "frames_dropped": ("Frames that newer ones replaced", {n: h.dropped for n, h in healths.items()}),
            "frames_late": ("Frames too late to share a step with other cameras", dict(late)),
            "decoding_errors": ("Packets that could not be decoded", {n: h.errors for n, h in healths.items()}),
            "camera_losses": ("Times that the camera went offline", {n: h.losses for n, h in healths.items()}),
        }
        for name, (text, values) in per_camera.items():
            counter = CounterMetricFamily(f"omnitrack_{name}", text, labels=["camera"])
            for camera, value in values.items():
                counter.add_metric([camera], value)
            yield counter
        online = {name: float(health.state is CameraState.ONLINE) for name, health in healths.items()}
        lags = {name: count.lag_seconds for name, count in counts.items()}
        delays = {name: health.delay_seconds for name, health in healths.items()}
        ahead = {n: h.camera_ahead_seconds for n, h in healths.items() if h.camera_ahead_seconds is not None}
        people = {name: float(count.people) for name, count in counts.items()}
        yield _gauge("camera_online", "1 while the camera delivers", online)
        yield _gauge("lag_seconds", "From capture to result, of the camera's last frame", lags)
        yield _gauge("arrival_delay_seconds", "From capture to arrival, of the camera's last frame", delays)
        yield _gauge("camera_clock_ahead_seconds", "How far the camera's clock is ahead, where it tells", ahead)
        yield _gauge("people", "People found in the camera's last frame", people)

    def _flow(self) -> Iterator[Metric]:
        writer = self._status.writer
        yield CounterMetricFamily("omnitrack_steps", "Steps of the pipeline", self._status.steps)
        yield GaugeMetricFamily("omnitrack_identities", "People confirmed in this run", self._status.identities)
        yield CounterMetricFamily("omnitrack_rows_committed", "Rows written to the database", writer.rows_committed)
        waiting = writer.batches_waiting()
        yield GaugeMetricFamily("omnitrack_batches_waiting", "Batches that wait for the database", waiting)
        paused = float(writer.paused_by is not None)
        yield GaugeMetricFamily("omnitrack_database_paused", "1 while nothing can be written", paused)
        stages = SummaryMetricFamily(
            "omnitrack_stage_seconds", "Time spent in a stage of the pipeline", labels=["stage"]
        )
        for stage, (calls, seconds) in self._status.times.totals().items():
            stages.add_metric([stage], calls, seconds)
        yield stages

    def _outboxes(self) -> Iterator[Metric]:
        waiting = {outbox.name: float(outbox.waiting) for outbox in self._status.outboxes}
        yield _gauge("messages_waiting", "Messages that wait for a receiver", waiting, "receiver")
        counter = CounterMetricFamily("omnitrack_messages", "Messages by their fate", labels=["receiver", "fate"])
        for outbox in self._status.outboxes:
            for fate in ("delivered", "dropped", "failed"):
                counter.add_metric([outbox.name, fate], getattr(outbox.counters, fate))
        yield counter


def _gauge(name: str, text: str, values: dict[str, float], label: str = "camera") -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"omnitrack_{name}", text, labels=[label])
    for key, value in values.items():
        gauge.add_metric([key], value)
    return gauge
