"""Cut the two sample clips, and their ground truth, out of OpenCV's vtest.avi.

    python sample_videos/make_clips.py /usr/share/doc/opencv-doc/examples/data/vtest.avi gt_view001.txt

The left part of the picture becomes the camera `west`, the right part `east`; the strip between them is seen by
nobody, so that people who cross it are gone for some seconds. README.md tells where both inputs come from.
"""

import argparse
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

FRAMES_PER_SECOND = 7  # the scene's real rate; the container of vtest.avi claims 10
IGNORE_BELOW_VISIBILITY = 0.5
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Crop:
    """Columns left <= x < right of the original picture, at full height."""

    camera_id: str
    left: int
    right: int


CROPS = (Crop("west", 0, 330), Crop("east", 440, 768))


def cut_video(source: Path, target: Path, crop: Crop) -> None:
    """Write the crop's columns of every frame as H.264 at FRAMES_PER_SECOND."""
    with av.open(str(source)) as reader, av.open(str(target), "w", options={"movflags": "faststart"}) as writer:
        height = reader.streams.video[0].height
        options = {"crf": "23", "preset": "veryslow"}
        stream = writer.add_stream("libx264", rate=FRAMES_PER_SECOND, options=options)
        stream.width, stream.height, stream.pix_fmt = crop.right - crop.left, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FRAMES_PER_SECOND)
        stream.codec_context.thread_count = 1  # the same bytes on every machine
        for number, frame in enumerate(reader.decode(video=0)):
            picture = np.ascontiguousarray(frame.to_ndarray(format="rgb24")[:, crop.left : crop.right], dtype=np.uint8)
            cropped = av.VideoFrame.from_ndarray(picture, format="rgb24")
            cropped.pts, cropped.time_base = number, stream.codec_context.time_base
            writer.mux(stream.encode(cropped))
        writer.mux(stream.encode(None))


def cut_ground_truth(rows: NDArray[np.float64], crop: Crop) -> NDArray[np.float64]:
    """Rows of one camera's ground truth in MOT layout.

    rows: (n, >= 9) frame, id, x, y, width, height in pixels of the original picture, flag, X, Y in metres.
    Returns (m, 10): the same with boxes cut to the crop and in its pixels, and visibility, the part of the box's
    width that the crop shows. Boxes outside the crop are left out; flag 0 (ignore: neither rewarded nor punished)
    marks boxes of which less than IGNORE_BELOW_VISIBILITY shows.
    """
    x, width = rows[:, 2], rows[:, 4]
    left = np.maximum(x, crop.left)
    visible = np.minimum(x + width, crop.right) - left
    visibility = visible / width
    flag = visibility >= IGNORE_BELOW_VISIBILITY
    boxes = (left - crop.left, rows[:, 3], visible, rows[:, 5])
    columns = (rows[:, 0], rows[:, 1], *boxes, flag, rows[:, 7], rows[:, 8], visibility)
    return np.stack(columns, axis=1)[visible >= 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, help="vtest.avi")
    parser.add_argument("ground_truth", type=Path, help="MOT layout, frame n = video frame n - 1")
    arguments = parser.parse_args()
    rows = np.loadtxt(arguments.ground_truth, delimiter=",", ndmin=2)
    for crop in CROPS:
        cut_video(arguments.video, HERE / f"{crop.camera_id}.mp4", crop)
        layout = ["%d", "%d", "%.2f", "%.2f", "%.2f", "%.2f", "%d", "%.3f", "%.3f", "%.2f"]
        np.savetxt(HERE / f"gt_{crop.camera_id}.txt", cut_ground_truth(rows, crop), fmt=layout, delimiter=",")


if __name__ == "__main__":
    main()
