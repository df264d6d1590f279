"""`main.py doctor`: what this machine offers, and what is missing."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tracker.errors import OmnitrackError

PACKAGES = ("torch", "opencv-python", "ultralytics", "openvino", "av", "numpy", "scipy", "filterpy", "sqlalchemy")
LEAST_FREE_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """state: ok, note (works, but could be better) or fail (a run would not work)."""

    what: str
    state: str
    detail: str


def doctor(
    out: Annotated[Path, typer.Option(help="Folder in which a run would write")] = Path("omnitrack_output"),
) -> None:
    """Check Python, packages, processor, GPU, models, codecs, disk and database. Exit code 1 if a run would fail."""
    findings = [*environment(), *models(), *codecs(), *storage(out)]
    colours = {"ok": "green", "note": "yellow", "fail": "red"}
    table = Table("", "", "", box=None, pad_edge=False, show_header=False)
    for finding in findings:
        table.add_row(finding.what, f"[{colours[finding.state]}]{finding.state}[/]", finding.detail)
    Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(table)
    if any(finding.state == "fail" for finding in findings):
        raise typer.Exit(1)


def environment() -> Iterator[Finding]:
    from tracker.inference.devices import available_cores, cuda_devices

    yield Finding("python", "ok" if sys.version_info >= (3, 11) else "fail", sys.version.split()[0])
    for package in PACKAGES:
        try:
            yield Finding(package, "ok", version(package))
        except PackageNotFoundError:
            yield Finding(package, "fail", "not installed: pip install -r requirements.txt")
    yield Finding("processor cores", "ok", str(available_cores()))
    gpus = cuda_devices()
    yield Finding("CUDA GPUs", "ok" if gpus else "note", str(gpus) if gpus else "none: networks run on the CPU")


def models() -> Iterator[Finding]:
    from tracker.config import Config
    from tracker.inference.spec import ModelKind
    from tracker.networks import find_model

    folders = os.environ.get("OMNITRACK_MODELS")
    yield Finding("OMNITRACK_MODELS", "ok" if folders else "note", folders or "not set")
    for kind in ModelKind:
        notes: list[str] = []
        try:
            model = find_model(Config(), kind, notify=notes.append, download=False)
        except OmnitrackError as error:
            yield Finding(str(kind), "fail", str(error))
            continue
        state = "ok" if model.path else "note"
        yield Finding(str(kind), state, " ".join([model.spec.name, str(model.path or ""), *notes]).strip())


def codecs() -> Iterator[Finding]:
    import av

    from tracker.video.decoding import hardware_for

    for name, use in (("h264", "read H.264"), ("hevc", "read H.265"), ("libx264", "write annotated videos")):
        known = name in av.codecs_available
        yield Finding(f"codec {name}", "ok" if known else "fail", use)
    devices = hardware_for("h264")
    yield Finding(
        "decoding of live cameras", "ok" if devices else "note", ", ".join(devices) or "no device: in software"
    )


def storage(out: Path) -> Iterator[Finding]:
    from tracker.bootstrap import make_folder
    from tracker.store.location import file_system, is_network_share

    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        make_folder(out)
    except OmnitrackError as error:
        yield Finding("output folder", "fail", str(error))
        return
    free = shutil.disk_usage(out).free
    yield Finding("disk", "ok" if free > LEAST_FREE_BYTES else "fail", f"{free / 1e9:.1f} GB free in {out.resolve()}")
    kind = file_system(out.resolve())
    if is_network_share(kind):
        yield Finding(
            "database folder", "fail", f"network share ({kind}): choose a folder on a local disk, or PostgreSQL"
        )
    else:
        yield Finding("database folder", "ok", f"local disk, file system {kind or 'unknown'}")
    for folder in made:
        folder.rmdir()
