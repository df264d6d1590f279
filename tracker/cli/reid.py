"""`main.py reid ...`: train, score, look into and export the networks that describe people by appearance."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.output import print_json, print_table

if TYPE_CHECKING:
    from reid.datasets import ReidData
    from reid.evaluate import Evaluation
    from reid.progress import EpochReport

app = typer.Typer(
    help="Appearance networks (OSNet): train, evaluate, visualise, export.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class Metric(StrEnum):
    COSINE = "cosine"
    L2 = "l2"


class Input(StrEnum):
    OSNET = "osnet"
    OPEN_MODEL_ZOO = "open_model_zoo"


class Format(StrEnum):
    ONNX = "onnx"
    OPENVINO = "openvino"
    OPENVINO_INT8 = "openvino_int8"
    TFLITE = "tflite"


Network = Annotated[Path, typer.Argument(help="Weights (.pth, .safetensors)")]
PEOPLE_DATA = "market1501, dukemtmc, cuhk03, msmt17, viper, grid, cuhk01, folder"
Data = Annotated[str, typer.Option(help=f"Data set: {PEOPLE_DATA}")]
EvaluatedData = Annotated[str, typer.Option(help=f"Data set: {PEOPLE_DATA}; imagenet, cifar10, cifar100, pa100k")]
Root = Annotated[Path, typer.Option(help="Folder of the data set")]
Variant = Annotated[str | None, typer.Option(help="Name of the network; default: recognised by its tensors")]
Seed = Annotated[int, typer.Option(help="viper, grid: of the halves that train and test; the `seed` of the run's data")]
TestPeople = Annotated[str, typer.Option(metavar="A-B", help="cuhk01: numbers of the people who test")]


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
    from reid.progress import Listeners
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
    scores = {
        "rank-1": report.rank_1,
        "mAP": report.mean_ap,
        "top-1": report.top_1,
        "top-5": report.top_5,
        "mA": report.mean_accuracy,
        "F1": report.f1,
    }
    return line + "".join(f", {name} {value:.3f}" for name, value in scores.items() if value is not None)


@app.command()
def evaluate(
    network: Annotated[Path, typer.Argument(help="Weights (.pth, .safetensors), OpenVINO IR (.xml) or .onnx")],
    data: EvaluatedData,
    root: Root,
    metric: Annotated[Metric, typer.Option(help="Distance of two features")] = Metric.COSINE,
    rerank: Annotated[bool, typer.Option("--rerank", help="Also score after k-reciprocal re-ranking")] = False,
    variant: Variant = None,
    expects: Annotated[
        Input | None, typer.Option("--input", help="What the network expects; default: what its file says, or osnet")
    ] = None,
    test_people: TestPeople = "1-485",
    seed: Seed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table")] = False,
) -> None:
    """Score a network: CMC, mAP and mINP of the data set's queries against its gallery; top-1 and top-5 of classes;
    mA, accuracy, precision, recall and F1 of attributes.
    """
    from rich.console import Console
    from rich.progress import Progress

    from reid.evaluate import evaluate_network
    from reid.extractor import FeatureExtractor
    from reid.labelled import LABELLED_READERS
    from reid.preprocess import INPUTS
    from reid.reranking import Reranking
    from tracker.errors import OmnitrackError

    if data in LABELLED_READERS:
        if rerank:
            raise OmnitrackError(f"--rerank is for rankings of people, and {data} has none; leave it out")
        evaluate_head(network, data, root, variant, as_json=as_json)
        return
    people = read_data(data, root, test_people, seed)
    extractor = FeatureExtractor.open(network, INPUTS[expects] if expects else None, variant)
    reranking = Reranking() if rerank else None
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("crops", total=len(people.query) + len(people.gallery))
        result = evaluate_network(
            extractor, people, metric.value, reranking, lambda crops: progress.advance(task, crops)
        )
    print_evaluation(result, as_json=as_json)


def evaluate_head(network: Path, data: str, root: Path, variant: str | None, *, as_json: bool) -> None:
    """Scores of a network's head on classes or attributes, on standard output, in parts of 1."""
    from rich.console import Console
    from rich.progress import Progress

    from reid.classification import evaluate_labelled, open_network
    from reid.labelled import LABELLED_READERS
    from reid.metadata import input_spec_of

    labelled = LABELLED_READERS[data](root)
    loaded = open_network(network, labelled, variant)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("pictures", total=len(labelled.test))
        scores = evaluate_labelled(
            loaded, labelled, input_spec_of(network), lambda pictures: progress.advance(task, pictures)
        )
    figures = asdict(scores)
    if as_json:
        print_json({"pictures": len(labelled.test), **figures})
        return
    title = (
        f"{len(labelled.test)} pictures, {len(labelled.names)} {'attributes' if labelled.has_attributes else 'classes'}"
    )
    print_table(title, tuple(figures), [tuple(f"{value:.3f}" for value in figures.values())])


