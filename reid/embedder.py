"""Crops -> unit vectors, whatever runs the network. Imports neither torch nor an inference engine."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from reid.preprocess import FloatArray, Image, InputSpec, crop, normalised, resized


class InferenceSession(Protocol):
    """Runs a network: (n, 3, h, w) float32 -> (n, d) float32, n >= 1."""

    def infer(self, batch: FloatArray) -> FloatArray: ...


class PictureSession(Protocol):
    """Runs a network with its preprocessing: (n, h, w, 3) BGR uint8 -> (n, d) float32, n >= 1."""

    def infer(self, batch: Image) -> FloatArray: ...


class Normalising:
    """Gives a network that knows nothing of pictures the values that it expects."""

    def __init__(self, session: InferenceSession, spec: InputSpec) -> None:
        self._session = session
        self._spec = spec

    def infer(self, batch: Image) -> FloatArray:
        return self._session.infer(normalised(batch, self._spec))


def normalise_rows(features: FloatArray) -> FloatArray:
    """(n, d) -> (n, d) with rows of length 1; a row of zeros stays zero."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit: FloatArray = (features / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit


class CropEmbedder:
    """Describes people by appearance: all crops of a step in one call of the network."""

    def __init__(self, session: PictureSession, spec: InputSpec, name: str, dimension: int) -> None:
        """spec: the size of the network's pictures; dimension: d of its output; name: stored with every embedding."""
        self._session = session
        self._spec = spec
        self._name = name
        self._dimension = dimension

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimension(self) -> int:
        return self._dimension

    def embed(self, images: Sequence[Image], boxes_xyxy: Sequence[FloatArray]) -> list[FloatArray]:
        """images[i] (h, w, 3) BGR uint8 with boxes (n_i, 4) in its pixels -> (n_i, d) float32, unit rows.

        A box of which less than 2 pixels lie inside its image gives a row of zeros. Raises ValueError where the
        numbers of images and box arrays differ, or a box array is not (n, 4).
        """
        if len(images) != len(boxes_xyxy):
            raise ValueError(f"{len(images)} images but {len(boxes_xyxy)} arrays of boxes")
        for boxes in boxes_xyxy:
            if boxes.ndim != 2 or boxes.shape[1] != 4:
                raise ValueError(f"boxes_xyxy must have shape (n, 4), got {boxes.shape}")
        crops = [crop(image, box) for image, boxes in zip(images, boxes_xyxy, strict=True) for box in boxes]
        features = self._embed_present(crops)
        ends = np.cumsum([len(boxes) for boxes in boxes_xyxy])[:-1]
        return np.split(features, ends) if boxes_xyxy else []

    def embed_crops(self, crops: Sequence[Image]) -> FloatArray:
        """Whole crops (h, w, 3) BGR uint8 -> (n, d) float32, unit rows."""
        return self._embed_present(list(crops))

    def _embed_present(self, crops: Sequence[Image | None]) -> FloatArray:
        features = np.zeros((len(crops), self._dimension), np.float32)
        rows = [row for row, image in enumerate(crops) if image is not None]
        if rows:
            output = self._session.infer(resized([image for image in crops if image is not None], self._spec))
            if output.shape != (len(rows), self._dimension):
                raise ValueError(f"{self._name} gave {output.shape}, expected {(len(rows), self._dimension)}")
            features[rows] = normalise_rows(output)
        return features
