import csv
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.world import World
from tracker.cli.track import PRESET_NAMES, track
from tracker.core.presets import PRESETS
from tracker.errors import OmnitrackError
from tracker.evaluation.mot import read_mot

HEADER = {"embedding": None, "fps": 10.0, "preset": "reid", "interpolate": 0.0, "quality": None, "state": None}


def detections(folder: Path) -> Path:
    """One person who walks through ten frames and is missed in the sixth."""
    file = folder / "detections.txt"
    rows = [f"{frame},-1,{10 + 4 * frame},20,40,100,0.9\n" for frame in range(1, 11) if frame != 6]
    file.write_text("".join(rows))
    return file


def test_writes_one_track(tmp_path: Path) -> None:
    track(detections(tmp_path), tmp_path / "out.txt", **HEADER)  # type: ignore[arg-type]
    rows = read_mot(tmp_path / "out.txt")
    assert rows.frames.tolist() == [1, 2, 3, 4, 5, 7, 8, 9, 10]
    assert set(rows.ids) == {1}


def test_prints_and_fills_gaps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    track(detections(tmp_path), None, **{**HEADER, "interpolate": 1.0})  # type: ignore[arg-type]
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split(",")[0]) for line in lines] == list(range(1, 11))
    assert lines[5].split(",")[6] == "0.000"


def test_takes_the_named_embedding_of_an_npz(tmp_path: Path) -> None:
    boxes = np.array([[10 + 4 * k, 20, 50 + 4 * k, 120] for k in range(5)], np.float32)
    arrays = {"frame": np.arange(1, 6), "boxes_xyxy": boxes, "conf": np.full(5, 0.9), "emb_a": np.ones((5, 3))}
    np.savez(tmp_path / "c.npz", **arrays)  # type: ignore[arg-type]
    track(tmp_path / "c.npz", tmp_path / "out.txt", **{**HEADER, "embedding": "emb_a"})  # type: ignore[arg-type]
    assert len(read_mot(tmp_path / "out.txt")) == 5
    with pytest.raises(OmnitrackError, match="emb_b"):
        track(tmp_path / "c.npz", None, **{**HEADER, "embedding": "emb_b"})  # type: ignore[arg-type]


def test_writes_how_well_each_track_was_seen(tmp_path: Path) -> None:
    track(detections(tmp_path), tmp_path / "out.txt", **{**HEADER, "quality": tmp_path / "q.csv"})  # type: ignore[arg-type]
    with (tmp_path / "q.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["track"], row["observations"], row["visible"], row["sharpness"]) == ("1", "9", "1.0", "")
    assert float(row["seconds"]) == pytest.approx(0.9)
    assert float(row["score"]) == pytest.approx(0.9)


def test_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match=r"magic.*reid, iou"):
        track(detections(tmp_path), None, **{**HEADER, "preset": "magic"})  # type: ignore[arg-type]
    with pytest.raises(OmnitrackError, match=r"--out.*nowhere"):
        track(detections(tmp_path), tmp_path / "nowhere" / "out.txt", **HEADER)  # type: ignore[arg-type]
    with pytest.raises(OmnitrackError, match=r"none\.txt"):
        track(tmp_path / "none.txt", None, **HEADER)  # type: ignore[arg-type]


def test_refuses_files_that_cannot_be_written_or_would_be_lost(tmp_path: Path) -> None:
    given = detections(tmp_path)
    before = given.read_text()
    (tmp_path / "link.txt").symlink_to(given)
    for out, quality, complaint in (
        (given, None, r"--out: .*detections\.txt is DETECTIONS as well"),
        (tmp_path / "link.txt", None, "--out: .*is DETECTIONS as well"),
        (tmp_path / "o.txt", tmp_path / "o.txt", r"--quality: .*o\.txt is --out as well"),
        (tmp_path, None, "--out: .* is a folder"),
        (None, tmp_path, "--quality: .* is a folder"),
    ):
        with pytest.raises(OmnitrackError, match=complaint):
            track(given, out, **{**HEADER, "quality": quality})  # type: ignore[arg-type]
    assert given.read_text() == before


