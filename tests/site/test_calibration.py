"""Calibration files of a camera whose pose is known, and against annotated positions where the data are at hand."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from tests.crosscam.ground_world import SIZE, corner_pose
from tracker.crosscam.ground_plane import locate
from tracker.errors import OmnitrackError
from tracker.site.calibration import read_calibration

Floats = NDArray[np.float64]
PLACES = np.array([[2.0, 1.0], [4.0, -0.5], [-1.0, 2.0], [-2.0, -1.5]])
"""Metres on the ground, in view of the camera of known_pose()."""
DPX, DPY, SX, CENTRE, KAPPA = 0.005, 0.0046, 1.08, (630.0, 490.0), 0.004
"""Millimetres per pixel, Tsai's scale factor, pixels, and 1/mm^2."""
FOCAL = 4.5
"""Millimetres."""


def known_pose() -> tuple[Floats, Floats, Floats]:
    """K, R and t (metres) of a camera that looks at (2, 1) on the ground."""
    camera_matrix, rotation, translation = corner_pose(-9, -9)
    return camera_matrix, rotation, translation - rotation @ [2.0, 1.0, 0.0]


def tsai_file(folder: Path, **changes: float) -> Path:
    """The camera of known_pose() with a lens that distorts, as Tsai XML; changes: of the extrinsic numbers."""
    _, rotation, translation = known_pose()
    angles = Rotation.from_matrix(rotation).as_euler("xyz")
    pose = dict(zip(("tx", "ty", "tz"), translation * 1000, strict=True))
    pose |= dict(zip(("rx", "ry", "rz"), angles, strict=True))
    extrinsic = " ".join(f'{name}="{value:.10e}"' for name, value in (pose | changes).items())
    file = folder / "gate.xml"
    file.write_text(
        f'<Camera name="gate"><Geometry width="{SIZE[0]}" height="{SIZE[1]}" dpx="{DPX}" dpy="{DPY}"/>'
        f'<Intrinsic focal="{FOCAL}" kappa1="{KAPPA}" cx="{CENTRE[0]}" cy="{CENTRE[1]}" sx="{SX}"/>'
        f"<Extrinsic {extrinsic}/></Camera>"
    )
    return file


def seen_by(rotation: Floats, translation: Floats) -> Floats:
    """(n, 3) metres in the camera's frame of PLACES."""
    return np.asarray(np.column_stack([PLACES, np.zeros(len(PLACES))]) @ rotation.T + translation)


def tsai_pixels() -> Floats:
    """(n, 2) where the camera of tsai_file shows PLACES: Tsai 1987, equations 4 to 6, the cubic solved exactly."""
    pixels = []
    for x, y, depth in seen_by(*known_pose()[1:]):
        ideal = FOCAL * np.array([x, y]) / depth
        radius = float(np.linalg.norm(ideal))
        roots = np.roots(np.array([KAPPA, 0, 1, -radius]))
        distorted = ideal * float(roots[np.isreal(roots)].real[0]) / radius if radius else ideal
        pixels.append(np.array(CENTRE) + distorted * [SX / DPX, 1 / DPY])
    return np.array(pixels)


