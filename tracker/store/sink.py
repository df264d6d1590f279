"""Collects what the pipeline's steps say of each track and hands it to the writer, about once per second of video."""

from typing import Any

import numpy as np

from tracker.core.types import FloatArray, IdentityEvent, TrackletKey, TrackState, TrackUpdate
from tracker.ports import Step
from tracker.store.packing import Chunk, pack_vector
from tracker.store.runs import ActiveRun, finish_run
from tracker.store.session import Store
from tracker.store.writer import Batch, StoreWriter, WriterCounters

FLUSH_SECONDS = 1.0
_TRACKLETS_PER_RUN = 1_000_000_000


class StoreSink:
    """Stores confirmed tracks with all their boxes, also those from before the confirmation; others leave no trace.

    Only observed boxes are stored, never predicted ones. After a crash at most the last FLUSH_SECONDS of video and the
    batches still queued are missing.
    """

    def __init__(self, store: Store, run: ActiveRun) -> None:
        self._store = store
        self._run = run
        self._writer = StoreWriter(store, run)
        self._open: dict[TrackletKey, _OpenTracklet] = {}
        self._tracklets_begun = 0
        self._batch = Batch()
        self._flushed_t_seconds = -np.inf

    @property
    def counters(self) -> WriterCounters:
        return self._writer.counters

    def write(self, step: Step) -> None:
        """Take in one step. Raises what the writer thread failed with, e.g. OmnitrackError on a full disk."""
        for camera_id, updates in step.updates.items():
            frame = step.batch.frames[camera_id].index
            for update in updates:
                self._observe(update, frame)
        for event in step.events:
            self._record(event)
        if step.batch.t_seconds - self._flushed_t_seconds >= FLUSH_SECONDS:
            self._flush()
            self._flushed_t_seconds = step.batch.t_seconds

    def close(self) -> None:
        """Write what is left, and mark the run as finished. Raises what the writer thread failed with."""
        try:
            self._flush()
        finally:
            self._writer.close()
        finish_run(self._store, self._run)

    def _observe(self, update: TrackUpdate, frame: int) -> None:
        tracklet = self._open.get(update.key)
        if tracklet is None:
            if update.detection_index is None:
                return  # nothing was seen of it
            self._tracklets_begun += 1
            row_id = self._run.id * _TRACKLETS_PER_RUN + self._tracklets_begun
            tracklet = self._open[update.key] = _OpenTracklet(row_id, self._run, update)
        if update.detection_index is not None:
            tracklet.add(update, frame, self._run.to_us(update.t_seconds, update.camera_id))
        if update.confirmed and not tracklet.confirmed:
            tracklet.confirmed = True
            self._batch.events.extend(tracklet.events)
        if update.state is TrackState.ENDED:
            tracklet.flush_to(self._batch, self._run.embedder_id)
            del self._open[update.key]

    def _record(self, event: IdentityEvent) -> None:
        tracklet = self._open.get(event.tracklet) if event.tracklet else None
        if tracklet is not None and not tracklet.confirmed:
            tracklet.events.append(event)
        else:
            self._batch.events.append(event)

    def _flush(self) -> None:
        for tracklet in self._open.values():
            tracklet.flush_to(self._batch, self._run.embedder_id)
        if self._batch:
            batch, self._batch = self._batch, Batch()
            self._writer.submit(batch)


class _OpenTracklet:
    """A track that still grows: what is not yet handed over, and its mean appearance so far."""

    def __init__(self, row_id: int, run: ActiveRun, first: TrackUpdate) -> None:
        camera = run.cameras[first.camera_id]
        start_us = run.to_us(first.t_seconds, first.camera_id)
        self.confirmed = False
        self.events: list[IdentityEvent] = []
        self._row: dict[str, Any] = {
            "id": row_id,
            "run_id": run.id,
            "camera_id": camera.id,
            "track_id": first.track_id,
            "start_us": start_us,
            "end_us": start_us,
            "observation_count": 0,
        }
        self._changed_chunks: list[Chunk] = []
        self._chunk: Chunk | None = None
        self._appearance: FloatArray | None = None
        self._weight = 0.0

    def add(self, update: TrackUpdate, frame: int, at_us: int) -> None:
        if self._chunk is None or not self._chunk.accepts(frame, at_us):
            self._chunk = Chunk(frame, at_us)
        if self._chunk not in self._changed_chunks[-1:]:
            self._changed_chunks.append(self._chunk)
        self._chunk.add(frame, at_us, update.box_xyxy, update.score)
        self._row["end_us"] = max(at_us, self._row["end_us"])
        self._row["observation_count"] += 1
        if update.embedding is not None and update.quality > 0:
            weighted = update.embedding * np.float32(update.quality)
            self._appearance = weighted if self._appearance is None else self._appearance + weighted
            self._weight += update.quality

    def flush_to(self, batch: Batch, embedder_id: int | None) -> None:
        """Add the rows that changed since the last time, if the track counts."""
        if not self.confirmed or not self._changed_chunks:
            return
        tracklet_id = self._row["id"]
        batch.tracklets.append(dict(self._row))
        for chunk in self._changed_chunks:
            batch.observations.append({"tracklet_id": tracklet_id, **chunk.row()})
        self._changed_chunks = []
        if self._appearance is not None and embedder_id is not None:
            row = {"tracklet_id": tracklet_id, "embedder_id": embedder_id, "weight": self._weight}
            batch.embeddings.append({**row, "vector": pack_vector(self._appearance)})
