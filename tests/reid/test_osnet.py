from dataclasses import replace

import pytest
import torch
from torch import nn

from reid.complexity import Complexity, measure
from reid.osnet import DepthwisePooling, Gate, GatedSum, OSNet, build
from reid.variants import ABLATIONS, VARIANTS, OSNetSpec

# The reference implementation's counts: parameters by use, multiply-adds at 256x128, 192x96 and 128x64.
REFERENCE = {
    "osnet_x1_0": (2_193_616, 978_878_352, 550_748_048, 244_940_688),
    "osnet_x0_75": (1_299_224, 571_754_536, 321_706_024, 143_099_944),
    "osnet_x0_5": (636_520, 272_901_064, 153_568_200, 68_330_440),
    "osnet_x0_25": (203_568, 82_316_000, 46_332_640, 20_630_240),
}


def count(spec: OSNetSpec) -> Complexity:
    with torch.device("meta"):
        network = OSNet(spec)
    return measure(network, *spec.input_hw)


@pytest.mark.parametrize("name", REFERENCE)
def test_counts_equal_the_reference(name: str) -> None:
    parameters, *multiply_adds = REFERENCE[name]
    counts = [count(replace(VARIANTS[name], resolution=gamma)) for gamma in (1.0, 0.75, 0.5)]
    assert [c.parameters_by_use for c in counts] == [parameters] * 3
    assert [c.multiply_adds for c in counts] == multiply_adds


def test_counts_of_normalisation_variants() -> None:
    assert count(VARIANTS["osnet_ibn_x1_0"]).parameters_by_use == 2_194_640
    assert count(VARIANTS["osnet_ain_x1_0"]).parameters_by_use == 2_193_616
    assert count(VARIANTS["osnet_x1_0"]).parameters == 2_169_508
    assert count(VARIANTS["osnet_x0_25"]).parameters == 201_864


def test_full_convolution_is_near_the_paper() -> None:
    full = count(ABLATIONS["full_convolution"])
    assert full.parameters == pytest.approx(6.9e6, rel=0.01)
    assert full.multiply_adds == pytest.approx(3384.9e6, rel=0.01)


def test_counter_on_a_layer_counted_by_hand() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Flatten(), nn.Linear(8 * 5 * 4, 7, bias=False))
    # 5 x 4 positions x 8 outputs x (27 products + bias); then 7 sums of 160 products.
    assert measure(network, 10, 8) == Complexity(8 * 28 + 7 * 160, 8 * 28 + 7 * 160, 20 * 8 * 28 + 7 * 160)


def test_classifier_is_not_counted() -> None:
    assert measure(build("osnet_x0_25", classes=1000), 64, 32) == measure(build("osnet_x0_25"), 64, 32)


@pytest.mark.parametrize("spec", [*VARIANTS.values(), *ABLATIONS.values()], ids=[*VARIANTS, *ABLATIONS])
def test_every_row_maps_images_to_features_and_learns(spec: OSNetSpec) -> None:
    network = build(replace(spec, width=0.25), classes=3)
    features = network(torch.randn(2, 3, *(spec.input_hw if spec.pooling == "depthwise" else (64, 32))))
    assert features.shape == (2, 512)
    network.classify(features).square().sum().backward()  # type: ignore[no-untyped-call]
    unreached = [name for name, p in network.named_parameters() if p.grad is None]
    assert unreached == []


def test_pooling_by_place_begins_as_the_average_and_takes_one_size() -> None:
    network = build("osnet_x0_25_places").eval()
    pooling, maps = network.pooling, torch.rand(2, 128, 16, 8)
    assert isinstance(pooling, DepthwisePooling)
    assert pooling.conv.bias is not None
    torch.testing.assert_close(pooling(maps).flatten(1), maps.mean((2, 3)) + pooling.conv.bias)
    with pytest.raises(ValueError, match="crops must be 256x128"):
        network(torch.rand(1, 3, 128, 64))


def test_empty_batch() -> None:
    assert build("osnet_x0_25").eval()(torch.zeros(0, 3, 64, 32)).shape == (0, 512)


def test_stream_t_sees_2t_plus_1_pixels() -> None:
    block = build("osnet_x0_25").stages[0][0].eval()  # type: ignore[index]
    for depth, stream in enumerate(block.streams, start=1):
        image = torch.zeros(1, 16, 21, 21, requires_grad=True)
        # ReLU would cut gradients at zero: the receptive field is that of the convolutions.
        for layer in stream:
            layer.act = nn.Identity()
        stream(image)[0, :, 10, 10].sum().backward()
        assert image.grad is not None
        touched = image.grad[0].abs().sum(0).nonzero()
        assert (touched.amax(0) - touched.amin(0) + 1).tolist() == [2 * depth + 1] * 2


def test_unified_gate_is_one_gate_for_all_streams() -> None:
    gate = Gate(32, 32)
    streams = [torch.randn(2, 32, 5, 3) for _ in range(4)]
    expected = torch.stack([gate(x) * x for x in streams]).sum(0)
    torch.testing.assert_close(GatedSum([gate])(streams), expected)


def test_gate_hides_in_zero_to_one() -> None:
    values = Gate(32, 32)(torch.randn(4, 32, 5, 3) * 3)
    assert values.shape == (4, 32, 1, 1)
    assert (values > 0).all()
    assert (values < 1).all()


def test_small_images_keep_their_resolution_in_the_stem() -> None:
    network = build(VARIANTS["osnet_x1_0_cifar"], classes=10).eval()
    assert network.feature_maps(torch.zeros(1, 3, 32, 32)).shape == (1, 512, 8, 8)


@pytest.mark.parametrize(
    ("field", "value"), [("width", 0.0), ("resolution", -1.0), ("stream_depths", ()), ("blocks", ((), (), ()))]
)
def test_a_bad_field_is_named(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        OSNetSpec(**{field: value})  # type: ignore[arg-type]


def test_ablations_are_built_by_name_and_width() -> None:
    assert build("addition_x0_25").spec == replace(ABLATIONS["addition"], width=0.25)
    assert build("osnet_x0_25").spec == VARIANTS["osnet_x0_25"]
    assert build("one_stream").spec == ABLATIONS["one_stream"]


def test_unknown_variant_and_missing_classifier() -> None:
    with pytest.raises(ValueError, match=r"osnet_x9.*known: osnet_x1_0"):
        build("osnet_x9")
    with pytest.raises(ValueError, match="classes"):
        build("osnet_x0_25").classify(torch.zeros(1, 512))
