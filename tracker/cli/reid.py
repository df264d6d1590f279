"""`main.py reid ...`: train, score, look into and export the networks that describe people by appearance."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from reid.train import EpochReport

app = typer.Typer(
    help="Appearance networks (OSNet): train, evaluate, visualise, export.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="What to train, on what, and how: see configs/reid/*.yaml")],
    out: Annotated[Path, typer.Option(help="Folder of the run; one that holds an unfinished run continues it")],
    half: Annotated[bool, typer.Option("--half", help="Store the weights as 16-bit floats")] = False,
) -> None:
    """Train an OSNet, or continue a run that was stopped, and print the path of its weights."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from reid import config as configuration
    from reid.train import Listeners
    from reid.train import train as train_network

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    plan = configuration.load(config)
    console = Console(stderr=True)
    with Progress(*columns, console=console) as progress:
        teachers = progress.add_task("teachers", total=None, visible=bool(plan.teachers), note="")
        epochs = progress.add_task("epochs", total=plan.epochs, note="")
        batches = progress.add_task("batches", total=None, note="")

        def on_epoch(report: "EpochReport") -> None:
            console.print(epoch_line(report), highlight=False)
            progress.update(epochs, completed=report.epoch)

        listeners = Listeners(
            lambda crops, total: progress.update(teachers, advance=crops, total=total),
            lambda number, total, loss: progress.update(
                batches, completed=number, total=total, note=f"loss {loss:.3f}"
            ),
            on_epoch,
        )
        weights_path = train_network(plan, out, listeners, half=half)
    typer.echo(weights_path)


def epoch_line(report: "EpochReport") -> str:
    """One epoch as a person reads it."""
    line = f"epoch {report.epoch}: loss {report.loss:.4f}, rate {report.learning_rate:.2g}, {report.seconds:.0f} s"
    if report.rank_1 is not None and report.mean_ap is not None:
        line += f", rank-1 {report.rank_1:.3f}, mAP {report.mean_ap:.3f}"
    return line
