import random

import numpy as np

from tracker.detection.training.degradation import Degradation, blur, grey, jpeg, lower_contrast
from tracker.video.frame import Image


def picture() -> Image:
    return np.random.default_rng(0).integers(0, 255, (40, 30, 3)).astype(np.uint8)


def test_each_change_keeps_shape_and_does_what_it_says() -> None:
    random.seed(0)
    image = picture()
    changed = {change.__name__: change(image) for change in (grey, lower_contrast, blur, jpeg)}
    assert {(result.shape, result.dtype) for result in changed.values()} == {(image.shape, image.dtype)}
    assert np.ptp(changed["grey"], axis=2).max() == 0
    assert changed["blur"].std() < image.std()
    assert not np.array_equal(changed["jpeg"], image)


def test_shares_decide() -> None:
    image = picture()
    never = Degradation(contrast=0, grey_share=0, blur_share=0, jpeg_share=0)
    always = Degradation(contrast=0, grey_share=1, blur_share=0, jpeg_share=0)
    assert never({"img": image})["img"] is image
    assert np.ptp(always({"img": image})["img"], axis=2).max() == 0
