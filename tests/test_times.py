from datetime import UTC, datetime, timedelta

import pytest

from tracker.cli.output import duration, local_iso
from tracker.errors import OmnitrackError
from tracker.times import length, moment

NOW = datetime(2026, 11, 21, 18, 30)


def local(*parts: int) -> datetime:
    return datetime(*parts).astimezone()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01", local(2026, 11, 1)),
        ("2026-11-01T14:00", local(2026, 11, 1, 14)),
        ("2026-11-01 14:00:05", local(2026, 11, 1, 14, 0, 5)),
        ("2026-11-01T14:00:00+02:00", datetime(2026, 11, 1, 12, tzinfo=UTC)),
        ("2026-11-01T12:00:00Z", datetime(2026, 11, 1, 12, tzinfo=UTC)),
        ("14:00", local(2026, 11, 21, 14)),
        ("9:30", local(2026, 11, 21, 9, 30)),
        ("today", local(2026, 11, 21)),
        ("yesterday 14:00", local(2026, 11, 20, 14)),
        ("Yesterday", local(2026, 11, 20)),
    ],
)
def test_times_as_people_write_them(text: str, expected: datetime) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize(
    "text", ["", " ", "soon", "25:00", "yesterday 14", "2026-13-01", "-5", "0001-01-01T00:00+14:00", "1969-12-31"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(OmnitrackError, match="not understood"):
        moment(text, NOW)


def test_no_time_is_no_time() -> None:
    assert moment(None) is None


def test_times_are_printed_with_their_zone() -> None:
    shown = local_iso(datetime(2026, 11, 1, 12, 0, 0, 250_000, tzinfo=UTC))
    assert datetime.fromisoformat(shown) - datetime(2026, 11, 1, 12, tzinfo=UTC) == timedelta(milliseconds=250)


def test_durations_are_readable() -> None:
    assert [duration(value) for value in (0.04, 59.9, 60, 3599.6, 3723)] == [
        "0.0 s",
        "59.9 s",
        "1:00",
        "1:00:00",
        "1:02:03",
    ]


def test_lengths() -> None:
    assert [length(text).total_seconds() for text in ("30s", "15m", " 1h", "2d")] == [30, 900, 3600, 172_800]


@pytest.mark.parametrize("text", ["", "0m", "15", "m", "1w", "-1h", "1234567s", "٣h"])
def test_anything_else_is_no_length(text: str) -> None:
    with pytest.raises(OmnitrackError, match="write 30s, 15m, 1h or 1d"):
        length(text)
