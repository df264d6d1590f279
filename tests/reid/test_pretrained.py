"""The weights that come with the library."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from reid import weights
from reid.extractor import FeatureExtractor
from reid.metadata import input_spec_of, read_metadata
from reid.pretrained import SHIPPED_WEIGHTS


def test_the_file_is_small_and_says_what_it_is() -> None:
    assert SHIPPED_WEIGHTS.stat().st_size <= 1.5e6
    metadata = read_metadata(SHIPPED_WEIGHTS)
    assert (
        metadata["variant"]
        == weights.recognise(weights.read_state_dict(SHIPPED_WEIGHTS), "shipped")
        == "osnet_x0_25_places"
    )
    assert (input_spec_of(SHIPPED_WEIGHTS).height, input_spec_of(SHIPPED_WEIGHTS).width) == (256, 128)
    assert not any("/" in value for value in metadata.values())
    stored = safetensors.torch.load_file(SHIPPED_WEIGHTS)
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}


def test_it_tells_people_by_their_clothes() -> None:
    rng = np.random.default_rng(0)
    clothes = [((40, 40, 200), (40, 30, 30)), ((200, 60, 40), (190, 200, 200))]  # BGR: red over black, blue over white
    crops = []
    for top, trousers in clothes:
        for lightness in (0.8, 1.1):
            picture = np.full((120, 50, 3), 120.0)  # a grey wall
            picture[25:65, 12:38], picture[65:115, 15:35] = top, trousers
            crops.append(np.clip(lightness * picture + rng.normal(0, 10, picture.shape), 0, 255).astype(np.uint8))
    cosines = (features := FeatureExtractor.open(SHIPPED_WEIGHTS)(crops)) @ features.T
    assert min(cosines[0, 1], cosines[2, 3]) > cosines[:2, 2:].max()


def test_knowing_the_path_costs_no_torch() -> None:
    code = "import sys, reid.pretrained; sys.exit(any(name in sys.modules for name in ('torch', 'cv2', 'numpy')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 0
