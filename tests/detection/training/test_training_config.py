from pathlib import Path

import pytest

from tracker.detection.training.config import ScheduleConfig, load
from tracker.errors import OmnitrackError


def test_shipped_configurations_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNITRACK_DATA", "/data")
    files = list((Path(__file__).parents[3] / "configs/detector").glob("*.yaml"))
    assert files
    for file in files:
        assert load(file).data == Path("/data/persondet")


def test_sizes_grow_with_the_training() -> None:
    schedule = ScheduleConfig(epochs=10, sizes=((0.0, 192), (0.5, 256)))
    assert [schedule.size_at(progress) for progress in (0.0, 0.49, 0.5, 1.0)] == [192, 192, 256, 256]
    assert schedule.size == 256


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("data: x\nschedule: {}\n", "schedule: .*either epochs or hours"),
        ("data: x\nschedule: {epochs: 1, hours: 1}\n", "schedule: .*either epochs or hours"),
        ("data: x\nschedule: {epochs: 1, sizes: [[0.5, 64]]}\n", "sizes must begin at 0"),
        ("data: x\nschedule: {epochs: 1, sizes: [[0, 65]]}\n", "schedule.sizes.0.1: .*multiple of 32"),
        ("data: x\nschedule: {epochs: 1}\nnetwork: {widht: 1}\n", "network.widht: Extra inputs"),
        ("data: ${NOT_SET_ANYWHERE}/x\nschedule: {epochs: 1}\n", "data: .*not set"),
        ("data: [", "is not YAML"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(text)
    with pytest.raises(OmnitrackError, match=f"plan.yaml: .*{complaint}|plan.yaml: {complaint}"):
        load(file)


def test_a_missing_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match=r"none.yaml: cannot be read"):
        load(tmp_path / "none.yaml")
