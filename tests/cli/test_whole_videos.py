"""Whole videos with the development weights: what the README claims holds."""

import os
from pathlib import Path

import pytest

from tests.cli.test_commands import EAST, WEST, omnitrack
from tests.resources import DATA, MODELS, needs_data, needs_models
from tracker.evaluation.scores import evaluate

pytestmark = [pytest.mark.slow, needs_models]
NAIVE_PEER_MTMC_IDF1 = 62.6
"""ByteTrack with greedy cosine linking at its best threshold, both PETS views."""


def with_models() -> dict[str, str]:
    return {"OMNITRACK_MODELS": os.fspath(MODELS)}


@needs_data
def test_pets_beats_the_naive_peers_and_repeats_to_the_byte(tmp_path: Path) -> None:
    pets = DATA / "pets2009"
    videos = [f"view1={pets / 'View_001.mp4'}", f"view6={pets / 'View_006.mp4'}"]
    for folder in ("one", "two"):
        done = omnitrack("run", *videos, "--fps", 7, "--out", tmp_path / folder, "--no-video", env=with_models())
        assert done.returncode == 0, done.stderr
    tracks = {view: tmp_path / "one" / f"{view}.txt" for view in ("view1", "view6")}
    for file in tracks.values():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    gt = {"view1": pets / "gt_view001.txt", "view6": pets / "gt_view006_derived.txt"}
    scores = evaluate(gt, tracks, {"view6": pets / "ignore_view006_derived.txt"}).mtmc
    assert scores is not None
    assert scores.idf1 > NAIVE_PEER_MTMC_IDF1


def test_the_demo_links_people_across_cameras(tmp_path: Path) -> None:
    done = omnitrack("demo", "--out", tmp_path, env=with_models())
    assert done.returncode == 0, done.stderr
    gt = {file.stem: file.with_name(f"gt_{file.stem}.txt") for file in (WEST, EAST)}
    scores = evaluate(gt, {name: tmp_path / f"{name}.txt" for name in gt}).mtmc
    assert scores is not None
    assert scores.idf1 > 70
