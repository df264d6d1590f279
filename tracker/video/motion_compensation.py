"""How a moving camera moved between two frames, measured in the picture itself."""

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

    Corners are followed by sparse optical flow (Lucas, Kanade 1981) in a picture reduced to at most `working_height`
    rows, and a similarity is fitted by RANSAC. Where nothing can be measured (first frame, too few corners) the camera
    is taken to have stood still.
    """

    def __init__(self, working_height: int = 270) -> None:
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
        affine = _flow(previous, self._previous, background)
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
