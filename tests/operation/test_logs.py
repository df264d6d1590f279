"""Logs for machines and people, and no secret in any of them."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_commands import omnitrack
from tracker.config import Config
from tracker.operation.logs import censored, secrets_of, set_up_logging

SECRET = "canary-91c7"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def spoken(style: str) -> str:
    stream = io.StringIO()
    set_up_logging(style, [SECRET, "canary"], stream)
    log = logging.getLogger("tracker.test")
    log.warning("camera %s: offline %s", "gate", f"rtsp://eve:{SECRET}@10.0.0.2/1?token=abc")
    log.info("the secret is %s", SECRET)
    try:
        raise ValueError(f"bad {SECRET}")
    except ValueError:
        log.exception("failed")
    log.debug("nobody asked")
    return stream.getvalue()


def test_json_lines_have_time_level_logger_and_text() -> None:
    lines = [json.loads(line) for line in spoken("json").splitlines()]
    assert [line["level"] for line in lines] == ["warning", "info", "error"]
    assert lines[0]["event"] == "camera gate: offline rtsp://eve:***@10.0.0.2/1?token=***"
    assert lines[0]["logger"] == "tracker.test"
    assert lines[0]["time"].endswith("+00:00")
    assert "ValueError: bad ***" in lines[2]["exception"]


def test_text_is_short() -> None:
    first, second = spoken("text").splitlines()[:2]
    assert first[8:] == " warning: camera gate: offline rtsp://eve:***@10.0.0.2/1?token=***"
    assert second[8:] == " the secret is ***"


@pytest.mark.parametrize("style", ["json", "text"])
def test_no_secret_is_logged(style: str) -> None:
    assert "canary" not in spoken(style)


def test_secrets_are_the_variables_that_the_configuration_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CAM_A", "HOOK", "BROKER", "OTHER"):
        monkeypatch.setenv(name, f"value-of-{name}")
    config = Config.model_validate(
        {
            "cameras": [{"name": "a", "source": "rtsp://u:${CAM_A}@h/1"}, {"name": "b", "source": "rtsp://${UNSET}@h"}],
            "events": {
                "webhook": {"url": "https://h/x", "secret": "${HOOK}"},
                "mqtt": {"host": "h", "password": "${BROKER}"},
            },
        }
    )
    assert secrets_of(config) == {"value-of-CAM_A", "value-of-HOOK", "value-of-BROKER"}


@pytest.mark.parametrize("style", ["json", "text"])
def test_secrets_of_a_configuration_that_is_read_again_are_not_logged(
    style: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FIRST", f"{SECRET}-first")
    monkeypatch.setenv("LATER", f"{SECRET}-later")
    first, later = (
        Config.model_validate({"operation": {"log": style}, "cameras": [{"name": "a", "source": source}]})
        for source in ("rtsp://h/${FIRST}", "rtsp://h/${LATER}")
    )
    assert censored(lambda: later, first)() is later
    logging.getLogger("tracker.test").warning("offline: rtsp://h/%s-first and rtsp://h/%s-later", SECRET, SECRET)
    said = capsys.readouterr().err
    assert said.startswith("{") is (style == "json")
    assert "offline: rtsp://h/*** and rtsp://h/***" in said


def test_check_names_the_variable_that_is_not_set(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("events: {webhook: {url: 'https://h/x', secret: '${OMNITRACK_UNSET_VARIABLE}'}}\n")
    done = omnitrack("check", file)
    assert done.returncode == 2
    assert done.stderr == "error: events.webhook.secret: environment variable OMNITRACK_UNSET_VARIABLE is not set\n"
