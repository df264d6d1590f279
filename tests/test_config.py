from dataclasses import replace
from pathlib import Path

import pytest

from tracker.config import Config, load_config
from tracker.errors import OmnitrackError

DEFAULTS = Path(__file__).parent.parent / "configs" / "default.yaml"


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "site.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_default_yaml_is_the_default() -> None:
    assert load_config(DEFAULTS) == Config()


def test_default_yaml_names_every_key() -> None:
    """A key that a person cannot find in default.yaml does not exist for them."""
    import yaml

    def keys(value: object, path: str = "") -> set[str]:
        if not isinstance(value, dict):
            return {path}
        return {path} | {k for key, inner in value.items() for k in keys(inner, f"{path}.{key}".strip("."))}

    given = keys(yaml.safe_load(DEFAULTS.read_text(encoding="utf-8")))
    expected = keys(Config().model_dump(mode="json"))
    assert expected <= given, f"missing from default.yaml: {sorted(expected - given)}"


def test_one_key_of_a_section_leaves_the_others_at_their_default(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, "tracker: {lost_seconds: 1.5}\n"))
    assert config.tracker == replace(Config().tracker, lost_seconds=1.5)


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "# nothing\n")) == Config()


def test_relative_sources_count_from_the_file(tmp_path: Path) -> None:
    config = load_config(
        written(tmp_path, "cameras:\n- {name: a, source: clips/a.mp4}\n- {name: b, source: 'rtsp://host/b'}\n")
    )
    assert [c.source for c in config.cameras] == [str(tmp_path / "clips/a.mp4"), "rtsp://host/b"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("detector: {confidnce: 0.3}", r"detector\.confidnce: unknown key; did you mean 'confidence'\?"),
        ("tracker: {lost_second: 2}", r"tracker\.lost_second: unknown key; did you mean 'lost_seconds'\?"),
        ("detectr: {}", r"detectr: unknown key; did you mean 'detector'\?"),
        ("detector: {confidence: high}", r"detector\.confidence: .*number.*got 'high'"),
        ("detector: {confidence: 1.5}", r"detector\.confidence: .*less than or equal to 1.*got 1\.5"),
        ("tracker: {new_track_score: 3}", r"tracker.*: new_track_score must be in \[0, 1\], got 3"),
        ("cameras: {name: a}", r"cameras: .*got \{'name': 'a'\}"),
        ("cameras: [{name: a, source: x, region: [[[0, 0], [1, 1]]]}]", r"cameras\.0\.region\.0: .*at least 3 corners"),
        ("cameras: [{name: a, source: x, masks: [[[0, 0], [9, 0], [1, 1]]]}]", r"cameras\.0\.masks\.0: .*lies outside"),
        (
            "cameras: [{name: a, source: x, zones: [{name: z, polygon: [[0, 0]]}]}]",
            r"cameras\.0\.zones\.0: .*3 corners",
        ),
        ("cameras: [{name: a, source: x, lines: [{name: z, start: [0, 0], end: [0, 0]}]}]", r"lines\.0: .*one point"),
        ("cameras: [{name: a, source: x, process_fps: 0}]", r"cameras\.0\.process_fps: .*greater than 0"),
        ("cameras: [{name: a, source: x.mp4}, {name: A, source: y.mp4}]", "two cameras are named 'A'"),
        ("cameras: [{name: ../a, source: x.mp4}]", r"cameras\.0\.name: "),
        ("cameras: [{name: a, source: x.mp4, start_time: 2026-11-21T08:00:00}]", "needs a time zone"),
        ("device: gpu", "device: "),
        ("cameras: [{name: a, source: x.mp4, time_offset_seconds: .nan}]", "time_offset_seconds: .*finite"),
        ("matcher: {memory_seconds: .nan}", "memory_seconds must be above 0"),
        ("device: cpu\ndevice: auto", "key 'device' stands twice"),
        ("- a\n- b", "expected keys and values at the top, got list"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(OmnitrackError, match=complaint) as caught:
        load_config(written(tmp_path, text))
    assert str(caught.value).startswith(str(tmp_path / "site.yaml"))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match=r"gone\.yaml: no such configuration file"):
        load_config(tmp_path / "gone.yaml")
