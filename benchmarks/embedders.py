"""Which appearance network to prefer: accuracy between two cameras against time per crop, on PETS2009 and this machine.

    OMNITRACK_DATA=... OMNITRACK_MODELS=... python -m benchmarks.embedders

Boxes are the frozen detections (score >= .25) that overlap a ground-truth person by IoU >= .5, every third frame. The
gallery is the mean vector of each person in view 6. Queries are the people of view 1: their mean over the whole track,
and over pieces of 4 s, which are many more and so tell the networks apart better. AUC: probability that a piece is more
similar to its own person than to another. Milliseconds per crop: OpenVINO, 12 crops a call, median of the calls.
"""

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.optimize import linear_sum_assignment

from reid.embedder import CropEmbedder, normalise_rows
from reid.export import to_openvino
from reid.preprocess import InputSpec, crop
from tracker.core.types import FloatArray
from tracker.inference.registry import load_registry
from tracker.inference.session import open_session
from tracker.inference.spec import ModelFormat, ModelKind, ModelSpec
from tracker.video.frame import Image

FRAME_STEP = 3
PIECE_FRAMES = 28
CROPS_A_CALL = 12

Samples = tuple[list[Image], NDArray[np.int64], NDArray[np.int64]]
"""crops, person of each, frame of each."""


def overlaps(first: FloatArray, second: FloatArray) -> FloatArray:
    """(n, 4) and (m, 4) boxes xyxy -> (n, m) intersection over union."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    iou: FloatArray = common / (areas[0][:, None] + areas[1][None, :] - common)
    return iou


def load_view(folder: Path, view: str, truth_name: str) -> Samples:
    """Crops of the frozen detections that are a person of the ground truth."""
    frozen = np.load(folder / f"frozen_yolo11n_int8_view{view}.npz")
    truth = np.loadtxt(folder / truth_name, delimiter=",")
    crops: list[Image] = []
    people: list[int] = []
    frames: list[int] = []
    video = cv2.VideoCapture(str(folder / f"View_{view}.mp4"))
    frame = 0
    while video.grab():
        frame += 1
        rows = truth[(truth[:, 0] == frame) & (truth[:, 6] == 1)]
        boxes = frozen["boxes_xyxy"][(frozen["frame"] == frame) & (frozen["conf"] >= 0.25)]
        if frame % FRAME_STEP or not len(rows) or not len(boxes):
            continue
        image = np.asarray(video.retrieve()[1], np.uint8)
        iou = overlaps(boxes, np.hstack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]).astype(np.float32))
        for box, person in zip(*linear_sum_assignment(-iou), strict=True):
            picture = crop(image, boxes[box])
            if iou[box, person] >= 0.5 and picture is not None:
                crops.append(picture)
                people.append(int(rows[person, 1]))
                frames.append(frame)
    return crops, np.array(people), np.array(frames)


def means(features: FloatArray, groups: NDArray[np.int64]) -> tuple[FloatArray, NDArray[np.int64]]:
    """Unit mean vector of each group, and the groups."""
    names = np.unique(groups, axis=0)
    rows = [features[(groups == name).all(axis=1)].mean(axis=0) for name in names]
    return normalise_rows(np.stack(rows)), names


def rank1(queries: FloatArray, people: NDArray[np.int64], gallery: FloatArray, known: NDArray[np.int64]) -> float:
    return float((known[(queries @ gallery.T).argmax(axis=1)] == people).mean())


def auc(queries: FloatArray, people: NDArray[np.int64], gallery: FloatArray, known: NDArray[np.int64]) -> float:
    similarity = queries @ gallery.T
    own = people[:, None] == known[None, :]
    rank = np.argsort(np.argsort(similarity.ravel())).reshape(similarity.shape) + 1
    positives, negatives = own.sum(), (~own).sum()
    return float((rank[own].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def network_of(spec: ModelSpec, models: Path, scratch: Path) -> Path:
    path = models / spec.files[0].path
    if spec.format is not ModelFormat.TORCHREID_PTH:
        return path
    network = scratch / f"{spec.name}.xml"
    to_openvino(path, network, spec.variant)
    return network


def measure(spec: ModelSpec, network: Path, views: list[Samples]) -> list[str]:
    given = spec.input
    session = open_session(network, precision=spec.precision, pixels=given)
    expected = InputSpec(given.height, given.width, given.colour, given.scale, given.mean, given.std)
    embedder = CropEmbedder(session, expected, spec.name, spec.dimension or 0)
    seconds: list[float] = []
    features = []
    for crops, _, _ in views:
        parts = []
        for start in range(0, len(crops), CROPS_A_CALL):
            begin = time.perf_counter()
            parts.append(embedder.embed_crops(crops[start : start + CROPS_A_CALL]))
            seconds.append((time.perf_counter() - begin) / len(parts[-1]))
        features.append(np.concatenate(parts))
    (_, people, frames), (_, gallery_people, _) = views
    gallery, known = means(features[1], gallery_people[:, None])
    tracks, names = means(features[0], people[:, None])
    pieces, piece_names = means(features[0], np.stack([people, frames // PIECE_FRAMES], axis=1))
    there = np.isin(names[:, 0], known[:, 0])
    piece_there = np.isin(piece_names[:, 0], known[:, 0])
    scores = [
        rank1(tracks[there], names[there, 0], gallery, known[:, 0]),
        rank1(pieces[piece_there], piece_names[piece_there, 0], gallery, known[:, 0]),
        auc(pieces[piece_there], piece_names[piece_there, 0], gallery, known[:, 0]),
    ]
    return [
        spec.name,
        *(f"{score:.3f}" for score in scores),
        f"{np.median(seconds) * 1000:.2f}",
        str(int(there.sum())),
        str(int(piece_there.sum())),
    ]


def main() -> None:
    folder, models = Path(os.environ["OMNITRACK_DATA"]) / "pets2009", Path(os.environ["OMNITRACK_MODELS"])
    views = [load_view(folder, "001", "gt_view001.txt"), load_view(folder, "006", "gt_view006_derived.txt")]
    headings = ("network", "rank-1 tracks", "rank-1 pieces", "AUC pieces", "ms/crop", "tracks", "pieces")
    table = Table(*headings, title=f"View 1 -> view 6, {len(views[0][0])} and {len(views[1][0])} crops")
    with TemporaryDirectory() as scratch:
        for spec in load_registry().models(ModelKind.EMBEDDER):
            if spec.files and (models / spec.files[0].path).is_file():
                table.add_row(*measure(spec, network_of(spec, models, Path(scratch)), views))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
