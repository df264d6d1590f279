"""A configuration for live cameras that were just looked at: the file, its secrets, and a picture of what they see."""

import itertools
import math
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import yaml

from tracker.errors import OmnitrackError
from tracker.video.drawing import Style, draw_caption
from tracker.video.frame import Image
from tracker.video.probing import Probe
from tracker.video.urls import secrets_replaced

_TILE = (480, 270)
_DARK = (36, 32, 30)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A camera and what came of looking at it. url: with its secrets. problem: why there is no probe, without them."""

    name: str
    url: str
    probe: Probe | None = None
    problem: str = ""


def without_secrets(name: str, url: str) -> tuple[str, dict[str, str]]:
    """The address with ${NAMES} for user, password and tokens, and the environment variables that stand for them.

    >>> without_secrets("gate", "rtsp://eve:pa:ss@w@10.0.0.2/1?token=x")
    ('rtsp://${GATE_USER}:${GATE_PASSWORD}@10.0.0.2/1?token=${GATE_SECRET_1}', \
{'GATE_USER': 'eve', 'GATE_PASSWORD': 'pa:ss@w', 'GATE_SECRET_1': 'x'})
    """
    prefix = re.sub(r"\W", "_", name).upper()
    prefix = prefix if prefix[0].isalpha() else f"CAMERA_{prefix}"
    secrets: dict[str, str] = {}

    count = itertools.count(1)

    def keep(kind: str, value: str) -> str:
        if not value:
            return ""
        name = f"{prefix}_{kind.upper()}" + (f"_{next(count)}" if kind == "secret" else "")
        secrets[name] = value
        return f"${{{name}}}"

    return secrets_replaced(url, keep), secrets


def write_site(cameras: Sequence[Seen], config: Path) -> tuple[Path | None, Path | None]:
    """Write CONFIG, the secrets beside it (.env, readable by its owner only) and the snapshots (.png).

    -> environment file, picture; None where there is nothing to write. Raises OmnitrackError when one of them exists.
    """
    environment, picture = config.with_suffix(".env"), config.with_suffix(".png")
    for path in (config, environment, picture):
        if path.exists():
            raise OmnitrackError(f"{path}: exists already; name another file with --out")
    parts = [without_secrets(camera.name, camera.url) for camera in cameras]
    secrets = {key: value for _, found in parts for key, value in found.items()}
    text = configuration(cameras, [url for url, _ in parts], environment if secrets else None, config)
    try:
        config.parent.mkdir(parents=True, exist_ok=True)
        if secrets:
            _write_private(environment, "".join(f"{key}={shlex.quote(value)}\n" for key, value in secrets.items()))
        config.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OmnitrackError(f"{error.filename}: cannot be written ({error.strerror}); choose another --out") from None
    sees = any(camera.probe for camera in cameras)
    if sees:
        picture.write_bytes(cv2.imencode(".png", contact_sheet(cameras))[1].tobytes())
    return environment if secrets else None, picture if sees else None


def configuration(cameras: Sequence[Seen], urls: Sequence[str], environment: Path | None, config: Path) -> str:
    """The text of the configuration. urls: without secrets."""
    begin = f"python main.py run --config {shlex.quote(str(config))}"
    if environment is not None:
        begin = f"set -a; . {shlex.quote(str(environment.absolute()))}; set +a; {begin}"
    lines = [
        "# Live cameras; every other key and its meaning: configs/default.yaml. Start:",
        f"#   {begin}",
        "cameras:",
    ]
    for camera, url in zip(cameras, urls, strict=True):
        lines += [
            f"# {description(camera)}",
            f"- name: {yaml.safe_dump(camera.name).splitlines()[0]}",
            f"  source: {_scalar(url)}",
            "  # process_fps: 5          # look at no more pictures than this",
            "  # Points are fractions of the picture: [0, 0] is its upper left corner, [1, 1] the lower right one.",
            "  # region: [[[0, 0.3], [1, 0.3], [1, 1], [0, 1]]]      # only who stands in here counts",
            "  # zones: [{name: till, polygon: [[0.1, 0.5], [0.4, 0.5], [0.4, 0.9], [0.1, 0.9]]}]",
            "  # lines: [{name: entrance, start: [0.2, 0.9], end: [0.8, 0.9]}]",
        ]
    lines += [
        "live:",
        "  most_frames_per_second: 10",
        "matcher:",
        "  memory_seconds: 60   # the longest walk from one camera to another",
    ]
    return "\n".join(lines) + "\n"


def contact_sheet(cameras: Sequence[Seen]) -> Image:
    """What every camera sees, side by side under its name; dark where one did not answer."""
    columns = math.ceil(math.sqrt(len(cameras)))
    rows = math.ceil(len(cameras) / columns)
    width, height = _TILE
    sheet = np.full((rows * height, columns * width, 3), _DARK, np.uint8)
    for number, camera in enumerate(cameras):
        row, column = divmod(number, columns)
        tile = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
        caption = camera.name
        if camera.probe is not None:
            _place(tile, camera.probe.snapshot)
            caption = f"{camera.name}   {description(camera)}"
        else:
            caption = f"{camera.name}   did not answer"
        draw_caption(tile, caption, Style.for_height(height * 2))
    return sheet


def _place(tile: Image, picture: Image) -> None:
    """Scale the picture into the tile, whole and in the middle."""
    height, width = tile.shape[:2]
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = small


def description(camera: Seen) -> str:
    """Codec, size and rate of a camera, or why there are none."""
    if camera.probe is None:
        return f"did not answer: {camera.problem}"
    opened = camera.probe.opened
    rate = "rate unknown" if opened.frames_per_second is None else f"{opened.frames_per_second:g} frames/s"
    return f"{opened.codec}, {opened.width}x{opened.height}, {rate}"


def _scalar(text: str) -> str:
    return yaml.safe_dump(text, default_style="'", width=10_000).strip()


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
