"""One run and the files that it leaves."""

from pathlib import Path

import pytest

from tests.video.clips import write_clip
from tracker.bootstrap import build_run
from tracker.config import CameraConfig, Config, ModelsConfig
from tracker.errors import OmnitrackError
from tracker.ports import Step
from tracker.run import Run


class FullDisk:
    """A sink that cannot write its end."""

    def write(self, step: Step) -> None:
        pass

    def close(self) -> None:
        raise OmnitrackError("the disk is full")


def test_a_sink_that_cannot_end_costs_the_other_results_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMNITRACK_MODELS", raising=False)
    clip = str(write_clip(tmp_path / "x.mp4", [0.0, 0.1, 0.2]))
    config = Config(cameras=(CameraConfig(name="x", source=clip),), models=ModelsConfig(download=False))
    out = tmp_path / "out"
    runs: list[Run] = []

    def run_to_its_end() -> None:
        with build_run(config, out, str(out / "x.db"), notify=lambda line: None) as run:
            runs.append(run)
            run.pipeline.sinks = [*run.pipeline.sinks, FullDisk()]
            assert len(list(run.steps())) == 3

    with pytest.raises(OmnitrackError, match="the disk is full"):
        run_to_its_end()
    assert (out / "x.txt").exists()
    assert runs[0].elapsed_seconds > 0
