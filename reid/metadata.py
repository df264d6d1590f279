"""What a weight file says about itself. Imports no torch, so that a start with an exported network stays light."""

from pathlib import Path

import safetensors

from reid.errors import ReidError
from reid.preprocess import InputSpec


def read_metadata(weights_path: Path) -> dict[str, str]:
    """Metadata of a .safetensors file; empty for any other file, which has none. Raises ReidError if damaged."""
    if weights_path.suffix != ".safetensors":
        return {}
    try:
        with safetensors.safe_open(weights_path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (OSError, safetensors.SafetensorError) as error:
        raise ReidError(f"{weights_path}: cannot be read as safetensors ({error})") from error


def input_spec_of(weights_path: Path) -> InputSpec:
    """The input that the weight file names; OSNet's usual one where it names none. Raises ReidError."""
    try:
        return InputSpec.from_metadata(read_metadata(weights_path))
    except ValueError as error:
        raise ReidError(f"{weights_path}: its metadata describe no valid input ({error})") from error
