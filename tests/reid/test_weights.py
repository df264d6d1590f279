import os
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from reid import weights
from reid.errors import ReidError
from reid.metadata import input_spec_of, read_metadata
from reid.osnet import OSNet, build
from reid.preprocess import InputSpec

CONV_STAGES = {"0": "conv2", "1": "conv3", "2": "conv4"}


def torchreid_state(network: OSNet, layout: str, prefix: str = "") -> dict[str, Tensor]:
    """The network's tensors by their names in torchreid's `osnet` or `osnet_ain` layout."""
    state = network.state_dict()
    with_statistics = {key.rsplit(".", 1)[0] for key in state if key.endswith("running_mean")}
    renamed = {}
    for key, tensor in state.items():
        instance_inside = key.rsplit(".", 1)[0] not in with_statistics
        renamed[prefix + torchreid_key(key, layout, instance_inside)] = tensor
    return renamed


def torchreid_key(key: str, layout: str, instance_inside: bool, blocks: int = 2) -> str:
    """Our key in torchreid's `osnet` or `osnet_ain` layout, written from those layouts, not from our mapping.

    instance_inside: an `expand.norm` is instance normalisation, which keeps no running statistics.
    """
    if key.startswith(("fc.", "classifier.")):
        return key
    stem, _, rest = key.partition(".")
    if stem == "stem":
        return f"conv1.{rest}".replace(".norm.", ".bn.")
    index, rest = rest.split(".", 1)
    if stem == "transitions":
        name = {"0": "conv2.%d.0", "1": "conv3.%d.0"} if layout == "osnet" else {"0": "pool2.0", "1": "pool3.0"}
        prefix = "conv5." + rest if index == "2" else (name[index].replace("%d", str(blocks)) + "." + rest[2:])
        return prefix.replace(".norm.", ".bn.")
    block, part, *tail = rest.split(".")
    base = f"{CONV_STAGES[index]}.{block}"
    tail_text = ".".join(tail).replace("norm.", "bn.")
    simple = {"reduce": "conv1", "shortcut": "downsample"}
    if part in simple:
        return f"{base}.{simple[part]}.{tail_text}"
    if part == "norm" or (part == "expand" and instance_inside and tail[0] == "norm"):
        return f"{base}.IN.{tail[-1]}"
    if part == "expand":
        return f"{base}.conv3.{tail_text}"
    if part == "aggregate":
        return f"{base}.gate.{tail_text.removeprefix('gates.0.')}"
    stream, depth, leaf = tail_text.split(".", 2)
    leaf = leaf.replace("pointwise", "conv1").replace("depthwise", "conv2")
    if layout == "osnet_ain":
        return f"{base}.conv2.{stream}.layers.{depth}.{leaf}"
    letter = "abcd"[int(stream)]
    return f"{base}.conv2{letter}.{leaf}" if stream == "0" else f"{base}.conv2{letter}.{depth}.{leaf}"


def random_network(variant: str, classes: int = 0) -> OSNet:
    network = build(variant, classes)
    network(torch.randn(8, 3, 64, 32) * 2 + 1)  # gives the batch norms statistics of their own
    return network.eval()


def same(one: OSNet, other: OSNet) -> bool:
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        features = other(images)
        assert (features > 0).any(dim=1).all()
        return bool(torch.equal(one(images), features))


@pytest.mark.parametrize("layout", ["osnet", "osnet_ain"])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapped", [False, True])
def test_both_torchreid_layouts_load(tmp_path: Path, layout: str, prefix: str, wrapped: bool) -> None:
    network = random_network("osnet_x0_25", classes=7)
    state = torchreid_state(network, layout, prefix)
    torch.save({"state_dict": state, "epoch": 3} if wrapped else state, tmp_path / "w.pth")
    assert same(weights.load(tmp_path / "w.pth"), network)


@pytest.mark.parametrize(
    ("variant", "layout", "place"),
    [("osnet_ain_x0_25", "osnet_ain", "expand.norm"), ("osnet_ibn_x1_0", "osnet", "norm")],
)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_instance_normalisation_of_both_layouts_loads(
    tmp_path: Path, variant: str, layout: str, place: str, prefix: str
) -> None:
    network = random_network(variant)
    for key, parameter in network.named_parameters():
        if f".{place}." in key:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    state = torchreid_state(network, layout, prefix)
    assert f"{prefix}conv2.0.IN.weight" in state
    torch.save(state, tmp_path / "w.pth")
    loaded = weights.load(tmp_path / "w.pth")
    assert torch.equal(loaded.state_dict()[f"stages.0.0.{place}.weight"], state[f"{prefix}conv2.0.IN.weight"])
    assert same(loaded, network)


