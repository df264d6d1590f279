"""`main.py evaluate PRED GT`: scores of MOT files against ground truth."""

import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.errors import OmnitrackError

if TYPE_CHECKING:
    from tracker.evaluation.ground import Area
    from tracker.evaluation.scores import Report

GROUND_FILE = "ground.txt"
COLUMNS = ("IDF1", "IDP", "IDR", "HOTA", "DetA", "AssA", "MOTA", "IDSW", "FP", "FN", "ids", "gt ids", "dropped")
CameraFiles = dict[str, Path]


def camera_files(text: str, what: str, prefix: str = "") -> CameraFiles:
    """Files by camera from a folder, a file, or `CAM=FILE,CAM=FILE`.

    In a folder, `CAMERA.txt` and `<prefix>CAMERA.txt` stand for one camera; with a prefix, prefixed files win.
    """
    if "=" in text:
        return named_files(text, what)
    path = Path(text)
    if path.is_file():
        return {"camera": path}
    if not path.is_dir():
        raise OmnitrackError(f"{what}: no such file or folder: {path}")
    files = sorted(path.glob(f"{prefix}*.txt")) or sorted(path.glob("*.txt"))
    found = {
        f.stem.removeprefix(prefix): f for f in files if f.name != GROUND_FILE and not f.stem.startswith("ignore_")
    }
    if not found:
        raise OmnitrackError(f"{what}: {path} holds no CAMERA.txt")
    return found


def named_files(text: str, what: str, whole: Callable[[Path], Path] = Path) -> CameraFiles:
    """CAMERA=FILE,... by camera. whole: told of every file before it is looked for; gives its name."""
    found: CameraFiles = {}
    for item in text.split(","):
        name, separator, file = item.partition("=")
        if not separator or not name:
            given = file or name
            hint = f", got {item!r}; write {Path(given).stem}={given}" if given else ""
            raise OmnitrackError(f"{what}: name files as CAMERA=FILE{hint}")
        if name in found:
            raise OmnitrackError(f"{what}: two files are named {name!r}; give each camera a name of its own")
        found[name] = whole(Path(file))
        if not found[name].is_file():
            raise OmnitrackError(f"{what}: no such file: {file or item}")
    return found


def ground_files(truth: str, tracks: str) -> tuple[Path, Path] | None:
    """The files of places, where both are folders that hold one."""
    folders = Path(truth), Path(tracks)
    if "=" in truth + tracks or not all((folder / GROUND_FILE).is_file() for folder in folders):
        return None
    return folders[0] / GROUND_FILE, folders[1] / GROUND_FILE


def area_of(text: str | None) -> "Area | None":
    if text is None:
        return None
    try:
        left, bottom, right, top = (float(part) for part in text.split(","))
    except ValueError:
        left = bottom = right = top = math.nan
    if not (-math.inf < left < right < math.inf and -math.inf < bottom < top < math.inf):
        raise OmnitrackError(f"--area: expected X1,Y1,X2,Y2 in metres with X1 < X2 and Y1 < Y2, got {text!r}")
    return left, bottom, right, top


def picture_size(text: str) -> tuple[int, int]:
    """(width, height) of --size, in pixels. Raises OmnitrackError."""
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise OmnitrackError(f"--size: expected WIDTHxHEIGHT in pixels, such as 1920x1080, got {text!r}")
    return int(width), int(height)


def frame_range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, separator, last = text.partition("-")
    if not separator or not first.isdecimal() or not last.isdecimal() or not 1 <= int(first) <= int(last):
        raise OmnitrackError(f"--frames: expected A-B with 1 <= A <= B, got {text!r}")
    return int(first), int(last)


def evaluate(
    pred: Annotated[str, typer.Argument(help="Tracks: a folder of CAMERA.txt, a file, or CAM=FILE,CAM=FILE")],
    gt: Annotated[str, typer.Argument(help="Ground truth: a folder of [gt_]CAMERA.txt, a file, or CAM=FILE,...")],
    ignore: Annotated[
        str | None, typer.Option(help="Boxes to ignore: CAM=FILE,...; default: ignore_CAMERA.txt beside the truth")
    ] = None,
    iou: Annotated[float, typer.Option(min=0.01, max=1.0, help="IoU from which a box matches")] = 0.5,
    frames: Annotated[str | None, typer.Option(metavar="A-B", help="Score only the frames A to B")] = None,
    ground: Annotated[
        bool,
        typer.Option("--ground", help="Also score places: of ground.txt if both folders hold it, else columns 8 and 9"),
    ] = False,
    area: Annotated[str | None, typer.Option(metavar="X1,Y1,X2,Y2", help="Score places only here, in metres")] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Cut all boxes to pictures of this size, as WILDTRACK's protocol does"),
    ] = None,
    distance: Annotated[float, typer.Option(min=0.001, help="Metres within which a position matches")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table")] = False,
) -> None:
    """Score tracks against ground truth: each camera alone, all cameras together (MTMC), and on the ground."""
    from tracker.evaluation.scores import evaluate as score_files

    truth, tracks = camera_files(gt, "GT", prefix="gt_"), camera_files(pred, "PRED")
    if len(truth) == 1 and len(tracks) == 1:
        truth = dict(zip(tracks, truth.values(), strict=True))
    if len(truth) > 1 and set(truth) < set(tracks):
        tracks = {name: tracks[name] for name in truth}
    if ignore is not None:
        ignored = named_files(ignore, "--ignore")
    else:
        beside = {name: file.parent / f"ignore_{name}.txt" for name, file in truth.items()}
        ignored = {name: file for name, file in beside.items() if file.is_file()}
    report = score_files(
        truth,
        tracks,
        ignored,
        iou=iou,
        frames=frame_range(frames),
        ground=ground and (ground_files(gt, pred) or True),
        area=area_of(area),
        distance_metres=distance,
        image_size=None if size is None else picture_size(size),
    )
    if as_json:
        json.dump(asdict(report), sys.stdout, indent=1)
        print()
    else:
        print_report(report)


def print_report(report: "Report") -> None:
    """The scores as a table on standard output."""
    from rich.console import Console
    from rich.table import Table

    table = Table("camera", box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, justify="right")
    rows = [*report.cameras.items(), ("MTMC", report.mtmc), ("ground", report.ground)]
    for name, scores in rows:
        if scores is not None:
            cells = [f"{v:.1f}" if isinstance(v, float) else str(v) for v in asdict(scores).values()]
            table.add_row(name, *cells)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
