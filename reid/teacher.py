"""What the teachers say about every training crop, computed once and kept beside the run."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from reid.config import TeacherConfig
from reid.datasets import Sample, read_crop
from reid.embedder import normalise_rows
from reid.extractor import FeatureExtractor
from reid.preprocess import INPUTS, FloatArray, Image

CROPS_AT_A_TIME = 32


def teacher_features(
    samples: Sequence[Sample],
    teachers: Sequence[TeacherConfig],
    cache: Path,
    advance: Callable[[int], None] = lambda crops: None,
) -> FloatArray:
    """(samples, sum of the teachers' dimensions) float32, unit rows: each teacher's unit vectors side by side.

    cache: an .npz file; what it holds of the same teachers is not computed again, and what it lacks is added.
    advance is told how many crops were done since it was last called.
    """
    names = [f"{sample.path} {sample.box_cxcywh}" for sample in samples]
    known = _read_cache(cache, teachers)
    missing = [row for row, name in enumerate(names) if name not in known]
    advance(len(samples) - len(missing))
    if missing:
        extractors = [FeatureExtractor.open(t.path, INPUTS[t.input], precision="bf16") for t in teachers]
        for start in range(0, len(missing), CROPS_AT_A_TIME):
            rows = missing[start : start + CROPS_AT_A_TIME]
            features = _features([read_crop(samples[row]) for row in rows], extractors)
            known.update(zip((names[row] for row in rows), features, strict=True))
            advance(len(rows))
        _write_cache(cache, teachers, known)
    return np.stack([known[name] for name in names])


def _features(crops: list[Image], extractors: Sequence[FeatureExtractor]) -> FloatArray:
    return normalise_rows(np.concatenate([extractor(crops) for extractor in extractors], axis=1))


def _identity(teachers: Sequence[TeacherConfig]) -> str:
    return " ".join(f"{teacher.path.name}:{teacher.input}" for teacher in teachers)


def _read_cache(cache: Path, teachers: Sequence[TeacherConfig]) -> dict[str, FloatArray]:
    if not cache.is_file():
        return {}
    with np.load(cache) as stored:
        if str(stored["teachers"]) != _identity(teachers):
            return {}
        return dict(zip(stored["names"].tolist(), stored["features"], strict=True))


def _write_cache(cache: Path, teachers: Sequence[TeacherConfig], known: dict[str, FloatArray]) -> None:
    np.savez(cache, teachers=_identity(teachers), names=list(known), features=np.stack(list(known.values())))
