"""What a run says at its end."""

from types import SimpleNamespace
from typing import cast

import pytest

from tracker.cli.summary import print_summary
from tracker.run import Run


def test_frames_that_were_lost_or_damaged_are_counted_for_each_camera(capsys: pytest.CaptureFixture[str]) -> None:
    said = {"lost_frames": {"west": 0, "east": 1}, "damaged_frames": {"west": 30, "east": 0}}
    run = SimpleNamespace(
        journeys=[], people=2, cameras=("west", "east"), frames=300, elapsed_seconds=10.0, files={}, **said
    )
    print_summary(cast(Run, run))
    assert capsys.readouterr().out.splitlines()[1:] == [
        "east: 1 frame lost (damaged, or dropped to keep up).",
        "west: 30 frames damaged, used as far as they could be repaired.",
    ]
