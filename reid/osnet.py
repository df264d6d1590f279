"""OSNet: omni-scale feature learning (Zhou et al., ICCV 2019; OSNet-AIN, TPAMI 2021). A variant is a row.

Shapes: images (n, 3, h, w); a stage's output (n, c, h / s, w / s); features (n, feature_dim).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

BlockKind = Literal["plain", "ibn", "ain"]
"""Where a block has instance normalisation: nowhere, after the residual sum, or inside the residual branch."""
Aggregation = Literal["unified", "stream_wise", "separate", "fixed", "addition", "concatenation"]
"""How streams become one: the paper's unified gate, or what its Table 5 compares it with."""
Stem = Literal["person", "small_image"]
"""person: 7x7 stride 2 and max pooling; small_image: 3x3 stride 1 (CIFAR, 32x32)."""

PLAIN = (("plain", "plain"),) * 3


@dataclass(frozen=True, slots=True)
class OSNetSpec:
    """One network. width is the paper's beta, resolution its gamma; stream_depths[t] is the number of Lite 3x3
    layers of stream t, whose receptive field is 2 * depth + 1; blocks names the kind of every block of conv2-4.
    """

    width: float = 1.0
    resolution: float = 1.0
    channels: tuple[int, int, int, int] = (64, 256, 384, 512)
    blocks: tuple[tuple[BlockKind, ...], ...] = PLAIN  # type: ignore[assignment]  # literals inside a product
    stream_depths: tuple[int, ...] = (1, 2, 3, 4)
    aggregation: Aggregation = "unified"
    lite: bool = True
    stem: Stem = "person"
    stem_instance_norm: bool = False
    feature_dim: int = 512

    def __post_init__(self) -> None:
        if not 0 < self.width <= 4 or not 0 < self.resolution <= 4:
            raise ValueError(f"width and resolution must be within (0, 4], got {self.width} and {self.resolution}")
        if not self.stream_depths or min(self.stream_depths) < 1:
            raise ValueError(f"stream_depths must be positive and not empty, got {self.stream_depths}")
        if len(self.blocks) != 3 or not all(self.blocks):
            raise ValueError(f"blocks must name at least one block for each of 3 stages, got {self.blocks}")

    @property
    def scaled_channels(self) -> tuple[int, ...]:
        return tuple(int(c * self.width) for c in self.channels)

    @property
    def input_hw(self) -> tuple[int, int]:
        """Height and width of a crop in pixels."""
        return (32, 32) if self.stem == "small_image" else (round(256 * self.resolution), round(128 * self.resolution))


OSNET_X1_0 = OSNetSpec()
OSNET_AIN_X1_0 = OSNetSpec(blocks=(("ain", "ain"), ("plain", "ain"), ("ain", "plain")), stem_instance_norm=True)
VARIANTS: Mapping[str, OSNetSpec] = {
    "osnet_x1_0": OSNET_X1_0,
    "osnet_x0_75": replace(OSNET_X1_0, width=0.75),
    "osnet_x0_5": replace(OSNET_X1_0, width=0.5),
    "osnet_x0_25": replace(OSNET_X1_0, width=0.25),
    "osnet_x0_25_instance_stem": replace(OSNET_X1_0, width=0.25, stem_instance_norm=True),
    "osnet_ibn_x1_0": OSNetSpec(blocks=(("ibn", "ibn"), *PLAIN[1:]), stem_instance_norm=True),  # type: ignore[arg-type]
    "osnet_ain_x1_0": OSNET_AIN_X1_0,
    "osnet_ain_x0_75": replace(OSNET_AIN_X1_0, width=0.75),
    "osnet_ain_x0_5": replace(OSNET_AIN_X1_0, width=0.5),
    "osnet_ain_x0_25": replace(OSNET_AIN_X1_0, width=0.25),
    "osnet_x1_0_deep": replace(OSNET_X1_0, blocks=(("plain",) * 3, ("plain",) * 8, ("plain",) * 6)),
    "osnet_x1_0_cifar": replace(OSNET_X1_0, stem="small_image"),
}
ABLATIONS: Mapping[str, OSNetSpec] = {
    "unified_gate": OSNET_X1_0,
    "full_convolution": replace(OSNET_X1_0, lite=False),
    "same_depth": replace(OSNET_X1_0, stream_depths=(4, 4, 4, 4)),
    "concatenation": replace(OSNET_X1_0, aggregation="concatenation"),
    "addition": replace(OSNET_X1_0, aggregation="addition"),
    "separate_gates": replace(OSNET_X1_0, aggregation="separate"),
    "stream_wise_gate": replace(OSNET_X1_0, aggregation="stream_wise"),
    "learned_and_fixed_gates": replace(OSNET_X1_0, aggregation="fixed"),
    "one_stream": replace(OSNET_X1_0, stream_depths=(1,), aggregation="addition"),
    "two_streams": replace(OSNET_X1_0, stream_depths=(1, 2)),
    "three_streams": replace(OSNET_X1_0, stream_depths=(1, 2, 3)),
}
"""The paper's Table 5, row by row; apply a width with dataclasses.replace."""


