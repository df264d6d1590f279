"""`main.py detector ...`: train, score and export the network that finds people."""

import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.output import print_json, print_table

if TYPE_CHECKING:
    from tracker.evaluation.detection import DetectionScores

app = typer.Typer(
    help="Person detector (YOLO): train, evaluate, export.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Network = Annotated[Path, typer.Argument(help="Weights of ultralytics (.pt)")]
Data = Annotated[Path, typer.Option(help="Folder with val.txt, images/ and labels/")]
Height = Annotated[int, typer.Option(help="Height of the network's input, pixels, a multiple of 32")]
Width = Annotated[int, typer.Option(help="Width of the network's input, pixels, a multiple of 32")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table")]


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="What to train, on what, and how: see configs/detector/*.yaml")],
    out: Annotated[Path, typer.Option(help="Folder of the run; one that holds an unfinished run continues it")],
    as_json: AsJson = False,
) -> None:
    """Train a person detector, or continue a run that was stopped; print how well it finds the validation split's
    people, with the threshold of the best F1.
    """
    from tracker.detection.training import config as configuration
    from tracker.detection.training.run import train as train_network

    plan = configuration.load(config)
    with redirect_stdout(sys.stderr):  # the trainer prints its progress
        network = train_network(plan, out)
    size = plan.schedule.size
    evaluate(network, plan.data, size, size, as_json)


@app.command()
def evaluate(
    network: Annotated[Path, typer.Argument(help="Weights of ultralytics (.pt), OpenVINO (.xml) or .onnx")],
    data: Data,
    height: Height = 416,
    width: Width = 416,
    as_json: AsJson = False,
) -> None:
    """Score a detector on the pictures of a data set's split "val"."""
    from tracker.detection.training.annotations import read_split
    from tracker.detection.training.validation import detector_of, judged
    from tracker.networks import cache_folder

    with redirect_stdout(sys.stderr):
        detector = detector_of(network, (height, width), cache_folder())
    print_scores(judged(detector, read_split(data, "val")).scored(), as_json)


@app.command()
def export(
    network: Network,
    out: Annotated[Path, typer.Argument(help="Folder for person.xml, person.bin and person.json")],
    data: Data,
    height: Height = 416,
    width: Width = 416,
    as_json: AsJson = False,
) -> None:
    """Write a trained detector as an OpenVINO network whose scores are calibrated on the split "val"."""
    from tracker.detection.training.export import export as write

    with redirect_stdout(sys.stderr):
        scores = write(network, out, (height, width), data)
    print_scores(scores, as_json)


def print_scores(scores: "DetectionScores", as_json: bool) -> None:
    if as_json:
        print_json(asdict(scores))
        return
    headings = ("AP50", "AP50-95", "precision", "recall", "threshold of the best F1")
    print_table("Validation split", headings, [[f"{value:.3f}" for value in asdict(scores).values()]])
