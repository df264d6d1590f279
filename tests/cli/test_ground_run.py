"""`run --calibration`: people followed on the ground, from real videos to the database."""

import os
from pathlib import Path

from tests.cli.test_commands import first_frames, omnitrack
from tests.resources import DATA, MODELS, needs_data, needs_models
from tracker.evaluation.mot import read_mot
from tracker.store.explanation import explain
from tracker.store.queries import identities
from tracker.store.session import open_store
from tracker.store.stored_tracks import latest_run, tracklets

VIEWS = ("View_001", "View_006")


@needs_data
@needs_models
def test_people_in_overlapping_videos_are_linked_by_the_ground(tmp_path: Path) -> None:
    """A third camera, not calibrated, takes part; files and database agree, and links say where they come from."""
    pets = DATA / "pets2009"
    videos = [first_frames(pets / f"{view}.mp4", tmp_path / f"{view}.mp4", 45) for view in VIEWS]
    third = first_frames(pets / "View_001.mp4", tmp_path / "third.mp4", 20)
    calibration = [part for view in VIEWS for part in ("--calibration", pets / f"{view}.xml")]
    out = tmp_path / "out"
    environment = {"OMNITRACK_MODELS": os.fspath(MODELS)}
    done = omnitrack("run", *videos, third, "--fps", 7, *calibration, "--out", out, env=environment)
    assert done.returncode == 0, done.stderr
    assert "third (not calibrated)" in done.stderr
    assert all((out / f"{view}.mp4").stat().st_size > 10_000 for view in VIEWS)
    with open_store(out / "omnitrack.db") as store, store.read() as connection:
        run_id = latest_run(connection)
        assert run_id is not None
        rows = list(tracklets(connection, run_id))
        links = [link for person in identities(connection).rows for link in explain(connection, person.id).links]
    in_view = {view: {row.identity_id for row in rows if row.camera == view} for view in VIEWS}
    assert len(in_view["View_001"] & in_view["View_006"] - {None}) >= 2, "people whom both see"
    on_ground = [link for link in links if link.rule == "ground"]
    assert on_ground
    assert all(link.parts["metres"] < 5 for link in on_ground)
    for view in VIEWS:
        assert set(read_mot(out / f"{view}.txt").ids) == in_view[view] - {None}
    assert any(row.camera == "third" and row.identity_id is not None for row in rows)


def test_a_calibration_of_other_cameras_is_one_line_before_anything_is_processed(tmp_path: Path) -> None:
    east = Path(__file__).parents[2] / "sample_videos" / "east.mp4"
    identity = "[[1, 0, 0], [0, 1, 0], [0, 0, 1]]"
    (tmp_path / "site.yaml").write_text(f"cameras: {{gate: {{size: [1280, 960], image_to_ground: {identity}}}}}")
    done = omnitrack("run", east, "--calibration", tmp_path / "site.yaml", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.strip().endswith(
        "site.yaml: calibrates gate, but the cameras are east: give them the same names"
    )
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
