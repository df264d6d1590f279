"""`main.py init --rtsp URL ...`: look at cameras and write a configuration for them."""

import re
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.output import without_warnings
from tracker.errors import OmnitrackError

if TYPE_CHECKING:
    from tracker.operation.site import Seen


def init(
    rtsp: Annotated[list[str], typer.Option(metavar="[NAME=]URL", help="A camera's address; give it once per camera")],
    out: Annotated[Path, typer.Option(help="Configuration to write; secrets and snapshots go beside it")] = Path(
        "site.yaml"
    ),
    timeout: Annotated[float, typer.Option(min=0.5, help="Seconds for each camera to answer")] = 10.0,
) -> None:
    """Look at live cameras, and write a commented configuration, their passwords (.env) and what they see (.png)."""
    from tracker.operation.site import description, write_site

    addresses = named(rtsp)
    with without_warnings(), ThreadPoolExecutor(len(addresses)) as pool:  # what is wrong is said below, once
        cameras = list(pool.map(look, addresses, addresses.values(), repeat(timeout)))
    environment, picture = write_site(cameras, out)
    for camera in cameras:
        if camera.probe is None:
            typer.echo(f"error: {camera.name}: {camera.problem}", err=True)
        else:
            typer.echo(f"{camera.name}: {description(camera)}")
    typer.echo(f"configuration  {out}")
    if environment is not None:
        typer.echo(f"secrets        {environment} (readable by you only)")
    if picture is not None:
        typer.echo(f"snapshots      {picture}")
    if any(camera.probe is None for camera in cameras):
        raise typer.Exit(1)


def named(texts: list[str]) -> dict[str, str]:
    """NAME=URL or URL -> name: address; those without a name are camera1, camera2, ... Raises OmnitrackError."""
    from tracker.config import CAMERA_NAME
    from tracker.video.urls import is_live, masked

    addresses: dict[str, str] = {}
    for number, text in enumerate(texts, 1):
        name, separator, url = text.partition("=")
        if not separator or "/" in name:
            name, url = f"camera{number}", text
        if not is_live(url):
            raise OmnitrackError(
                f"--rtsp {masked(text)}: is no address of a camera, like rtsp://user:password@host/path"
            )
        if not re.match(CAMERA_NAME, name):
            raise OmnitrackError(f"--rtsp {masked(text)}: {name!r} is no name; use letters, digits, . _ -")
        if name.casefold() in {known.casefold() for known in addresses}:
            raise OmnitrackError(f"--rtsp {masked(text)}: two cameras are named {name!r}")
        addresses[name] = url
    return addresses


def look(name: str, url: str, timeout_seconds: float) -> "Seen":
    """One attempt."""
    from tracker.operation.site import Seen
    from tracker.video.camera import LiveConfig
    from tracker.video.probing import probe_camera

    settings = LiveConfig(stale_seconds=timeout_seconds, opening_seconds=timeout_seconds)
    try:
        return Seen(name, url, probe_camera(name, url, settings))
    except OmnitrackError as error:
        return Seen(name, url, problem=str(error).removeprefix(f"camera {name}: "))
