"""Plain frozen data that crosses the layers; everything here is made of numpy and the standard library."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

TrackletKey = tuple[str, int]
"""(camera_id, track_id): the only name of a local track."""


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """People found in one frame.

    boxes_xyxy: (n, 4) float32, pixels of the original frame, x1 < x2 and y1 < y2.
    scores: (n,) float32 in [0, 1].
    embeddings: (n, d) float32, L2-normalised rows; a row of zeros means "not embedded". None: no appearance at all.
    sharpness: (n,) float32 in [0, 1] of the pictures of these people, see tracker.video.sharpness. None: not measured.
    image_size: (width, height) of the frame in pixels. None: unknown, so nobody can be told to be cut by its edge.
    """

    boxes_xyxy: FloatArray
    scores: FloatArray
    embeddings: FloatArray | None = None
    sharpness: FloatArray | None = None
    image_size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        boxes, scores = self.boxes_xyxy, self.scores
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ValueError(f"boxes_xyxy must have shape (n, 4), got {boxes.shape}")
        if scores.shape != (len(boxes),):
            raise ValueError(f"scores must have shape ({len(boxes)},), got {scores.shape}")
        if self.embeddings is not None and (self.embeddings.ndim != 2 or len(self.embeddings) != len(boxes)):
            raise ValueError(f"embeddings must have shape ({len(boxes)}, d), got {self.embeddings.shape}")
        if self.sharpness is not None and self.sharpness.shape != (len(boxes),):
            raise ValueError(f"sharpness must have shape ({len(boxes)},), got {self.sharpness.shape}")
        bad = ~np.isfinite(boxes).all(axis=1) | (boxes[:, 2] <= boxes[:, 0]) | (boxes[:, 3] <= boxes[:, 1])
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise ValueError(f"box {row} is not finite with x1 < x2 and y1 < y2: {boxes[row].tolist()}")
        if not (fine := (scores >= 0) & (scores <= 1)).all():
            row = int(fine.argmin())
            raise ValueError(f"scores must be within [0, 1], that of box {row} is {scores[row]:g}")

    def __len__(self) -> int:
        return len(self.boxes_xyxy)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> Self:
        """The detections in these rows: a mask (n,), or their numbers."""
        return type(self)(
            self.boxes_xyxy[rows],
            self.scores[rows],
            None if self.embeddings is None else self.embeddings[rows],
            None if self.sharpness is None else self.sharpness[rows],
            self.image_size,
        )

    @classmethod
    def empty(cls) -> Self:
        """No detection: boxes (0, 4), scores (0,)."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


class TrackState(StrEnum):
    """Life of a local track. A track that ends while tentative never counted."""

    TENTATIVE = "tentative"
    CONFIRMED = "confirmed"
    LOST = "lost"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class TrackQuality:
    """How well a whole track was seen.

    seconds: from its first to its last observation. score, visible, sharpness: means over the observations, in [0, 1];
    visible is the part of the person that nobody nearer hides. sharpness None: never measured.
    """

    seconds: float
    observations: int
    score: float
    visible: float
    sharpness: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TrackUpdate:
    """What happened to one local track in one frame of its camera.

    box_xyxy: (4,) float32 pixels of the original frame: the matched detection's box, or the predicted one when
        nothing matched (detection_index is None then and score is 0).
    detection_index: row of this frame's Detections, or None.
    embedding: (d,) float32 unit vector of the matched detection, or None.
    quality: in [0, 1], how far the embedding can be trusted (confidence, size, occlusion, sharpness, the
        picture's edge); 0 without embedding.
    confirmed: True from the moment at which the track was confirmed, kept through lost and ended.
    ground_metres: (X, Y) on the ground where it is known. ground_covariance: (xx, xy, yy) square metres, its error as
        far as the picture tells it.
    track_quality: of the whole track, told when it ends.
    seen_by: of a track of several cameras at once, those that see it now.
    """

    camera_id: str
    track_id: int
    t_seconds: float
    state: TrackState
    box_xyxy: FloatArray
    score: float
    detection_index: int | None = None
    embedding: FloatArray | None = None
    quality: float = 0.0
    confirmed: bool = False
    ground_metres: tuple[float, float] | None = None
    ground_covariance: tuple[float, float, float] = (0.0, 0.0, 0.0)
    track_quality: TrackQuality | None = None
    seen_by: tuple[str, ...] = ()

    @property
    def key(self) -> TrackletKey:
        return (self.camera_id, self.track_id)


class IdentityEventKind(StrEnum):
    """ASSIGNED: a tracklet received an identity. CONFIRMED: an identity became certain enough to count.
    REVISED: a tracklet moved from previous_identity_id to identity_id. MERGED: previous_identity_id redirects
    to identity_id for ever.
    """

    ASSIGNED = "assigned"
    CONFIRMED = "confirmed"
    REVISED = "revised"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class LinkEvidence:
    """Why a tracklet was linked to an identity (or began one of its own).

    rule: the rule that decided, e.g. "appearance", "new", "same-instant". score: the affinity that decided.
    cosine: mean appearance similarity with the chosen identity. runner_up_*: the best other candidate.
    parts: named terms of the score, each as the matcher computed it.
    """

    rule: str
    score: float
    cosine: float | None = None
    runner_up_identity_id: int | None = None
    runner_up_score: float | None = None
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IdentityEvent:
    """One change of the set of global identities. Identity ids start at 1 and are never recycled.

    since_seconds: the tracklet is meant from then on only, because it held somebody else before; None: all of it.
    """

    kind: IdentityEventKind
    t_seconds: float
    identity_id: int
    tracklet: TrackletKey | None = None
    previous_identity_id: int | None = None
    evidence: LinkEvidence | None = None
    since_seconds: float | None = None
