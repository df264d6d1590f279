"""Rows of results on standard output: a table for people, CSV or JSON for programs."""

import csv
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import typer

from tracker.errors import OmnitrackError


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def chosen_format(*, as_json: bool, as_csv: bool) -> Format:
    """Raises OmnitrackError when both are asked for."""
    if as_json and as_csv:
        raise OmnitrackError("--json and --csv exclude each other")
    return Format.JSON if as_json else Format.CSV if as_csv else Format.TABLE


def plain(value: object) -> Any:
    """Dataclasses, times and tuples as dictionaries, local ISO text and lists, ready for JSON."""
    if isinstance(value, datetime):
        return local_iso(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def local_iso(moment: datetime) -> str:
    """2026-11-01T13:00:00.250+01:00: the machine's own time zone, with its offset, so that nothing is ambiguous."""
    return moment.astimezone().isoformat(timespec="milliseconds")


def print_json(value: object) -> None:
    typer.echo(json.dumps(plain(value), ensure_ascii=False, indent=2))


def print_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """None becomes an empty field, several values in one field are joined by spaces."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_field(value) for value in row] for row in rows)


def _field(value: object) -> object:
    value = plain(value)
    return " ".join(map(str, value)) if isinstance(value, list) else value


def print_table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A rich table as wide as the terminal, or as wide as it needs to be where there is none."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*header, title=escape(title), title_justify="left")
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(table)


def clock(moment: datetime) -> str:
    """Local time as a person reads it."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float) -> str:
    """12.3 s, 4:05 or 1:02:03."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole:02}" if hours else f"{minutes}:{whole:02}"


def size(n_bytes: int) -> str:
    """1.2 MB, decimal units."""
    value, unit = float(n_bytes), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"


def print_rows(style: Format, title: str, rows: Sequence[Any], columns: Mapping[str, Callable[[Any], object]]) -> None:
    """Dataclasses of one kind: JSON and CSV have all their fields, the table the given columns. rows: not empty."""
    if style is Format.JSON:
        print_json(rows)
    elif style is Format.CSV:
        names = [field.name for field in fields(rows[0])]
        print_csv(names, ([getattr(row, name) for name in names] for row in rows))
    else:
        print_table(title, tuple(columns), (tuple(show(row) for show in columns.values()) for row in rows))


def print_found(
    style: Format, title: str, rows: Sequence[Any], columns: Mapping[str, Callable[[Any], object]], nothing: str
) -> None:
    """print_rows for an answer that may be empty: then `nothing` is said, and the exit code is 1."""
    if not rows:
        typer.echo("[]" if style is Format.JSON else "", nl=style is Format.JSON)
        typer.echo(nothing, err=True)
        raise typer.Exit(1)
    print_rows(style, title, rows, columns)


def say_more(style: Format, option: str) -> None:
    """More rows follow, which that option shows: said beside CSV, and beside JSON that is a plain list, as both have no
    place for it. Tables say it in their title.
    """
    if style is not Format.TABLE:
        typer.echo(f"more rows follow; {option} shows them", err=True)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Logged warnings are not shown meanwhile: the command says itself what is wrong."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
