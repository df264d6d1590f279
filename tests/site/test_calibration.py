"""Calibration files, against the annotated positions where the data are at hand."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tracker.crosscam.ground_plane import locate
from tracker.errors import OmnitrackError
from tracker.site.calibration import read_calibration


@pytest.fixture
def data() -> Path:
    folder = os.environ.get("OMNITRACK_DATA")
    if not folder:
        pytest.skip("OMNITRACK_DATA is not set: it names the folder with pets2009/ and wildtrack_boxes/")
    return Path(folder).resolve()


def test_tsai_xml_agrees_with_the_annotated_positions(data: Path) -> None:
    camera = read_calibration(data / "pets2009" / "View_001.xml")["View_001"]
    rows = np.loadtxt(data / "pets2009" / "gt_view001.txt", delimiter=",", max_rows=500)
    boxes = np.column_stack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]).astype(np.float32)
    np.testing.assert_allclose(locate(camera, boxes, np.array([0.08, 0.05])).xy, rows[:, 7:9], atol=0.002)


def test_wildtrack_json_agrees_with_its_own_homographies(data: Path) -> None:
    path = data / "wildtrack_boxes" / "calibration.json"
    cameras = read_calibration(path)
    assert sorted(cameras) == ["C1", "C2", "C3", "C4", "C5", "C6", "C7"]
    for name, content in json.loads(path.read_text())["cameras"].items():
        x, y, w = np.array(content["H_image_to_ground"]) @ [900, 1000, 1]
        np.testing.assert_allclose(cameras[name].to_ground(np.array([[900.0, 1000.0]])), [[x / w, y / w]], atol=1e-6)


def test_own_yaml_takes_points_or_a_matrix(tmp_path: Path) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_text(
        "cameras:\n"
        "  gate: {size: [100, 100], image_to_ground: [[0.1, 0, 0], [0, 0.1, 0], [0, 0, 1]]}\n"
        "  yard: {size: [100, 100], points: [[0, 0, 0, 0], [10, 0, 1, 0], [0, 10, 0, 1], [10, 10, 1, 1]]}\n"
    )
    cameras = read_calibration(path)
    for name in ("gate", "yard"):
        np.testing.assert_allclose(cameras[name].to_ground(np.array([[20.0, 30.0]])), [[2.0, 3.0]])


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.txt", "", "ends in"),
        ("a.xml", "<Camera", "not a usable calibration"),
        ("a.xml", "<Camera/>", "missing"),
        ("a.json", "{}", "cameras: Field required"),
        ("a.yaml", "cameras: {x: {size: [9, 9], image_to_ground: [[1, 1, 1], [1, 1, 1], [1, 1, 1]]}}", "singular"),
        ("a.yaml", "cameras: {x: {size: [9, 9], points: [[0, 0, 0, 0]]}}", "at least 4"),
        ("a.yaml", "[]", "not a usable calibration"),
        ("a.yaml", "", "not a usable calibration"),
        ("a.yaml", "cameras: [gate]", "cameras: "),
        ("a.yaml", "cameras: {gate: {points: [[0, 0, 0, 0]]}}", "cameras.gate.size: Field required"),
        ("a.yaml", "cameras: {gate: {size: [9, 9]}}", "cameras.gate: give either points or image_to_ground"),
        ("a.yaml", "cameras: {gate: {size: [0, 9], points: []}}", "cameras.gate.size.0: "),
        ("a.yaml", "cameras: {gate: {size: [9, 9], points: [[1, 2, 3]]}}", "cameras.gate.points.0.3: "),
        ("a.yaml", "cameras: {gate: {size: [9, 9], points: [[0, 0, 0, 0]]}}", "camera gate: at least 4 pairs"),
        ("a.yaml", "cameras: {1: {size: [9, 9], points: [[0, 0, 0, 0]]}}", "cameras.1"),
        ("a.yaml", "cameras: {a: {}}\ncameras: {}", "stands twice"),
        ("a.json", "[", "not a usable calibration"),
        ("a.json", '{"cameras": {"C1": {"K": [[1, 0], [0, 1]]}}}', "cameras.C1.K"),
    ],
)
def test_a_bad_file_is_one_clear_error(tmp_path: Path, name: str, content: str, complaint: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(OmnitrackError, match=complaint) as raised:
        read_calibration(tmp_path / name)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match=r"none\.json"):
        read_calibration(tmp_path / "none.json")
