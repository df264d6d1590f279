"""`main.py detector ...`: train the network that finds people."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Person detector (YOLO): train.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def detector() -> None:
    """Person detector (YOLO): train."""


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="What to train, on what, and how: see configs/detector/*.yaml")],
    out: Annotated[Path, typer.Option(help="Folder of the run; one that holds an unfinished run continues it")],
) -> None:
    """Train a person detector, or continue a run that was stopped, and print the path of its weights."""
    from tracker.detection.training import config as configuration
    from tracker.detection.training.run import train as train_network

    typer.echo(train_network(configuration.load(config), out))
