"""Collects what the pipeline's steps say of each track and hands it to the writer, about once per second of video."""

from tracker.core.types import IdentityEvent, TrackletKey, TrackState, TrackUpdate
from tracker.core.zones import PlaceEvent
from tracker.ports import Step
from tracker.store.appearance import Appearance
from tracker.store.best_crop import BestCrop
from tracker.store.identity_events import PlannedEvent
from tracker.store.packing import Chunk
from tracker.store.places import PlannedPlaceEvent
from tracker.store.runs import ActiveRun, to_us
from tracker.store.session import Store
from tracker.store.writer import Batch, Row, StoreWriter, WriterCounters
from tracker.video.frame import Frame, Image

BATCH_SECONDS = 1.0
_TRACKLETS_PER_RUN = 1_000_000_000


class StoreSink:
    """Stores confirmed tracks with all their boxes, also those from before the confirmation; others leave no trace.

    Only observed boxes are stored, never predicted ones. A track's row always tells of exactly the boxes that are
    stored. After a crash, chunks that were not full yet (see packing.py), and batches not yet committed, are missing.
    crops_per_sighting: of each track, keep so many of its clearest pictures.
    """

    def __init__(self, store: Store, run: ActiveRun, *, crops_per_sighting: int = 0) -> None:
        self._run = run
        self._crops_per_sighting = crops_per_sighting
        self._writer = StoreWriter(store, run)
        self._open: dict[TrackletKey, _OpenTracklet] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._tracklets_begun = 0
        self._batch = Batch(crops_kept=crops_per_sighting)
        self._submitted_t_seconds = 0.0

    @property
    def counters(self) -> WriterCounters:
        return self._writer.counters

    def write(self, step: Step) -> None:
        """Take in one step. Raises what the writer thread failed with, e.g. OmnitrackError on a full disk."""
        for camera_id, picture in step.batch.frames.items():
            height, width = picture.image.shape[:2]
            if picture.image.size and self._sizes.get(camera_id) != (width, height):
                self._sizes[camera_id] = self._batch.pictures[camera_id] = (width, height)
        for camera_id, updates in step.updates.items():
            frame = step.batch.frames.get(camera_id)  # none in the closing step, where nothing is observed either
            for update in updates:
                self._observe(update, frame)
        for event in step.events:
            self._record(event)
        if abs(step.batch.t_seconds - self._submitted_t_seconds) >= BATCH_SECONDS:
            self._submit()
            self._submitted_t_seconds = step.batch.t_seconds

    def note(self, camera: str, event: PlaceEvent, identity_id: int | None) -> None:
        """Something happened at a zone or line; stored after the tracks of this step."""
        self._batch.places.append(PlannedPlaceEvent(camera, event, identity_id))

    def close(self) -> None:
        """Write what is left and that the run is finished. Raises what the writer thread failed with."""
        for tracklet in self._open.values():
            tracklet.store(self._batch)
        self._batch.ends_run = True
        try:
            self._submit()
        finally:
            self._writer.close()

    def _observe(self, update: TrackUpdate, frame: Frame | None) -> None:
        tracklet = self._open.get(update.key)
        if tracklet is None:
            if update.detection_index is None:
                return  # nothing was seen of it
            tracklet = self._open[update.key] = _OpenTracklet(
                self._new_row_id(), self._run, update, self._crops_per_sighting
            )
        tracklet.take(update, frame.index if frame else 0, self._batch)
        if frame is not None and self._crops_per_sighting:
            tracklet.show(update, frame.image)
        if update.state is TrackState.ENDED:
            tracklet.store(self._batch)
            del self._open[update.key]

    def _record(self, event: IdentityEvent) -> None:
        tracklet = self._open.get(event.tracklet) if event.tracklet else None
        if event.since_seconds is not None:
            planned = PlannedEvent(event, self._new_row_id())
            if tracklet is not None:
                tracklet.cut(planned, self._batch)
        else:
            planned = PlannedEvent(event)
        if tracklet is not None and not tracklet.confirmed:
            tracklet.events.append(planned)
        else:
            self._batch.events.append(planned)

    def _new_row_id(self) -> int:
        self._tracklets_begun += 1
        return self._run.id * _TRACKLETS_PER_RUN + self._tracklets_begun

    def _submit(self) -> None:
        if self._batch:
            batch, self._batch = self._batch, Batch(crops_kept=self._crops_per_sighting)
            self._writer.submit(batch)


