"""A first look at a live camera: does it answer, and what does it show?"""

import threading
from dataclasses import dataclass
from time import monotonic

from tracker.errors import OmnitrackError
from tracker.video.camera import CameraState, LiveConfig
from tracker.video.frame import Image
from tracker.video.live import LiveCamera
from tracker.video.reports import Opened
from tracker.video.urls import masked


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """What a camera sends, and its first picture, (height, width, 3) BGR."""

    opened: Opened
    snapshot: Image


def probe_camera(camera_id: str, url: str, config: LiveConfig | None = None) -> Probe:
    """Connect once and look. Raises OmnitrackError naming camera and address (without password) when that fails."""
    camera = LiveCamera(camera_id, url, monotonic(), config)
    changed = threading.Event()
    camera.on_change = changed.set
    camera.start()
    try:
        while (frame := camera.take()) is None:
            health = camera.health
            if health.state is CameraState.OFFLINE:
                raise OmnitrackError(f"camera {camera_id}: {health.problem} ({masked(url)})")
            changed.wait()
            changed.clear()
        opened = camera.health.opened
    finally:
        camera.close()
    assert opened is not None  # it comes before the first picture
    return Probe(opened, frame.image)
