"""Clips of forgotten people: which go, and which stay."""

import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.store.walk import DIMENSION, EPOCH, Stay, record
from tracker.errors import OmnitrackError
from tracker.store.keeping import keep
from tracker.store.privacy import Erased, forget, retain
from tracker.store.queries import identities
from tracker.store.runs import CameraOrigin, begin_run
from tracker.store.session import Store
from tracker.video.clip_files import clips_of, new_clip


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    for camera in ("west", "west_east"):
        for seconds in range(0, 360, 30):
            new_clip(folder, camera, EPOCH + timedelta(seconds=seconds)).write_bytes(b"film")
    (folder / "west_notes.mkv").write_bytes(b"a file of somebody else")
    return folder


def filmed(store: Store, clips: Path | None, stays: Sequence[Stay]) -> None:
    origins = {name: CameraOrigin(name, EPOCH, clips) for name in ("west", "west_east")}
    record(store, stays, run=begin_run(store, origins, embedder_name="osnet", embedder_dimension=DIMENSION))


def seconds_of(folder: Path, camera: str) -> list[int]:
    return [round((clip.began - EPOCH).total_seconds()) for clip in clips_of(folder, camera)]


STAYS = [Stay("west", 1, 1, 400, 700), Stay("west", 2, 2, 1200, 1300), Stay("west_east", 1, 1, 1860, 1870)]
"""Person 1 in seconds 40 to 70 and 186 to 187, person 2 in 120 to 130."""


def test_clips_of_a_forgotten_person_go_and_others_stay(store: Store, clips: Path) -> None:
    filmed(store, clips, STAYS)
    assert forget(store, 1, dry_run=True).clips == 3
    assert len(list(clips.iterdir())) == 25
    assert forget(store, 1).clips == 3
    assert seconds_of(clips, "west") == [0, *range(90, 360, 30)]
    assert seconds_of(clips, "west_east") == [*range(0, 180, 30), *range(210, 360, 30)]
    assert (clips / "west_notes.mkv").exists()


def test_a_cameras_last_clip_may_still_be_written(store: Store, clips: Path) -> None:
    filmed(store, clips, [Stay("west", 1, 1, 9000, 9010)])
    assert forget(store, 1).clips == 1
    assert seconds_of(clips, "west") == list(range(0, 330, 30))


def test_retention_reaches_clips_also_where_nobody_was_seen(store: Store, clips: Path) -> None:
    filmed(store, clips, STAYS)
    for path in clips.iterdir():
        os.utime(path, (EPOCH.timestamp() + 360, EPOCH.timestamp() + 360))
    assert retain(store, EPOCH + timedelta(seconds=100), camera="west").clips == 3
    assert seconds_of(clips, "west") == list(range(90, 360, 30))
    assert keep(store, 0.0, {}, EPOCH + timedelta(seconds=359)).clips == 8 + 11
    assert keep(store, 0.0, {}, EPOCH + timedelta(seconds=400)).clips == 2
    assert [path.name for path in clips.iterdir()] == ["west_notes.mkv"]


def test_without_clips_nothing_is_looked_for(store: Store, clips: Path) -> None:
    filmed(store, None, STAYS)
    assert forget(store, 1).clips == 0
    assert len(list(clips.iterdir())) == 25


def test_clips_that_are_not_there_are_named(store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    filmed(store, tmp_path / "gone", STAYS)
    with caplog.at_level(logging.WARNING):
        assert forget(store, 2) == Erased(people=1, tracklets=1, boxes=101, embeddings=1, events=1)
    assert f"clips of camera west lay in {tmp_path / 'gone'}, which is not there" in caplog.text


def test_nothing_is_erased_while_a_clip_cannot_be(store: Store, clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    filmed(store, clips, STAYS)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(OmnitrackError, match="cannot be deleted \\(Permission denied\\), so nothing was erased"):
        forget(store, 2)
    with store.read() as connection:
        assert [row.id for row in identities(connection).rows] == [1, 2]


def test_clips_of_one_second_have_different_names(tmp_path: Path) -> None:
    moment = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    for _ in range(3):
        new_clip(tmp_path, "a_b", moment).touch()
    assert {path.name for path in tmp_path.iterdir()} == {f"a_b_20260304T050607Z{n}.mkv" for n in ("", "-2", "-3")}
    assert [clip.began for clip in clips_of(tmp_path, "a_b")] == [moment] * 3
