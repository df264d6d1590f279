"""How a moving camera moved between two frames, measured in the picture itself."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.core.types import FloatArray
from tracker.video.frame import Image

Affine = NDArray[np.float64]
"""(2, 3) float64: maps points (x, y, 1) of the previous frame, in its pixels, to this frame."""

Gray = NDArray[np.uint8]


class CameraMotionEstimator:
    """Follows the background of one camera; hand the result to SingleCameraTracker.update(camera_motion=...).

    method "flow": corners followed by sparse optical flow (Lucas, Kanade 1981), a similarity fitted by RANSAC; fast.
    method "ecc": correlation maximised over similarities (Evangelidis, Psarakis 2008); slower, for scenes that have
    few corners. Both work on a picture reduced to at most `working_height` rows. Where nothing can be measured (first
    frame, too few corners, no convergence) the camera is taken to have stood still.
    """

    def __init__(self, method: Literal["flow", "ecc"] = "flow", working_height: int = 270) -> None:
        if method not in ("flow", "ecc"):
            raise ValueError(f"method must be 'flow' or 'ecc', got {method!r}")
        self.method = method
        self.working_height = working_height
        self._previous: Gray | None = None

    def estimate(self, image: Image, boxes_xyxy: FloatArray | None = None) -> Affine:
        """The motion since the image of the last call; boxes (n, 4) of people who move by themselves are left out."""
        scale = min(1.0, self.working_height / image.shape[0])
        gray = cv2.cvtColor(
            cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY
        )
        background = np.full(gray.shape, 255, np.uint8)
        for x1, y1, x2, y2 in np.asarray(boxes_xyxy if boxes_xyxy is not None else [], float).reshape(-1, 4) * scale:
            background[max(int(y1), 0) : max(int(y2) + 1, 0), max(int(x1), 0) : max(int(x2) + 1, 0)] = 0
        previous, self._previous = self._previous, np.asarray(gray, np.uint8)
        if previous is None or previous.shape != gray.shape:
            return np.eye(2, 3)
        measure = _flow if self.method == "flow" else _ecc
        affine = measure(previous, self._previous, background)
        affine[:, 2] /= scale
        return affine


def _flow(previous: Gray, current: Gray, background: Gray) -> Affine:
    # Corners are sought in the current frame, whose background is known, and followed backwards in time.
    corners = cv2.goodFeaturesToTrack(current, maxCorners=400, qualityLevel=0.01, minDistance=5, mask=background)
    if corners is None or len(corners) < 8:
        return np.eye(2, 3)
    origins, found, _ = cv2.calcOpticalFlowPyrLK(current, previous, corners, np.empty_like(corners))
    good = found.ravel() == 1
    if good.sum() < 8:
        return np.eye(2, 3)
    affine, _ = cv2.estimateAffinePartial2D(origins[good], corners[good], ransacReprojThreshold=1.5)
    return np.eye(2, 3) if affine is None else np.asarray(affine, np.float64)


def _ecc(previous: Gray, current: Gray, background: Gray) -> Affine:
    # findTransformECC maps template points to points of its second image, so the previous frame is the template.
    start = np.eye(2, 3, dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 1e-4)
    try:
        _, affine = cv2.findTransformECC(previous, current, start, cv2.MOTION_EUCLIDEAN, criteria, background, 5)
    except cv2.error:  # no convergence is reported as an exception
        return np.eye(2, 3)
    return np.asarray(affine, np.float64)
