import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from reid import visualise
from reid.osnet import OSNet, build
from reid.preprocess import InputSpec, to_batch
from reid.ranking import Labels
from reid.variants import ABLATIONS
from reid.visualise import GREEN, MARGIN, RED, TILE_HEIGHT, TILE_WIDTH, WHITE

SPEC = InputSpec(64, 32)
Picture = NDArray[np.uint8]


def pictures(count: int) -> list[Picture]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (40, 20, 3), np.uint8) for _ in range(count)]


def test_activation_maps_are_unit_sums_of_absolute_channels() -> None:
    network = build("osnet_x0_25").eval()
    maps = visualise.activation_maps(network, pictures(3), SPEC)
    assert maps.shape == (3, 4, 2)
    np.testing.assert_allclose(np.linalg.norm(maps.reshape(3, -1), axis=1), 1, atol=1e-5)
    images = torch.from_numpy(to_batch(pictures(3), SPEC))
    with torch.no_grad():
        expected = network.feature_maps(images).abs().sum(1)
    np.testing.assert_allclose(maps, expected / expected.flatten(1).norm(dim=1)[:, None, None], atol=1e-5)


def test_overlay_is_red_where_the_map_is_high_and_blue_where_low() -> None:
    grey = np.full((40, 20, 3), 128, np.uint8)
    activation = np.zeros((4, 2), np.float32)
    activation[0] = 1
    shown = visualise.overlay(grey, activation)
    assert shown[2, 10, 2] > shown[2, 10, 0]
    assert shown[37, 10, 0] > shown[37, 10, 2]


def test_overlay_of_a_flat_map_is_defined() -> None:
    assert visualise.overlay(pictures(1)[0], np.ones((4, 2), np.float32)).shape == (40, 20, 3)


@pytest.mark.parametrize(
    ("row", "values"),
    [("unified_gate", 4 * 128), ("separate_gates", 4 * 128), ("stream_wise_gate", 4), ("two_streams", 256)],
)
def test_gates_of_the_last_bottleneck_stand_side_by_side(row: str, values: int) -> None:
    gates = visualise.gate_values(OSNet(ABLATIONS[row]), pictures(3), SPEC)
    assert gates.shape == (3, values)
    assert ((gates > 0) & (gates < 1)).all()


def test_fixed_gates_are_the_same_for_every_picture() -> None:
    gates = visualise.gate_values(OSNet(ABLATIONS["learned_and_fixed_gates"]), pictures(3), SPEC)
    np.testing.assert_allclose(gates, 0.5)
    assert gates.shape == (3, 512)


def test_a_network_without_gates_is_refused() -> None:
    with pytest.raises(ValueError, match="addition has no gates"):
        visualise.gate_values(OSNet(ABLATIONS["addition"]), pictures(1), SPEC)


def test_clusters_separate_what_lies_apart_largest_first_and_centre_first() -> None:
    values = np.array([[0.0], [10.0], [0.2], [0.1], [10.2], [0.5]], np.float32)
    members = [m.tolist() for m in visualise.cluster(values, 2)]
    assert [sorted(m) for m in members] == [[0, 2, 3, 5], [1, 4]]
    assert members[0][0] == 2  # the mean is 0.2
    assert [m.tolist() for m in visualise.cluster(values[:1], 3)] == [[0]]
    assert visualise.cluster(values[:0], 3) == ()
    with pytest.raises(ValueError, match="count"):
        visualise.cluster(values, 0)


def frame_colour(sheet: Picture, row: int, column: int) -> tuple[int, ...]:
    top, left = row * (TILE_HEIGHT + MARGIN) + MARGIN, column * (TILE_WIDTH + MARGIN) + MARGIN
    return tuple(sheet[top + 1, left + TILE_WIDTH // 2].tolist())


def test_ranked_sheet_frames_true_and_false_and_hides_the_same_camera() -> None:
    black = np.zeros((40, 20, 3), np.uint8)
    query = np.array([[1.0, 0.0]], np.float32)
    gallery = np.array([[1.0, 0.0], [0.9, 0.1], [0.5, 0.5]], np.float32)  # own camera, a stranger, a true match
    labels = Labels(np.array([7]), np.array([0])), Labels(np.array([7, 8, 7]), np.array([0, 1, 1]))
    asked: list[int] = []

    def picture(place: int) -> Picture:
        asked.append(place)
        return black

    sheet = visualise.ranked_sheet([black], picture, (query, gallery), labels)
    assert asked == [1, 2]  # and no picture that is not drawn
    assert [frame_colour(sheet, 0, column) for column in (1, 2)] == [RED, GREEN]
    assert sheet.shape == (TILE_HEIGHT + 2 * MARGIN, 3 * (TILE_WIDTH + MARGIN) + MARGIN, 3)


def test_sheets_have_a_place_for_everything() -> None:
    crops = pictures(7)
    maps = np.ones((7, 4, 2), np.float32)
    assert visualise.activation_sheet(crops, maps, columns=3).shape[0] == 3 * (TILE_HEIGHT + MARGIN) + MARGIN
    clusters = visualise.cluster(np.arange(7, dtype=np.float32)[:, None], 2)
    assert visualise.cluster_sheet(crops, clusters).shape[0] == 2 * (TILE_HEIGHT + MARGIN) + MARGIN
    assert frame_colour(visualise.sheet([]), 0, 0) == WHITE
