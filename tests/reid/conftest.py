import os
from pathlib import Path

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread_and_a_seed() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def _directory(variable: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f"{variable} is not set")
    return Path(value)


@pytest.fixture(scope="session")
def models_dir() -> Path:
    return _directory("OMNITRACK_MODELS")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    return _directory("OMNITRACK_DATA")
