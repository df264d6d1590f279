"""A trained detector as the files that the application opens, its scores made probabilities."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from tracker.detection.training.annotations import read_split
from tracker.detection.training.validation import detector_of, judged
from tracker.detection.ultralytics_weights import exported, load_weights
from tracker.evaluation.detection import DetectionScores, calibration
from tracker.inference.registry import describe
from tracker.inference.spec import ModelInput, ModelKind

NETWORK, FIGURES = "person.xml", "person.json"


def export(network: Path, out: Path, size: tuple[int, int], data: Path) -> DetectionScores:
    """Write person.xml, person.bin (OpenVINO, 16-bit floats) and person.json (size, figures) into the folder `out`.

    network: weights of ultralytics (.pt) for people only. size: height and width of the input in pixels, multiples of
    32. data: the data set whose split "val" calibrates the scores and yields the figures; the best threshold among
    them. Raises OmnitrackError for weights and data that cannot be used.
    """
    images = read_split(data, "val")
    with TemporaryDirectory() as folder:
        scratch = Path(folder)
        raw = judged(detector_of(network, size, scratch), images)
        calibrated = scratch / "calibrated.pt"
        _rescale(network, calibrated, *calibration(raw.scores, raw.right[:, 0]), scratch)
        height, width = size
        spec = describe(ModelKind.DETECTOR, calibrated)
        spec = spec.model_copy(update={"input": ModelInput(height=height, width=width)})
        made = exported(calibrated, spec, scratch)
        out.mkdir(parents=True, exist_ok=True)
        for suffix in (".xml", ".bin"):
            shutil.copyfile(made.with_suffix(suffix), (out / NETWORK).with_suffix(suffix))
        scores = judged(detector_of(out / NETWORK, size, scratch), images).scored()
    figures = {"height": height, "width": width, "pictures": len(images), **asdict(scores)}
    (out / FIGURES).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return scores


def _rescale(network: Path, out: Path, slope: float, offset: float, cache: Path) -> None:
    """The network with each score's logit z replaced by slope * z + offset: it is linear in the last layer."""
    import torch

    loaded = load_weights(network, cache)
    for branch in loaded.model.model[-1].cv3:
        last = branch[-1]
        with torch.no_grad():
            last.weight.mul_(slope)
            last.bias.mul_(slope).add_(offset)
    loaded.save(out)