class _OpenTracklet:
    """A track that still grows: its boxes that are not yet stored, and its appearance so far."""

    def __init__(self, row_id: int, run: ActiveRun, first: TrackUpdate, crops_kept: int) -> None:
        camera = run.cameras[first.camera_id]
        self.confirmed = False
        self.events: list[PlannedEvent] = []
        self._epoch_us = camera.epoch_us
        self._embedder_id = run.embedder_id
        self._row: Row = {
            "id": row_id,
            "run_id": run.id,
            "camera_id": camera.id,
            "track_id": first.track_id,
            "start_us": camera.epoch_us + to_us(first.t_seconds),
        }
        self._chunks: list[Chunk] = []
        self._appearance = Appearance()
        self._crops_kept = crops_kept
        self._crop = BestCrop(crops_kept)

    def take(self, update: TrackUpdate, frame: int, batch: Batch) -> None:
        """Add what was seen. Stores what is complete, and all when the track becomes confirmed: events of this very
        step may already speak of it.
        """
        at_us = self._epoch_us + to_us(update.t_seconds)
        is_complete = bool(self._chunks) and not self._chunks[-1].accepts(frame, at_us)
        if is_complete and self.confirmed:
            self.store(batch)
        if update.detection_index is not None:
            if is_complete or not self._chunks:
                self._chunks.append(Chunk(frame, at_us))
            self._chunks[-1].add(frame, at_us, update.box_xyxy, update.score)
            if update.embedding is not None and update.quality > 0:
                self._appearance.add(update.embedding, update.quality)
        if update.confirmed and not self.confirmed:
            self.confirmed = True
            self.store(batch)

    def show(self, update: TrackUpdate, image: Image) -> None:
        """The picture in which it was seen."""
        if update.detection_index is not None:
            at_us = self._epoch_us + to_us(update.t_seconds)
            self._crop.offer(image, update.box_xyxy, update.quality, at_us)

    def store(self, batch: Batch) -> None:
        """Hand over everything, if the track counts; the next box begins a new chunk."""
        if not self.confirmed:
            return
        tracklet_id = self._row["id"]
        if self._chunks:
            self._row["end_us"] = self._chunks[-1].end_us
            self._row["observation_count"] = sum(len(chunk) for chunk in self._chunks)
            batch.tracklets.append(dict(self._row))
            batch.observations.extend({"tracklet_id": tracklet_id, **chunk.row()} for chunk in self._chunks)
            if self._appearance.weight > 0 and self._embedder_id is not None:
                row = {"tracklet_id": tracklet_id, "embedder_id": self._embedder_id}
                batch.embeddings.append(row | self._appearance.row())
            batch.crops.extend(self._crop.take(tracklet_id))
        batch.events.extend(self.events)
        self._chunks, self.events = [], []

    def cut(self, planned: PlannedEvent, batch: Batch) -> None:
        """From since_seconds on it is somebody else: what comes now belongs to a new row with a new appearance.

        The writer moves the boxes since then that are stored already. Nothing happens for an earlier part of the track,
        nor for the present one from its beginning.
        """
        since_us = self._epoch_us + to_us(planned.event.since_seconds or 0.0)
        if not self.confirmed or since_us <= self._row["start_us"]:
            return
        self.store(batch)
        self._row |= {"id": planned.stretch_id, "start_us": since_us}
        self._appearance, self._crop = Appearance(), BestCrop(self._crops_kept)