def test_an_endless_rate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match="--fps: must be a finite number, got inf"):
        track(detections(tmp_path), None, **{**HEADER, "fps": float("inf")})  # type: ignore[arg-type]


def test_text_has_no_embedding_to_name(tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match="text holds no embeddings"):
        track(detections(tmp_path), None, **{**HEADER, "embedding": "emb"})  # type: ignore[arg-type]


def piece(source: Path, target: Path, frames: range) -> Path:
    """The rows of a MOT file that belong to these frames."""
    lines = source.read_text().splitlines(keepends=True)
    target.write_text("".join(line for line in lines if int(line.split(",")[0]) in frames))
    return target


def by_track(path: Path) -> dict[str, str]:
    """The rows of a --quality file by track; of several rows of one track the last."""
    return {line.partition(",")[0]: line for line in path.read_text().splitlines()}


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(1, 59), max_size=4), st.sampled_from(["reid", "bytetrack"]))
def test_pieces_give_what_one_go_gives(tmp_path_factory: pytest.TempPathFactory, cuts: set[int], preset: str) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    crowd, seen = folder / "crowd.txt", folder / "state.json"
    views = [view["c1"].detections for _, view in World(8, seed=5).frames(60, 10.0)]
    crowd.write_text(
        "".join(
            f"{frame},-1,{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{score:.3f}\n"
            for frame, view in enumerate(views, 1)
            for (x1, y1, x2, y2), score in zip(view.boxes_xyxy.tolist(), view.scores.tolist(), strict=True)
        )
    )
    options = {**HEADER, "preset": preset, "quality": folder / "whole.csv"}
    track(crowd, folder / "whole.txt", **options)  # type: ignore[arg-type]
    rows: list[str] = []
    qualities: dict[str, str] = {}
    for begin, end in pairwise([0, *sorted(cuts), 60]):
        part = piece(crowd, folder / "part.txt", range(begin + 1, end + 1))
        options = {**HEADER, "preset": preset, "quality": folder / "q.csv", "state": seen}
        track(part, folder / "out.txt", **options)  # type: ignore[arg-type]
        rows += (folder / "out.txt").read_text().splitlines()
        qualities |= by_track(folder / "q.csv")
    rows.sort(key=lambda row: [int(number) for number in row.split(",")[:2]])
    assert rows == (folder / "whole.txt").read_text().splitlines()
    assert qualities == by_track(folder / "whole.csv")


def test_refuses_a_state_that_does_not_fit(tmp_path: Path) -> None:
    whole, state = detections(tmp_path), tmp_path / "state.json"
    track(piece(whole, tmp_path / "a.txt", range(1, 6)), tmp_path / "out.txt", **{**HEADER, "state": state})  # type: ignore[arg-type]
    kept = state.read_text()
    for file, changed, complaint in (
        (whole, {}, r"state\.json says that frames up to 5 were followed already"),
        (whole, {"fps": 5.0}, r"written with --fps 10.0 --preset reid"),
        (whole, {"preset": "sort"}, r"written with --fps 10.0 --preset reid"),
        (whole, {"interpolate": 1.0}, "--interpolate: needs whole tracks"),
        (whole, {"state": whole}, "--state: .* is DETECTIONS as well"),
    ):
        with pytest.raises(OmnitrackError, match=complaint):
            track(file, None, **{**HEADER, "state": state, **changed})  # type: ignore[arg-type]
    assert state.read_text() == kept
    for text in ("", "[]", "{}", '{"settings": 3}', kept.replace('"version": ', '"version": 9'), kept[:-40]):
        state.write_text(text)
        with pytest.raises(OmnitrackError, match=r"state\.json holds no tracker that can go on"):
            track(whole, None, **{**HEADER, "state": state})  # type: ignore[arg-type]


def test_help_names_every_preset() -> None:
    assert PRESET_NAMES.split(", ") == list(PRESETS)
