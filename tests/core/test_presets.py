from tracker.core.presets import PRESETS
from tracker.core.settings import TrackerConfig


def test_the_default_is_the_preset_reid() -> None:
    assert TrackerConfig() == PRESETS["reid"]


def test_iou_never_looks_at_people() -> None:
    names = {term.name for stage in PRESETS["iou"].stages for term in stage.terms}
    assert "overlap" in names
    assert "appearance" not in names
    assert len(PRESETS["iou"].stages) < len(PRESETS["reid"].stages)
