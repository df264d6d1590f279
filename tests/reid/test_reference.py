"""Our features against those of the reference implementation, on the shared weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from reid import weights
from reid.preprocess import OSNET_INPUT


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("osnet_x0_25_msmt17", "osnet_x0_25"),
        ("osnet_x0_25_market1501", "osnet_x0_25"),
        ("osnet_x0_25_msmt17_folded", "osnet_x0_25"),
        ("osnet_x1_0_dequantised", "osnet_x1_0"),
    ],
)
def test_features_equal_the_reference(name: str, variant: str, models_dir: Path, data_dir: Path) -> None:
    reference = np.load(data_dir / "reid_reference" / "features.npz")
    crops = [
        np.asarray(
            Image.open(data_dir / "cuhk01" / str(file)).convert("RGB").resize((128, 256), Image.Resampling.BILINEAR)
        )
        for file in reference["files"]
    ]
    pixels = (np.stack(crops) / 255 - OSNET_INPUT.mean) / OSNET_INPUT.std
    network = weights.load(models_dir / f"{name}.pth", variant)
    with torch.no_grad():
        features = network(torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype(np.float32))).numpy()
    error = np.linalg.norm(features - reference[name], axis=1) / np.linalg.norm(reference[name], axis=1)
    assert error.max() < 1e-4
