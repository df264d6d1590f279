"""Where tests find development data and weights; a test that needs them is skipped, with the reason, without them."""

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("OMNITRACK_DATA", "data-not-set"))
MODELS = Path(os.environ.get("OMNITRACK_MODELS", "models-not-set").split(os.pathsep)[0])

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="OMNITRACK_DATA does not name a folder of development data")
needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason="OMNITRACK_MODELS does not name a folder of weights")
