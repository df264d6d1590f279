"""`main.py check CONFIG`: would this configuration run?"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table


def check(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML configuration")],
) -> None:
    """Read a configuration, open every camera and find the models, without processing anything."""
    from tracker.bootstrap import find_model, open_source
    from tracker.config import load_config
    from tracker.inference.spec import ModelKind

    settings = load_config(config)
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    table = Table("camera", "source", "size", "frames/s", "frames", box=None, pad_edge=False)
    for camera in settings.cameras:
        source = open_source(camera)
        try:
            frame = next(iter(source))
            height, width = frame.image.shape[:2]
            total = "live" if source.total_frames is None else str(source.total_frames)
            table.add_row(camera.name, camera.source, f"{width}x{height}", f"{source.frames_per_second:g}", total)
        finally:
            source.close()
    for kind in ModelKind:
        model = find_model(settings, kind, notify=errors.print, download=False)
        print(f"{kind}: {model.spec.name}" + (f" ({model.path})" if model.path else ""))
    if settings.cameras:
        Console(highlight=False).print(table)
    print(f"{config}: ok, {len(settings.cameras)} camera(s)")
