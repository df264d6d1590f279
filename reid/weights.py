"""Weights in and out, strictly: every tensor has a place, every place a tensor; only a classifier may be dropped."""

import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from reid.errors import ReidError
from reid.osnet import OSNet, build
from reid.variants import VARIANTS, OSNetSpec

StateDict = dict[str, Tensor]

_CLASSIFIER = ("classifier.weight", "classifier.bias")
_STREAM_LETTERS = "abcd"

# torchreid's layouts -> ours. osnet.py there writes conv2a.., conv2b.0..; osnet_ain.py writes conv2.0.layers.0..
_RENAMES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"^conv1\.", "stem."),
        (r"^conv5\.", "transitions.2."),
        (r"^pool2\.0\.", "transitions.0.0."),
        (r"^pool3\.0\.", "transitions.1.0."),
        (r"^conv2\.(\d+)\.", r"stages.0.\1."),
        (r"^conv3\.(\d+)\.", r"stages.1.\1."),
        (r"^conv4\.(\d+)\.", r"stages.2.\1."),
        # A "block" that is a plain convolution is the transition after the last block.
        (r"^stages\.([01])\.\d+\.0\.", r"transitions.\1.0."),
        (r"^(stages\.\d+\.\d+\.)conv1\.", r"\1reduce."),
        (r"^(stages\.\d+\.\d+\.)conv3\.", r"\1expand."),
        (r"^(stages\.\d+\.\d+\.)downsample\.", r"\1shortcut."),
        (r"^(stages\.\d+\.\d+\.)gate\.", r"\1aggregate.gates.0."),
        (r"^(stages\.\d+\.\d+\.)conv2\.(\d+)\.layers\.", r"\1streams.\2."),
        (r"^(stages\.\d+\.\d+\.streams\.\d+\.\d+\.)conv1\.", r"\1pointwise."),
        (r"^(stages\.\d+\.\d+\.streams\.\d+\.\d+\.)conv2\.", r"\1depthwise."),
        (r"\.bn\.", ".norm."),
    )
)
_LETTERED_STREAM = re.compile(r"^(conv[234]\.\d+\.)conv2([abcd])\.(?:(\d+)\.)?")
# Both layouts call a block's instance normalisation IN: osnet.py's stands after the sum, osnet_ain.py's before it.
_LISTED_STREAM = re.compile(r"^(?:module\.)?conv[234]\.\d+\.conv2\.\d+\.layers\.")
_INSTANCE_NORM = re.compile(r"^(stages\.\d+\.\d+\.)IN\.")


def read_state_dict(path: Path) -> StateDict:
    """Tensors of a .safetensors file or of a torch checkpoint (weights only), in our layout, without classifier."""
    return {key: tensor for key, tensor in read_with_head(path).items() if key not in _CLASSIFIER}


def read_with_head(path: Path) -> StateDict:
    """Tensors of a .safetensors file or of a torch checkpoint (weights only), in our layout.

    Half-precision tensors become float32. Raises ReidError for a file that is neither or cannot be read.
    """
    if path.suffix == ".safetensors":
        try:
            state = safetensors.torch.load_file(path)
        except (OSError, safetensors.SafetensorError) as error:
            raise ReidError(f"{path}: cannot be read as safetensors ({error})") from error
    else:
        state = _read_torch(path)
    native = to_native(state, str(path))
    return {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in native.items()}


def _read_torch(path: Path) -> StateDict:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise ReidError(f"{path}: cannot be read as a torch checkpoint of weights only ({reason})") from error
    state = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise ReidError(f"{path}: holds no mapping of names to tensors")
    return dict(state)


def to_native(state: Mapping[str, Tensor], source: str) -> StateDict:
    """Rename the keys of either torchreid layout, with or without `module.`, to ours; ours pass unchanged.

    Raises ReidError that names `source` where two keys are names of one tensor of ours.
    """
    before_the_sum = any(_LISTED_STREAM.match(key) for key in state)
    instance_norm = r"\1expand.norm." if before_the_sum else r"\1norm."
    origins: dict[str, str] = {}
    for key in state:
        native = _INSTANCE_NORM.sub(instance_norm, _native_key(key))
        if native in origins:
            raise ReidError(f"{source}: {origins[native]} and {key} are two names of one tensor, {native}")
        origins[native] = key
    return {native: state[key] for native, key in origins.items()}


