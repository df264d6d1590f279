"""The least that any such program computes: decode, one detector call a picture, one appearance vector a box.

    python -m benchmarks.bare_loop [--simple] [--steps N] DETECTOR.xml EMBEDDER.xml SCORE VIDEO...

Nothing is tracked, matched or stored. Two forms, both with one OpenVINO stream a core, int8 and bf16 where the CPU has
them. The fast one: preprocessing inside the networks, fixed batches, the next pictures always under way while boxes of
the last ones are described; it is the bound that the whole program is held against. --simple: as such loops are
usually written: float input, a free batch, one thing after the other. Prints one line of JSON (see benchmarks.measure).
"""

import argparse
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import Measurement
from tracker.inference.devices import available_cores
from tracker.inference.openvino_session import import_openvino

SIDE, GREY, MOST_OVERLAP = 640, 114, 0.6
CROP_HEIGHT, CROP_WIDTH, CROPS_A_CALL = 256, 128, 4
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
Pixels = NDArray[np.uint8]
Step = tuple[Pixels, ...]
"""One picture of every video."""


def pictures(path: Path) -> Iterator[Pixels]:
    with av.open(str(path)) as container:
        for picture in container.decode(video=0):
            yield np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)


def fitted(picture: Pixels) -> tuple[Pixels, float]:
    """The picture in the top left corner of a square, and its scale."""
    scale = SIDE / max(picture.shape[:2])
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    square = np.full((SIDE, SIDE, 3), GREY, np.uint8)
    square[: size[1], : size[0]] = cv2.resize(picture, size)
    return square, scale


def crops_of(output: NDArray[np.float32], picture: Pixels, scale: float, score: float) -> list[Pixels]:
    """The people in a picture, from the (84, 8400) numbers of the detector, each in the embedder's size."""
    chosen = output[:, output[4] >= score]
    corners = (chosen[:4] - np.concatenate([chosen[2:4] / 2, np.zeros_like(chosen[2:4])])) / scale
    kept = cv2.dnn.NMSBoxes(corners.T.tolist(), chosen[4].tolist(), score, MOST_OVERLAP)
    found = []
    for x, y, width, height in corners.T[np.asarray(kept, int)].clip(0).astype(int):
        part = picture[y : y + height, x : x + width]
        if min(part.shape[:2]) >= 2:
            found.append(np.asarray(cv2.resize(part, (CROP_WIDTH, CROP_HEIGHT)), np.uint8))
    return found


class Fast:
    """Requests of networks that take pictures, `rows` at a time."""

    def __init__(
        self, path: Path, rows: int, height: int, width: int, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        openvino = import_openvino()
        from openvino.preprocess import ColorFormat, PrePostProcessor

        core = openvino.Core()
        model = core.read_model(path)
        model.reshape([rows, 3, height, width])
        build = PrePostProcessor(model)
        build.input().model().set_layout(openvino.Layout("NCHW"))
        tensor = build.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
        tensor.set_color_format(ColorFormat.BGR)
        steps = build.input().preprocess().convert_color(ColorFormat.RGB).convert_element_type(openvino.Type.f32)
        steps.scale(255.0).mean(list(mean)).scale(list(std))
        self._network = core.compile_model(build.build(), "CPU", options(path))
        self._idle = deque(self._network.create_infer_request() for _ in range(4 * available_cores()))

    def start(self, rows: Pixels) -> tuple[Any, Pixels]:
        request = self._idle.popleft()
        request.start_async({0: rows}, share_inputs=True)
        return request, rows

    def result(self, running: tuple[Any, Pixels]) -> NDArray[np.float32]:
        running[0].wait()
        self._idle.append(running[0])
        return np.array(running[0].get_output_tensor(0).data)


def options(path: Path) -> dict[str, Any]:
    cores = available_cores()
    precision = {"INFERENCE_PRECISION_HINT": "f32"} if "int8" in str(path) else {}
    return {"NUM_STREAMS": cores, "INFERENCE_NUM_THREADS": cores, **precision}


def fast(detector: Path, embedder: Path, score: float, steps: Iterable[Step], measured: Measurement) -> None:
    network = Fast(detector, 1, SIDE, SIDE, (0, 0, 0), (1, 1, 1))
    embed = partial(Fast, embedder, height=CROP_HEIGHT, width=CROP_WIDTH, mean=MEAN, std=STD)
    large, single = embed(rows=CROPS_A_CALL), embed(rows=1)
    under_way: deque[list[tuple[Pixels, float, tuple[Any, Pixels]]]] = deque()

    def finish() -> None:
        step = under_way.popleft()
        found = [c for p, scale, running in step for c in crops_of(network.result(running)[0], p, scale, score)]
        full = len(found) - len(found) % CROPS_A_CALL
        begun = [(large, large.start(np.stack(found[i : i + CROPS_A_CALL]))) for i in range(0, full, CROPS_A_CALL)]
        begun += [(single, single.start(crop[None])) for crop in found[full:]]
        for owner, running in begun:
            owner.result(running)
        measured.step(len(step), len(found))

    for together in steps:
        step = []
        for picture in together:
            square, scale = fitted(picture)
            step.append((picture, scale, network.start(square[None])))
        under_way.append(step)
        if len(under_way) > 1:
            finish()
    while under_way:
        finish()


def simple(detector: Path, embedder: Path, score: float, steps: Iterable[Step], measured: Measurement) -> None:
    openvino = import_openvino()
    core = openvino.Core()
    networks = [core.compile_model(path, "CPU", options(path)) for path in (detector, embedder)]
    find, describe = (openvino.AsyncInferQueue(network, available_cores()) for network in networks)
    outputs: dict[int, NDArray[np.float32]] = {}
    find.set_callback(lambda request, row: outputs.update({row: np.array(request.get_output_tensor(0).data[0])}))
    mean, std = np.array(MEAN, np.float32), np.array(STD, np.float32)
    for together in steps:
        squares = [fitted(picture) for picture in together]
        for row, (square, _) in enumerate(squares):
            planar = np.ascontiguousarray(square[None, ..., ::-1].transpose(0, 3, 1, 2), np.float32) / np.float32(255)
            find.start_async({0: planar}, row)
        find.wait_all()
        found = [c for row, p in enumerate(together) for c in crops_of(outputs[row], p, squares[row][1], score)]
        for start in range(0, len(found), CROPS_A_CALL):
            rows = np.stack(found[start : start + CROPS_A_CALL])[..., ::-1].astype(np.float32) / np.float32(255)
            describe.start_async({0: np.ascontiguousarray(((rows - mean) / std).transpose(0, 3, 1, 2))})
        describe.wait_all()
        measured.step(len(together), len(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simple", action="store_true")
    parser.add_argument("--steps", type=int, help="stop after so many")
    parser.add_argument("detector", type=Path)
    parser.add_argument("embedder", type=Path)
    parser.add_argument("score", type=float, help="lowest score of a box that is described")
    parser.add_argument("videos", type=Path, nargs="+")
    given = parser.parse_args()
    measured = Measurement()
    loop = simple if given.simple else fast
    together = islice(zip(*map(pictures, given.videos), strict=False), given.steps)
    loop(given.detector, given.embedder, given.score, together, measured)
    measured.report()


if __name__ == "__main__":
    main()
