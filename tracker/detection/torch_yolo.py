"""People found by a YOLO wholly on one device of torch: pictures go up as they are, only boxes come back."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.ops import batched_nms

from tracker.core.types import Detections
from tracker.detection.heads import PERSON, Decoder, decode_final, decode_ultralytics, head_of
from tracker.detection.letterbox import GREY, Placement
from tracker.detection.yolo import people_of
from tracker.inference.portions import Portions
from tracker.inference.spec import ModelSpec
from tracker.inference.torch_session import TorchSession
from tracker.video.frame import Image

_MOST = 64
"""Pictures at once, to begin with, as of the network."""
_AT_ONCE = 8
"""So many pictures of one size are enlarged or reduced together; each takes four times its memory meanwhile."""


class TorchYOLODetector:
    """Implements ports.Detector as YOLODetector does, with letterbox and suppression on the session's device.

    Boxes are those of YOLODetector but for rounding: a pixel of the network's input may differ by one grey level. When
    the device's memory does not suffice, fewer pictures at once from then on.
    """

    def __init__(self, session: TorchSession, spec: ModelSpec, confidence: float = 0.1, nms_iou: float = 0.6) -> None:
        self._session = session
        self._confidence = confidence
        self._nms_iou = nms_iou
        self._size = spec.input.size
        self._portions = Portions(session.device, _MOST)
        blank = np.zeros((1, *self._size, 3), np.uint8)
        self._rows = _ROWS[head_of(session.infer(blank).shape[1:], spec).decode]

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        if not images:
            return []
        return list(chain.from_iterable(self._portions.of(images, self._detect)))

    def _detect(self, images: Sequence[Image]) -> list[Detections]:
        with torch.inference_mode():
            canvases, placements = self._letterboxed(images)
            boxes, scores = self._rows(self._session.compute(canvases))
            picture, row = (scores >= self._confidence).nonzero(as_tuple=True)
            boxes, scores = boxes[picture, row], scores[picture, row]
            kept = batched_nms(boxes, scores, picture, self._nms_iou)
            found = torch.column_stack([boxes[kept], scores[kept], picture[kept].float()]).cpu().numpy()
        of_each = (found[found[:, 5] == number] for number in range(len(images)))
        return [people_of(ones[:, :4], ones[:, 4], place) for ones, place in zip(of_each, placements, strict=True)]

    def _letterboxed(self, images: Sequence[Image]) -> tuple[Tensor, list[Placement]]:
        """(n, height, width, 3) uint8 on the device; pictures of one size are resized together."""
        alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for number, image in enumerate(images):
            alike[image.shape].append(number)
        shape = (len(images), *self._size, 3)
        canvases = torch.full(shape, GREY, dtype=torch.uint8, device=self._session.device)
        placements = [Placement.of(image, self._size) for image in images]
        for numbers in alike.values():
            for start in range(0, len(numbers), _AT_ONCE):
                some = numbers[start : start + _AT_ONCE]
                pictures = self._session.upload(np.stack([images[number] for number in some]))
                inner = resized(pictures, placements[some[0]].inner_size)
                canvases[some, : inner.shape[1], : inner.shape[2]] = inner
        return canvases, placements


def resized(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """(n, h, w, 3) uint8 -> (n, *size, 3) uint8, bilinear between the centres of pixels, as OpenCV's INTER_LINEAR."""
    planes = pictures.permute(0, 3, 1, 2).float()
    inner = interpolate(planes, size, mode="bilinear", align_corners=False)
    return inner.round_().to(torch.uint8).permute(0, 2, 3, 1)


def _ultralytics_rows(output: Tensor) -> tuple[Tensor, Tensor]:
    """(n, 4 + classes, anchors) -> boxes (n, anchors, 4) xyxy in network pixels, scores of people (n, anchors)."""
    centre, half = output[:, :2], output[:, 2:4] / 2
    return torch.cat([centre - half, centre + half], 1).transpose(1, 2), output[:, 4 + PERSON]


def _final_rows(output: Tensor) -> tuple[Tensor, Tensor]:
    """(n, rows, 6), suppressed already -> the same; rows of other classes have a score below any that counts."""
    people = output[..., 5] == PERSON
    return output[..., :4], output[..., 4].where(people, output.new_tensor(-1.0))


_ROWS: dict[Decoder, Callable[[Tensor], tuple[Tensor, Tensor]]] = {
    decode_ultralytics: _ultralytics_rows,
    decode_final: _final_rows,
}
"""The decoders of heads.py for whole batches; YOLOX comes as ONNX, which does not run here."""
