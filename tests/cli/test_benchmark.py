"""`main.py benchmark` as a user starts it, and what it concludes."""

from pathlib import Path

import pytest

from tests.cli.test_commands import EAST, WEST, first_frames, omnitrack
from tracker.measure import STAGES, Load, most_cameras


def test_benchmark_shows_stages_and_loads(tmp_path: Path) -> None:
    config = tmp_path / "offline.yaml"
    config.write_text("models: {download: false}\n", encoding="utf-8")
    videos = [first_frames(file, tmp_path / file.name, 12) for file in (WEST, EAST)]
    done = omnitrack("benchmark", *videos, "--config", config, "--cameras", "1,3", "--frames", "20")
    assert done.returncode == 0, done.stderr
    rows = [line.split("│") for line in done.stdout.splitlines() if "│" in line]
    cells = {row[1].strip(): [cell.strip() for cell in row[2:]] for row in rows}
    assert set(STAGES) <= set(cells)
    total = float(cells["one after the other"][0])
    assert sum(float(cells[stage][0]) for stage in STAGES) == pytest.approx(total, abs=0.05)
    assert float(cells["detection"][0]) > 0
    assert float(cells["decoding"][0]) > 0
    for cameras in ("1", "3"):
        assert float(cells[cameras][0]) > 0
        assert float(cells[cameras][2].removesuffix(" MB")) > 50
    assert "Cameras that this machine can carry" in done.stdout
    assert "on cpu" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["east.mp4", "offline.yaml", "west.mp4"]


@pytest.mark.parametrize("text", ["", "two", "1,0", "1,,2"])
def test_numbers_of_cameras_are_checked(text: str) -> None:
    done = omnitrack("benchmark", WEST, "--cameras", text)
    assert done.returncode == 2
    assert "write numbers above 0" in done.stderr


def test_cameras_that_can_be_carried_follow_from_the_mean() -> None:
    results = [Load(1, 38.0, 1.0, 400.0), Load(2, 42.0, 1.0, 410.0)]
    assert [most_cameras(results, rate) for rate in (5, 10, 25, 41)] == [8, 4, 1, 0]
