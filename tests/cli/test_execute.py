import json
import logging
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from tracker.cli.execute import execute
from tracker.config import Config, OperationConfig
from tracker.errors import OmnitrackError


def test_machines_are_told_of_drift_as_a_warning_and_of_all_else_as_information(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def built(*_: object, notify: Callable[[str], None], warn: Callable[[str], None], **__: object) -> None:
        notify("a model is loaded")
        warn("topology: people now walk slower")
        raise OmnitrackError("enough")

    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr("tracker.bootstrap.build_run", built)
    monkeypatch.setattr("tracker.networks.LoadingNetworks", nullcontext)
    with pytest.raises(OmnitrackError, match="enough"):
        execute(Config(operation=OperationConfig(log="json")), tmp_path, "unused.db")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["level"], line["event"]) for line in lines] == [
        ("info", "a model is loaded"),
        ("warning", "topology: people now walk slower"),
    ]
