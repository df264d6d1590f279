"""`main.py demo`: the two sample videos through the whole pipeline, scored against their ground truth."""

from pathlib import Path
from typing import Annotated

import typer

from tracker.errors import OmnitrackError

SAMPLES = Path(__file__).resolve().parents[2] / "sample_videos"
CAMERAS = ("west", "east")


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results")] = Path("demo_output"),
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar")] = False,
) -> None:
    """Track the sample videos: one scene, two cameras, people who walk from one to the other."""
    from tracker.bootstrap import make_folder
    from tracker.cli.evaluate import print_report
    from tracker.cli.execute import execute
    from tracker.cli.run import configuration
    from tracker.evaluation.scores import evaluate

    for camera in CAMERAS:
        if not (SAMPLES / f"{camera}.mp4").is_file():
            raise OmnitrackError(f"{SAMPLES / camera}.mp4: no such file; the demo needs a complete checkout")
    config = configuration(None, [f"{camera}={SAMPLES / camera}.mp4" for camera in CAMERAS])
    make_folder(out)
    database = out / "omnitrack.db"
    database.unlink(missing_ok=True)
    run = execute(config, out, str(database), quiet=quiet)
    truth = {camera: SAMPLES / f"gt_{camera}.txt" for camera in CAMERAS}
    print("\nAgainst the ground truth of the sample videos (MTMC = both cameras as one, ids shared):")
    print_report(evaluate(truth, {camera: out / f"{camera}.txt" for camera in CAMERAS}))
    if run.journeys:
        print(f"\nAsk more: .venv/bin/python main.py history {run.journeys[0].identity_id} --db {database}")
