"""`main.py check CONFIG`: would this configuration run?"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tracker.cli.output import without_warnings


def check(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML configuration")],
) -> None:
    """Read a configuration, open every camera and find the models, without processing anything."""
    from tracker.cameras import open_source
    from tracker.config import load_config, with_secrets
    from tracker.inference.spec import ModelKind
    from tracker.networks import find_model
    from tracker.operation.logs import texts_with_secrets
    from tracker.outlets import build_webhook
    from tracker.site.topology import known_walks
    from tracker.video.probing import probe_camera
    from tracker.video.urls import is_live, masked

    settings = load_config(config)
    known_walks(settings.topology, [camera.name for camera in settings.cameras])
    for where, text in texts_with_secrets(settings).items():
        with_secrets(text, where)
    if settings.events.webhook is not None:
        build_webhook(settings.events.webhook)
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    table = Table("camera", "source", "size", "frames/s", "frames", box=None, pad_edge=False)
    for camera in settings.cameras:
        if is_live(camera.source):
            with without_warnings():  # a camera that does not answer is an error here, said once
                seen = probe_camera(camera.name, with_secrets(camera.source, f"camera {camera.name}"), settings.live)
            height, width = seen.snapshot.shape[:2]
            rate = seen.opened.frames_per_second
            stated = "" if rate is None else f"{rate:g}"
            table.add_row(camera.name, masked(camera.source), f"{width}x{height}", stated, "live")
            continue
        source = open_source(camera)
        try:
            frame = next(iter(source))
            height, width = frame.image.shape[:2]
            total = "unknown" if source.total_frames is None else str(source.total_frames)
            table.add_row(camera.name, camera.source, f"{width}x{height}", f"{source.frames_per_second:g}", total)
        finally:
            source.close()
    for kind in ModelKind:
        model = find_model(settings, kind, notify=errors.print, download=False)
        print(f"{kind}: {model.spec.name}" + (f" ({model.path})" if model.path else ""))
    if settings.cameras:
        Console(highlight=False).print(table)
    print(f"{config}: ok, {len(settings.cameras)} camera(s)")