class ConvNorm(nn.Module):
    """Convolution without bias, normalisation, and ReLU unless linear."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, instance: bool = False, linear: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.InstanceNorm2d(outputs, affine=True) if instance else nn.BatchNorm2d(outputs)
        self.act = nn.Identity() if linear else nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.act(self.norm(self.conv(x)))
        return out


class LiteConv3x3(nn.Module):
    """Pointwise, then depthwise 3x3 (the paper's Fig. 3b: the order of MobileNet reversed)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.act(self.norm(self.depthwise(self.pointwise(x))))
        return out


class Gate(nn.Module):
    """G: (n, c, h, w) -> (n, outputs, 1, 1) in (0, 1): global average, two fully connected layers, sigmoid."""

    def __init__(self, channels: int, outputs: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1)
        self.fc2 = nn.Conv2d(channels // reduction, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean(dim=(2, 3), keepdim=True)
        return torch.sigmoid(self.fc2(torch.relu(self.fc1(pooled))))


class FixedGate(nn.Module):
    """A gate that is learned but does not look at its input: (c, 1, 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.logits)


class GatedSum(nn.Module):
    """sum_t G_t(x^t) * x^t (equation 3). One gate in the list is shared by all streams."""

    def __init__(self, gates: list[nn.Module]) -> None:
        super().__init__()
        self.gates = nn.ModuleList(gates)

    def forward(self, streams: list[Tensor]) -> Tensor:
        shared = len(self.gates) == 1
        terms = [self.gates[0 if shared else t](x) * x for t, x in enumerate(streams)]
        return _add(terms)


class Addition(nn.Module):
    def forward(self, streams: list[Tensor]) -> Tensor:
        return _add(streams)


class Concatenation(nn.Module):
    def forward(self, streams: list[Tensor]) -> Tensor:
        return torch.cat(streams, dim=1)


def _add(terms: list[Tensor]) -> Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _aggregation(kind: Aggregation, channels: int, streams: int) -> nn.Module:
    builders: dict[Aggregation, Callable[[], nn.Module]] = {
        "unified": lambda: GatedSum([Gate(channels, channels)]),
        "stream_wise": lambda: GatedSum([Gate(channels, 1)]),
        "separate": lambda: GatedSum([Gate(channels, channels) for _ in range(streams)]),
        "fixed": lambda: GatedSum([FixedGate(channels) for _ in range(streams)]),
        "addition": Addition,
        "concatenation": Concatenation,
    }
    return builders[kind]()


class OSBlock(nn.Module):
    """Omni-scale residual block: y = relu(x + conv3(sum_t G(x^t) * x^t))."""

    def __init__(self, inputs: int, outputs: int, kind: BlockKind, spec: OSNetSpec) -> None:
        super().__init__()
        mid = outputs // 4
        layer = LiteConv3x3 if spec.lite else lambda channels: ConvNorm(channels, channels, 3)
        self.reduce = ConvNorm(inputs, mid)
        self.streams = nn.ModuleList(nn.Sequential(*(layer(mid) for _ in range(depth))) for depth in spec.stream_depths)
        self.aggregate = _aggregation(spec.aggregation, mid, len(spec.stream_depths))
        merged = mid * len(spec.stream_depths) if spec.aggregation == "concatenation" else mid
        self.expand = ConvNorm(merged, outputs, instance=kind == "ain", linear=True)
        self.shortcut = ConvNorm(inputs, outputs, linear=True) if inputs != outputs else nn.Identity()
        self.norm = nn.InstanceNorm2d(outputs, affine=True) if kind == "ibn" else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        reduced = self.reduce(x)  # (n, mid, h, w)
        merged = self.aggregate([stream(reduced) for stream in self.streams])
        return torch.relu(self.norm(self.expand(merged) + self.shortcut(x)))


class OSNet(nn.Module):
    """Images (n, 3, h, w) -> features (n, feature_dim), not normalised. `classifier` is for training only."""

    def __init__(self, spec: OSNetSpec, classes: int = 0) -> None:
        super().__init__()
        self.spec = spec
        first, *widths = spec.scaled_channels
        small = spec.stem == "small_image"
        stem = ConvNorm(3, first, 3 if small else 7, 1 if small else 2, instance=spec.stem_instance_norm)
        self.stem = stem
        self.pool = nn.Identity() if small else nn.MaxPool2d(3, stride=2, padding=1)
        self.stages = nn.ModuleList()
        self.transitions = nn.ModuleList()
        for index, (width, kinds) in enumerate(zip(widths, spec.blocks, strict=True)):
            inputs = [first, *widths][index]
            sizes = [inputs, *[width] * (len(kinds) - 1)]
            self.stages.append(
                nn.Sequential(*(OSBlock(i, width, kind, spec) for i, kind in zip(sizes, kinds, strict=True)))
            )
            last = index == len(widths) - 1
            self.transitions.append(ConvNorm(width, width) if last else _halving(width))
        self.fc = nn.Sequential(
            nn.Linear(widths[-1], spec.feature_dim), nn.BatchNorm1d(spec.feature_dim), nn.ReLU(inplace=True)
        )
        self.classifier = nn.Linear(spec.feature_dim, classes) if classes else None
        self.apply(_initialise)

    def segments(self) -> dict[str, nn.Module]:
        """The trunk in the order in which a picture goes through it, by the names of Table 1: stem, conv2.1, conv2.2,
        conv2.transition, conv3.1 and so on.
        """
        parts: dict[str, nn.Module] = {"stem": nn.Sequential(self.stem, self.pool)}
        for number, (stage, transition) in enumerate(zip(self.stages, self.transitions, strict=True), start=2):
            parts |= {f"conv{number}.{place}": block for place, block in enumerate(stage.children(), start=1)}
            parts[f"conv{number}.transition"] = transition
        return parts

    def feature_maps(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, c, h / 16, w / 16): what global average pooling sees."""
        x = images
        for segment in self.segments().values():
            x = segment(x)
        return x

    def described(self, maps: Tensor) -> Tensor:
        """feature_maps (n, c, h, w) -> features (n, feature_dim)."""
        features: Tensor = self.fc(maps.mean(dim=(2, 3)))
        return features

    def forward(self, images: Tensor) -> Tensor:
        return self.described(self.feature_maps(images))

    def classify(self, features: Tensor) -> Tensor:
        """(n, feature_dim) -> logits (n, classes): identities, ImageNet or CIFAR classes, or attributes."""
        if self.classifier is None:
            raise ValueError("this network was built without a classifier: build(..., classes=N)")
        logits: Tensor = self.classifier(features)
        return logits


def _halving(channels: int) -> nn.Module:
    return nn.Sequential(ConvNorm(channels, channels), nn.AvgPool2d(2))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)


def spec_named(name: str) -> OSNetSpec:
    """The row of VARIANTS or ABLATIONS; `addition_x0_25` is the ablation at a quarter of its width.

    Raises ValueError for a name that neither has.
    """
    row, _, width = name.partition("_x0_")
    if name not in VARIANTS and row in ABLATIONS and width in ("25", "5", "75"):
        return replace(ABLATIONS[row], width=float(f"0.{width}"))
    known = {**VARIANTS, **ABLATIONS}
    if name not in known:
        raise ValueError(f"unknown OSNet variant {name!r}; known: {', '.join(known)}")
    return known[name]


def build(variant: str | OSNetSpec, classes: int = 0) -> OSNet:
    """A freshly initialised network (random weights: seed torch first). Raises ValueError as spec_named does."""
    return OSNet(spec_named(variant) if isinstance(variant, str) else variant, classes)
