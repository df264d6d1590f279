"""OSNet: omni-scale feature learning (Zhou et al., ICCV 2019; OSNet-AIN, TPAMI 2021). A variant is a row.

Shapes: images (n, 3, h, w); a stage's output (n, c, h / s, w / s); features (n, feature_dim).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from reid.variants import Aggregation, BlockKind, OSNetSpec, spec_named


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


class DepthwisePooling(nn.Module):
    """(n, c, h, w) -> (n, c, 1, 1): a weighted sum over the places, and a bias. It begins as the average.

    Raises ValueError for maps of another size than it has weights for.
    """

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, (height, width), groups=channels)

    def forward(self, maps: Tensor) -> Tensor:
        height, width = self.conv.kernel_size
        if maps.shape[2:] != (height, width):
            raise ValueError(f"this network pools maps of {height}x{width}: crops must be {16 * height}x{16 * width}")
        out: Tensor = self.conv(maps)
        return out


class OSNet(nn.Module):
    """Images (n, 3, h, w) -> features (n, feature_dim), not normalised. `classifier` is for training only."""

    def __init__(self, spec: OSNetSpec, classes: int = 0) -> None:
        super().__init__()
        self.spec = spec
        first, *widths = spec.scaled_channels
        small = spec.stem == "small_image"
        stem = ConvNorm(3, first, 3 if small else 7, 1 if small else 2, instance=spec.stem_instance_norm)
        self.input_norm = nn.InstanceNorm2d(3, affine=True) if spec.input_instance_norm else nn.Identity()
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
        depthwise = spec.pooling == "depthwise"
        self.pooling = DepthwisePooling(widths[-1], *spec.last_map_hw) if depthwise else nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(widths[-1], spec.feature_dim), nn.BatchNorm1d(spec.feature_dim), nn.ReLU(inplace=True)
        )
        self.classifier = nn.Linear(spec.feature_dim, classes) if classes else None
        self.apply(_initialise)
        if isinstance(self.pooling, DepthwisePooling):
            nn.init.constant_(self.pooling.conv.weight, 1 / math.prod(spec.last_map_hw))

    def places(self) -> dict[str, nn.Module]:
        """By the names of Table 1, in the order of the trunk, the module whose output is the map there: stem,
        conv2.1.reduce, conv2.1.stream1.1 (the first layer), conv2.1.stream2.1, conv2.1.stream2.2 (x^t being the last
        one of stream t), ..., conv2.1 (y), conv2.2.reduce and so on, conv2.transition.
        """
        parts: dict[str, nn.Module] = {"stem": self.pool}
        for number, (stage, transition) in enumerate(zip(self.stages, self.transitions, strict=True), start=2):
            for index, block in enumerate(stage.children(), start=1):
                assert isinstance(block, OSBlock)
                name = f"conv{number}.{index}"
                parts[f"{name}.reduce"] = block.reduce
                for t, stream in enumerate(block.streams, start=1):
                    parts |= {f"{name}.stream{t}.{d}": layer for d, layer in enumerate(stream.children(), start=1)}
                parts[name] = block
            parts[f"conv{number}.transition"] = transition
        return parts

    def feature_maps(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, c, h / 16, w / 16): what global pooling sees."""
        x: Tensor = self.pool(self.stem(self.input_norm(images)))
        for stage, transition in zip(self.stages, self.transitions, strict=True):
            x = transition(stage(x))
        return x

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.fc(self.pooling(self.feature_maps(images)).flatten(1))
        return features

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


def build(variant: str | OSNetSpec, classes: int = 0) -> OSNet:
    """A freshly initialised network (random weights: seed torch first). Raises ValueError as spec_named does."""
    return OSNet(spec_named(variant) if isinstance(variant, str) else variant, classes)