def _native_key(key: str) -> str:
    key = key.removeprefix("module.")
    lettered = _LETTERED_STREAM.match(key)
    if lettered:
        block, letter, depth = lettered.groups()
        key = f"{block}conv2.{_STREAM_LETTERS.index(letter)}.layers.{depth or 0}.{key[lettered.end() :]}"
    for pattern, replacement in _RENAMES:
        key = pattern.sub(replacement, key)
    return key


def load_state(network: OSNet, state: Mapping[str, Tensor], source: str) -> None:
    """Copy weights into the network. Missing, unexpected or misshapen tensors raise ReidError naming them all."""
    wanted = {key: tensor for key, tensor in network.state_dict().items() if key not in _CLASSIFIER}
    given = {key: tensor for key, tensor in state.items() if key not in _CLASSIFIER}
    problems = [f"missing {key}" for key in wanted if key not in given and not key.endswith("num_batches_tracked")]
    problems += [f"unexpected {key}" for key in given if key not in wanted]
    problems += [
        f"{key} is {tuple(given[key].shape)} instead of {tuple(tensor.shape)}"
        for key, tensor in wanted.items()
        if key in given and given[key].shape != tensor.shape
    ]
    if problems:
        raise ReidError(f"{source}: weights do not fit the network: {'; '.join(problems)}")
    network.load_state_dict(given, strict=False)


def recognise(state: Mapping[str, Tensor], source: str) -> str:
    """Name of the variant whose tensors have exactly these names and shapes. Raises ReidError if there is none."""
    given = _shapes(state)
    for name, spec in VARIANTS.items():
        if _variant_shapes(spec) == given:
            return name
    raise ReidError(f"{source}: fits none of {', '.join(VARIANTS)}; name the variant to see which tensors differ")


def _variant_shapes(spec: OSNetSpec) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return _shapes(OSNet(spec).state_dict())


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    ignored = ("num_batches_tracked", *_CLASSIFIER)
    return {key: tuple(tensor.shape) for key, tensor in state.items() if not key.endswith(ignored)}


def load(path: Path, variant: str | None = None) -> OSNet:
    """A network in evaluation mode with the weights of `path`; the variant is recognised by its shapes if not named."""
    state = read_state_dict(path)
    try:
        network = build(variant or recognise(state, str(path)))
    except ValueError as error:
        raise ReidError(f"{path}: {error}") from error
    load_state(network, state, str(path))
    return network.eval()


def load_with_head(path: Path, variant: str | None = None) -> OSNet:
    """As load, and the classifier with it. Raises ReidError for a file that holds none."""
    state = read_with_head(path)
    if any(key not in state for key in _CLASSIFIER):
        raise ReidError(f"{path}: holds no classifier; classes and attributes need weights of a run that trained one")
    weight, bias = (state[key] for key in _CLASSIFIER)
    trunk = load(path, variant)
    if weight.shape != (len(bias), trunk.spec.feature_dim):
        raise ReidError(f"{path}: classifier.weight is {tuple(weight.shape)}, and the network has another size")
    network = build(trunk.spec, len(bias))
    network.load_state_dict({**trunk.state_dict(), **{key: state[key] for key in _CLASSIFIER}})
    return network.eval()


def save(network: OSNet, path: Path, metadata: Mapping[str, str], half: bool = False, with_head: bool = False) -> None:
    """Write safetensors in our layout, the classifier only with_head; half stores floats as float16."""
    state = {
        key: tensor.detach().half().contiguous()
        if half and tensor.is_floating_point()
        else tensor.detach().contiguous()
        for key, tensor in network.state_dict().items()
        if (with_head or key not in _CLASSIFIER) and not key.endswith("num_batches_tracked")
    }
    safetensors.torch.save_file(state, path, dict(metadata))
