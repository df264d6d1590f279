"""The family of OSNet as rows: the sizes and kinds of the papers, and what they compare them with. No torch here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

BlockKind = Literal["plain", "ibn", "ain"]
"""Where a block has instance normalisation: nowhere, after the residual sum, or inside the residual branch."""
Aggregation = Literal["unified", "stream_wise", "separate", "fixed", "addition", "concatenation"]
"""How streams become one: the paper's unified gate, or what its Table 5 compares it with."""
Stem = Literal["person", "small_image"]
"""person: 7x7 stride 2 and max pooling; small_image: 3x3 stride 1 (CIFAR, 32x32)."""
Pooling = Literal["average", "depthwise"]
"""How the last map becomes a vector: the paper's global average, or a weight for every place of every channel (global
depthwise convolution; MobileFaceNets, Chen et al. 2018), which remembers where on a person something was seen.
"""

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
    input_instance_norm: bool = False
    stem_instance_norm: bool = False
    pooling: Pooling = "average"
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

    @property
    def last_map_hw(self) -> tuple[int, int]:
        """Height and width of what global pooling sees, for crops of input_hw."""
        height, width = self.input_hw
        stride = 4 if self.stem == "small_image" else 16
        return height // stride, width // stride


OSNET_X1_0 = OSNetSpec()
OSNET_AIN_X1_0 = OSNetSpec(blocks=(("ain", "ain"), ("plain", "ain"), ("ain", "plain")), stem_instance_norm=True)
VARIANTS: Mapping[str, OSNetSpec] = {
    "osnet_x1_0": OSNET_X1_0,
    "osnet_x0_75": replace(OSNET_X1_0, width=0.75),
    "osnet_x0_5": replace(OSNET_X1_0, width=0.5),
    "osnet_x0_25": replace(OSNET_X1_0, width=0.25),
    "osnet_x0_25_places": replace(
        OSNET_X1_0, width=0.25, input_instance_norm=True, stem_instance_norm=True, pooling="depthwise"
    ),
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
