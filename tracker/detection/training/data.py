"""Labelled pictures as ultralytics' trainer reads them: augmented, without any cache file beside the data."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from ultralytics.data.augment import Compose
from ultralytics.data.dataset import YOLODataset

from tracker.detection.training.annotations import LabelledImage
from tracker.detection.training.config import AugmentationConfig
from tracker.detection.training.degradation import Degradation


class PersonDataset(YOLODataset):  # type: ignore[misc]
    """img_path is the list of labelled pictures itself; pictures are kept in memory, at the network's size."""

    def __init__(self, images: Sequence[LabelledImage], augmentation: AugmentationConfig, **options: Any) -> None:
        self._images = images
        self._degradation = Degradation(
            contrast=augmentation.contrast,
            grey_share=augmentation.grey,
            blur_share=augmentation.blur,
            jpeg_share=augmentation.jpeg,
        )
        super().__init__(img_path=[], cache="ram", task="detect", **options)

    def get_img_files(self, img_path: object) -> list[str]:
        return [str(image.path) for image in self._images]

    def get_labels(self) -> list[dict[str, Any]]:
        return [
            {
                "im_file": str(image.path),
                "shape": (image.height, image.width),
                "cls": image.boxes[:, :1] * 0,
                "bboxes": image.boxes,
                "segments": [],
                "keypoints": None,
                "normalized": True,
                "bbox_format": "xywh",
            }
            for image in self._images
        ]

    def build_transforms(self, hyp: SimpleNamespace) -> Compose:
        transforms = super().build_transforms(hyp)
        if self.augment:
            # the last step makes a tensor
            transforms.insert(-1, self._degradation)
        return transforms