def test_tsai_xml_of_a_known_camera_maps_its_pixels_back(tmp_path: Path) -> None:
    camera = read_calibration(tsai_file(tmp_path))["gate"]
    np.testing.assert_allclose(camera.to_ground(tsai_pixels()), PLACES, atol=1e-6)
    np.testing.assert_allclose(camera.to_image(PLACES), tsai_pixels(), atol=1e-3)
    half = read_calibration(tsai_file(tmp_path), (SIZE[0] // 2, SIZE[1] // 2))["gate"]
    np.testing.assert_allclose(half.to_ground(tsai_pixels() / 2), PLACES, atol=1e-6)


def wildtrack_file(file: Path, **changes: Floats) -> Path:
    camera_matrix, rotation, translation = known_pose()
    content = {"K": camera_matrix, "R": rotation, "t": translation} | changes
    entry = {name: value.tolist() for name, value in content.items()} | {"width": SIZE[0], "height": SIZE[1]}
    file.write_text(json.dumps({"cameras": {"gate": entry}}))
    return file


def pinhole_pixels() -> Floats:
    camera_matrix, rotation, translation = known_pose()
    projected = seen_by(rotation, translation) @ camera_matrix.T
    return np.asarray(projected[:, :2] / projected[:, 2:])


def test_wildtrack_json_of_a_known_camera_maps_its_pixels_back(tmp_path: Path) -> None:
    camera = read_calibration(wildtrack_file(tmp_path / "site.json"))["gate"]
    np.testing.assert_allclose(camera.to_ground(pinhole_pixels()), PLACES, atol=1e-9)


def test_a_pose_with_a_wrong_sign_is_told_to_check_rotation_and_sign(tmp_path: Path) -> None:
    _, rotation, translation = known_pose()
    complaint = "feet at the lower edge of the picture would stand behind the camera: check rotation and sign"
    up_and_backwards = np.diag([1.0, -1.0, -1.0])
    flipped = [
        tsai_file(tmp_path, tz=-1000 * translation[2]),
        wildtrack_file(tmp_path / "backwards.json", t=-translation),
        wildtrack_file(tmp_path / "up.json", R=up_and_backwards @ rotation, t=up_and_backwards @ translation),
    ]
    for file in flipped:
        with pytest.raises(OmnitrackError, match=complaint) as raised:
            read_calibration(file)
        assert file.name in str(raised.value)


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


def own_file(folder: Path, **changes: object) -> Path:
    """The camera of known_pose(), by K, R and t in our own YAML; changes: of the entry, None to leave a key out."""
    camera_matrix, rotation, translation = (part.tolist() for part in known_pose())
    entry = {"size": list(SIZE), "K": camera_matrix, "R": rotation, "t": translation} | changes
    file = folder / "site.yaml"
    kept = {key: value for key, value in entry.items() if value is not None}
    file.write_text(yaml.safe_dump({"cameras": {"gate": kept}}))
    return file


def test_own_yaml_takes_intrinsics_and_a_pose(tmp_path: Path) -> None:
    camera = read_calibration(own_file(tmp_path))["gate"]
    np.testing.assert_allclose(camera.to_ground(pinhole_pixels()), PLACES, atol=1e-9)
    half = read_calibration(own_file(tmp_path), (SIZE[0] // 2, SIZE[1] // 2))["gate"]
    np.testing.assert_allclose(half.to_ground(pinhole_pixels() / 2), PLACES, atol=1e-9)


ROTATION = known_pose()[1]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"K": [[900, 640], [900, 480]]}, "cameras.gate.K: expected 3 rows of 3 numbers"),
        ({"R": [0.1, 0.2, 0.3]}, "cameras.gate.R: expected 3 rows of 3 numbers"),
        ({"R": np.eye(4).tolist()}, "cameras.gate.R: expected 3 rows of 3 numbers"),
        ({"t": [[1], [2], [3]]}, "cameras.gate.t: expected 3 numbers"),
        ({"t": [1, 2, float("nan")]}, "cameras.gate.t.2: "),
        ({"K": known_pose()[0].T.tolist()}, "cameras.gate.K: expected .*fx, skew, cx"),
        ({"R": (2 * ROTATION).tolist()}, "cameras.gate.R: not a rotation"),
        ({"R": (-ROTATION).tolist()}, "cameras.gate.R: not a rotation but a mirror"),
        ({"t": (-known_pose()[2]).tolist()}, "camera gate: feet at the lower .* check rotation and sign"),
        ({"R": ROTATION.T.tolist()}, "camera gate: the horizon cuts the lower edge .* check rotation and sign"),
        ({"t": [0, 0, 0]}, "camera gate: the camera stands at the height of the ground"),
        ({"t": None}, "cameras.gate: K, R and t belong together: t missing"),
        ({"K": None, "R": None}, "cameras.gate: K, R and t belong together: K and R missing"),
        ({"points": [[0, 0, 0, 0]]}, "cameras.gate: give either points, or image_to_ground, or K, R and t"),
    ],
)
def test_a_pose_that_cannot_be_is_told_by_its_key(changes: dict[str, object], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(OmnitrackError, match=rf"site\.yaml: not a usable calibration \({complaint}") as raised:
        read_calibration(own_file(tmp_path, **changes))
    assert "\n" not in str(raised.value)


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
        (
            "a.yaml",
            "cameras: {gate: {size: [9, 9]}}",
            "cameras.gate: give either points, or image_to_ground, or K, R and t",
        ),
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