def read_data(name: str, root: Path, test_people: str, seed: int) -> "ReidData":
    """The data set of the options. Raises OmnitrackError for a wrong range, ReidError for a wrong name or folder."""
    from reid.datasets import Division, read
    from tracker.errors import OmnitrackError

    first, _, last = test_people.partition("-")
    if not (first.isdecimal() and last.isdecimal()):
        raise OmnitrackError(f"--test-people: expected A-B, got {test_people!r}")
    return read(name, root, Division((int(first), int(last)), seed=seed))


def print_evaluation(result: "Evaluation", *, as_json: bool) -> None:
    """The scores on standard output, in parts of 1."""
    rows = {"ranked": result.scores, "re-ranked": result.reranked}
    figures = {
        name: {**{f"rank-{k}": s.rank(k) for k in (1, 5, 10, 20)}, "mAP": s.mean_ap, "mINP": s.mean_inp}
        for name, s in rows.items()
        if s is not None
    }
    if as_json:
        print_json({"queries": result.query_crops, "gallery": result.gallery_crops, **figures})
        return
    title = f"{result.query_crops} queries, {result.scores.queries} of them scored; gallery {result.gallery_crops}"
    header = ("", *next(iter(figures.values())))
    print_table(title, header, ([name, *(f"{v:.3f}" for v in row.values())] for name, row in figures.items()))


@app.command()
def visualise(
    network: Network,
    data: Data,
    root: Root,
    out: Annotated[Path, typer.Option(help="Folder for the pictures")],
    rows: Annotated[int, typer.Option(min=1, max=20, help="Rows of every sheet")] = 5,
    variant: Variant = None,
    test_people: TestPeople = "1-485",
    seed: Seed = 0,
) -> None:
    """Draw what a network sees: activation maps, clusters of gates and ranked lists, as PNG sheets."""
    from reid.sheets import write_sheets

    written = write_sheets(network, read_data(data, root, test_people, seed), out, rows, variant)
    for path in written:
        typer.echo(path)
    if out / "gates.png" not in written:
        typer.echo("no gates.png: this network joins its streams without gates", err=True)


@app.command()
def export(
    network: Network,
    out: Annotated[Path, typer.Argument(help="File to write: .onnx, .tflite, or the .xml of an OpenVINO IR")],
    crops: Annotated[Path, typer.Option(help="Folder of crops to compare with, and to calibrate int8 on")],
    to: Annotated[Format, typer.Option(help="What to write")] = Format.OPENVINO,
    limit: Annotated[int, typer.Option(min=1, help="Crops to take from the folder, evenly spread")] = 256,
    variant: Variant = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table")] = False,
) -> None:
    """Convert weights for an inference engine and report how far the result is from the original."""
    from reid import export as exporting
    from reid.datasets import evenly_spread, pictures
    from reid.extractor import FeatureExtractor, Precision
    from reid.preprocess import read_picture
    from tracker.errors import OmnitrackError

    paths = pictures(crops)
    if not paths:
        raise OmnitrackError(f"--crops: {crops} holds no pictures (.jpg, .jpeg, .png, .bmp)")
    chosen = [read_picture(path) for path in evenly_spread(paths, limit)]
    if to is Format.ONNX:
        spec = exporting.to_onnx(network, out, variant)
    elif to is Format.OPENVINO:
        spec = exporting.to_openvino(network, out, variant)
    elif to is Format.OPENVINO_INT8:
        spec = exporting.to_openvino_int8(network, out, chosen, variant)
    else:
        spec = exporting.to_tflite(network, out, variant)
    original = FeatureExtractor.open(network, spec, variant)(chosen)
    precisions: tuple[Precision, ...] = ("f32",) if to is Format.TFLITE else ("f32", "bf16")
    report = {
        precision: exporting.parity(original, FeatureExtractor.open(out, spec, precision=precision)(chosen))
        for precision in precisions
    }
    if as_json:
        print_json(report)
        return
    header = ("computed in", "largest difference", "smallest cosine", "mean cosine")
    lines = [(name, *(f"{value:.6f}" for value in asdict(figures).values())) for name, figures in report.items()]
    print_table(f"{out}: unit features of {len(chosen)} crops against those of {network}", header, lines)
