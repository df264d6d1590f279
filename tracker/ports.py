"""What the pipeline needs from the outside, as protocols. Adapters implement them; bootstrap.py connects them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tracker.core.types import Detections, FloatArray, IdentityEvent, TrackletKey, TrackUpdate
from tracker.crosscam.constraints import Constraint, Withdrawal
from tracker.video.frame import Frame, FrameBatch, Image


class FrameSource(Protocol):
    """One camera. Iterating yields its frames in order of time and ends when the source ends."""

    @property
    def camera_id(self) -> str: ...
    @property
    def total_frames(self) -> int | None:
        """Number of frames to come, as far as the container says; None if unknown (live)."""

    @property
    def frames_per_second(self) -> float:
        """Nominal rate, for progress and for written videos; never for tracking."""

    @property
    def picture_size(self) -> tuple[int, int] | None:
        """(height, width) of the frames to come, where the container tells."""

    @property
    def lost_frames(self) -> int:
        """Frames that could not be decoded so far."""

    @property
    def damaged_frames(self) -> int:
        """Frames so far that were delivered although parts of the picture had to be guessed."""

    def __iter__(self) -> Iterator[Frame]: ...
    def close(self) -> None: ...


class Detector(Protocol):
    """Finds people in a batch of pictures (one per camera), one Detections per picture, without embeddings.

    detect() is called from several threads at once, and the answer depends on nothing but the pictures.
    """

    def detect(self, images: Sequence[Image]) -> list[Detections]: ...


class MotionEstimator(Protocol):
    """Follows the background of one camera that moves."""

    def estimate(self, image: Image, boxes_xyxy: FloatArray) -> NDArray[np.float64]:
        """(2, 3): maps points (x, y, 1) of the picture before to this one; boxes (n, 4) of people are left out."""


class Gate(Protocol):
    """Chooses the pictures in which people are sought; in the others they are where they were found last."""

    def news(self, batch: FrameBatch) -> FrameBatch:
        """The batch with only those pictures. Called in the order of time, always before the detector."""


class Embedder(Protocol):
    """Describes people by appearance: all crops of a step in one call."""

    @property
    def dimension(self) -> int: ...
    @property
    def name(self) -> str:
        """Name of the network, stored with every embedding."""

    def embed(self, images: Sequence[Image], boxes_xyxy: Sequence[FloatArray]) -> list[FloatArray]:
        """images[i] with boxes (n_i, 4) in its pixels -> (n_i, dimension) float32, L2-normalised rows."""


class Matcher(Protocol):
    """Tells which tracks of which cameras are one person, and revises it when more is known."""

    def update(self, t_seconds: float, updates: Sequence[TrackUpdate]) -> list[IdentityEvent]:
        """Take one step of all cameras."""

    def finish(self, t_seconds: float) -> list[IdentityEvent]:
        """Settle what is open."""

    def constrain(self, t_seconds: float, decisions: Iterable[Constraint | Withdrawal]) -> list[IdentityEvent]:
        """Take decisions of people, and what they take back, oldest first."""

    def identity_of(self, key: TrackletKey) -> int | None:
        """The identity that a track has now."""

    def identity_at(self, key: TrackletKey, t_seconds: float) -> int | None:
        """The identity that a track had at an instant, as far as is known now."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """All that one step of the pipeline produced; updates and detections hold an entry for every camera with a frame.

    detections: the people who count there. everybody_xyxy: boxes (n, 4) of all who were found, also of those who stand
    where nobody counts or are less certain than the camera asks for. The closing step of a run has no frames: its
    updates end every track that is left.
    """

    batch: FrameBatch
    updates: Mapping[str, Sequence[TrackUpdate]]
    events: Sequence[IdentityEvent]
    detections: Mapping[str, Detections] = field(default_factory=dict)
    everybody_xyxy: Mapping[str, FloatArray] = field(default_factory=dict)


class Sink(Protocol):
    """Consumes steps in order. close() is called exactly once, also after an interruption."""

    def write(self, step: Step) -> None: ...
    def close(self) -> None: ...
