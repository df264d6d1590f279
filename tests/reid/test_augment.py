import numpy as np
import pytest

from reid.augment import Augmentation, augment, cut, enlarge

CROP = np.random.default_rng(0).integers(0, 256, (60, 30, 3)).astype(np.uint8)


def augmented(options: Augmentation, seed: int = 0) -> np.ndarray:
    return augment(enlarge(CROP, 40, 20, options), 40, 20, options, np.random.default_rng(seed))


def test_nothing_to_do_is_a_resize() -> None:
    options = Augmentation(enlarge=1, mirror=0)
    np.testing.assert_array_equal(augmented(options), enlarge(CROP, 40, 20, options))


def test_a_mirror_image() -> None:
    plain, mirrored = (augmented(Augmentation(enlarge=1, mirror=probability)) for probability in (0, 1))
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])


def test_the_cut_is_a_window_of_the_enlarged_crop() -> None:
    options = Augmentation(enlarge=1.25, mirror=0)
    whole = enlarge(CROP, 40, 20, options)
    assert whole.shape == (50, 25, 3)
    windows = np.lib.stride_tricks.sliding_window_view(whole, (40, 20, 3))[:, :, 0]
    places = {tuple(np.argwhere((windows == augmented(options, seed)).all((2, 3, 4)))[0]) for seed in range(20)}
    assert len(places) > 10


def test_erasing_covers_one_rectangle_of_the_right_size() -> None:
    plain = augmented(Augmentation(enlarge=1, mirror=0))
    for seed in range(20):
        changed = (augmented(Augmentation(enlarge=1, mirror=0, erase=1), seed) != plain).any(axis=2)
        rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
        assert 0.01 < np.ptp(rows) * np.ptp(columns) / (40 * 20) < 0.45
        assert changed.mean() < 0.45


def test_colour_changes_little_and_keeps_the_input() -> None:
    before = CROP.copy()
    changed = augmented(Augmentation(enlarge=1, mirror=0, colour=1)).astype(int)
    plain = augmented(Augmentation(enlarge=1, mirror=0)).astype(int)
    assert 0 < np.abs(changed - plain).mean() < 60
    np.testing.assert_array_equal(CROP, before)


def test_the_seed_decides() -> None:
    options = Augmentation(colour=1, erase=1)
    np.testing.assert_array_equal(augmented(options, 3), augmented(options, 3))
    assert (augmented(options, 3) != augmented(options, 4)).any()


@pytest.mark.parametrize("wrong", [{"enlarge": 0.5}, {"mirror": 2.0}, {"erase": -0.1}])
def test_impossible_options_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Augmentation(**wrong)


def test_a_cut_is_a_window_in_the_crops_own_resolution() -> None:
    windows = np.lib.stride_tricks.sliding_window_view(CROP, (48, 24, 3))[:, :, 0]
    rng = np.random.default_rng(0)
    options = Augmentation(1.25, mirror=0)
    places = {tuple(np.argwhere((windows == cut(CROP, options, rng)).all((2, 3, 4)))[0]) for _ in range(20)}
    assert len(places) > 10
    coloured = cut(CROP, Augmentation(1.0, mirror=0, colour=1.0, colour_range=0.3), rng).astype(int)
    assert 0 < np.abs(coloured - CROP).mean() < 90
    np.testing.assert_array_equal(cut(CROP, Augmentation(1.0, mirror=1.0), rng), CROP[:, ::-1])