def test_two_names_of_one_tensor_are_an_error(tmp_path: Path) -> None:
    network = build("osnet_x0_25")
    torch.save({**network.state_dict(), "module.conv1.conv.weight": torch.zeros(16, 3, 7, 7)}, tmp_path / "w.pth")
    with pytest.raises(ReidError, match=r"w\.pth: stem\.conv\.weight and module\.conv1\.conv\.weight are two names"):
        weights.load(tmp_path / "w.pth")


@pytest.mark.parametrize("variant", ["osnet_x0_5", "osnet_ain_x0_25", "osnet_ibn_x1_0", "osnet_x1_0_deep"])
def test_variant_is_recognised_by_shapes(variant: str) -> None:
    assert weights.recognise(build(variant, classes=5).state_dict(), "here") == variant


def test_what_fits_nothing_is_said(tmp_path: Path) -> None:
    torch.save({"something.weight": torch.zeros(3)}, tmp_path / "w.pth")
    with pytest.raises(ReidError, match=r"w\.pth: fits none of osnet_x1_0"):
        weights.load(tmp_path / "w.pth")


def test_missing_unexpected_and_misshapen_tensors_are_all_listed() -> None:
    network = build("osnet_x0_25")
    state: dict[str, Tensor] = dict(network.state_dict())
    del state["fc.0.bias"], state["stem.norm.running_var"]
    state["surplus.weight"] = torch.zeros(1)
    state["stem.conv.weight"] = torch.zeros(1, 2, 3, 4)
    with pytest.raises(ReidError) as caught:
        weights.load_state(network, state, "w.pth")
    for part in ("missing fc.0.bias", "missing stem.norm.running_var", "unexpected surplus.weight"):
        assert part in str(caught.value)
    assert "stem.conv.weight is (1, 2, 3, 4) instead of (16, 3, 7, 7)" in str(caught.value)


def test_an_unknown_variant_is_named(tmp_path: Path) -> None:
    torch.save(build("osnet_x0_25").state_dict(), tmp_path / "w.pth")
    with pytest.raises(ReidError, match=r"w\.pth: unknown OSNet variant 'osnet_x9'"):
        weights.load(tmp_path / "w.pth", "osnet_x9")


def test_only_the_classifier_may_be_dropped(tmp_path: Path) -> None:
    state = {
        **build("osnet_x0_25").state_dict(),
        "classifier.weight": torch.zeros(3, 512),
        "classifier2.bias": torch.zeros(3),
    }
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(ReidError, match=re.escape("unexpected classifier2.bias")):
        weights.load(tmp_path / "w.pth", "osnet_x0_25")


class MakesAFolder:
    """Unpickling it runs code."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self._folder,)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": MakesAFolder(tmp_path / "made")}, tmp_path / "w.pth")
    with pytest.raises(ReidError, match=r"w\.pth: cannot be read as a torch checkpoint"):
        weights.load(tmp_path / "w.pth")
    assert not (tmp_path / "made").exists()


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": torch.zeros(3)}, tmp_path / "w.pth")
    with pytest.raises(ReidError, match=r"w\.pth: holds no mapping of names to tensors"):
        weights.load(tmp_path / "w.pth")


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_text_truncation_and_absence_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReidError, match=re.escape(name)):
        weights.load(tmp_path / name)
    (tmp_path / name).write_text("not weights")
    with pytest.raises(ReidError, match=re.escape(name)):
        weights.load(tmp_path / name)


@pytest.mark.parametrize("half", [False, True])
def test_safetensors_round_trip(tmp_path: Path, half: bool) -> None:
    network = random_network("osnet_x0_25", classes=7)
    spec = InputSpec(128, 64)
    weights.save(network, tmp_path / "w.safetensors", {"variant": "osnet_x0_25", **spec.to_metadata()}, half)
    loaded = weights.load(tmp_path / "w.safetensors")
    assert read_metadata(tmp_path / "w.safetensors")["variant"] == "osnet_x0_25"
    assert input_spec_of(tmp_path / "w.safetensors") == spec
    if half:
        images = torch.randn(2, 3, 64, 32)
        assert torch.cosine_similarity(loaded(images), network(images)).min() > 0.9999
        assert (tmp_path / "w.safetensors").stat().st_size < 500_000
    else:
        assert same(loaded, network)


def test_bad_metadata_name_the_file(tmp_path: Path) -> None:
    weights.save(build("osnet_x0_25"), tmp_path / "w.safetensors", {"input.height": "tall"})
    with pytest.raises(ReidError, match=r"w\.safetensors: its metadata"):
        input_spec_of(tmp_path / "w.safetensors")


def test_a_torch_file_has_the_usual_input(tmp_path: Path) -> None:
    assert input_spec_of(tmp_path / "w.pth") == InputSpec()
