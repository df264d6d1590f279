"""Which pictures need be searched: those in which something moved since the last one that was."""

import numpy as np
import pytest

from tracker.video.frame import Frame, FrameBatch, Image
from tracker.video.motion_gate import MotionGate

NOISE = np.random.default_rng(0)


def street(person_left: int | None = None, light: int = 90, noise: float = 0.0) -> Image:
    """A picture 640 x 360 with a dark person 16 x 44 pixels tall, or nobody."""
    image = np.full((360, 640, 3), light, np.float64)
    if person_left is not None:
        image[200:244, person_left : person_left + 16] = 30
    return np.clip(image + NOISE.normal(0, noise, image.shape), 0, 255).astype(np.uint8)


def searched(gate: MotionGate, *images: Image) -> list[bool]:
    """For pictures of one camera one after the other, whether the gate lets them through."""
    batches = [FrameBatch(float(i), {"a": Frame("a", i, float(i), image)}) for i, image in enumerate(images)]
    return [bool(gate.news(batch).frames) for batch in batches]


def test_the_first_picture_and_those_with_movement_are_searched() -> None:
    pictures = street(), street(), street(100), street(100), street(106), street(106)
    assert searched(MotionGate(8), *pictures) == [True, False, True, False, True, False]


def test_noise_is_no_movement() -> None:
    assert searched(MotionGate(8), *(street(100, noise=8.0) for _ in range(20))) == [True] + [False] * 19


def test_slow_changes_add_up() -> None:
    assert searched(MotionGate(8), *(street(100, light=90 + step) for step in range(17))) == [
        step % 8 == 0 for step in range(17)
    ]


def test_a_camera_that_was_lost_is_searched_again_although_it_shows_the_same() -> None:
    gate = MotionGate(8)
    small, large = street(100), street(100).repeat(2, axis=0).repeat(2, axis=1)
    assert searched(gate, small, small) == [True, False]
    assert not gate.news(FrameBatch(2.0, {}, frozenset({"a"}))).frames
    assert searched(gate, large, large) == [True, False]


def test_cameras_are_judged_each_for_itself() -> None:
    gate = MotionGate(8)
    for index, (left, expected) in enumerate([(10, {"a", "b"}), (10, set()), (60, {"b"})]):
        frames = {c: Frame(c, index, float(index), street(x)) for c, x in (("a", 10), ("b", left))}
        news = gate.news(FrameBatch(float(index), frames, frozenset({"c"})))
        assert set(news.frames) == expected
        assert (news.t_seconds, news.lost_cameras) == (float(index), frozenset({"c"}))


@pytest.mark.parametrize("size", [(20, 10), (2160, 3840)])
def test_pictures_of_any_size(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    assert searched(MotionGate(8), image, image) == [True, False]
