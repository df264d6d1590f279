"""Times as people write them."""

import re
from datetime import datetime, time, timedelta

from tracker.errors import OmnitrackError


def moment(text: str | None, now: datetime | None = None) -> datetime | None:
    """Aware datetime of "2026-11-01", "2026-11-01T14:00[:30][+01:00]", "14:00", "today 9:30" or "yesterday 14:00".

    Without a zone it is local time; a day without a time begins at midnight. None stays None.
    Raises OmnitrackError for anything else, and for times before 1970.
    """
    if text is None:
        return None
    today = (now or datetime.now()).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    match = re.fullmatch(r"(?:(today|yesterday)\b)?\s*(?:(\d{1,2}:\d{2}(?::\d{2})?))?", text.strip().lower())
    try:
        if text.strip() and match:
            day = today - timedelta(days=1) if match[1] == "yesterday" else today
            clock = time.fromisoformat((match[2] or "00:00").zfill(5))
            return datetime.combine(day, clock).astimezone()
        return _after_1970(datetime.fromisoformat(text.strip()).astimezone())
    except (ValueError, OverflowError, OSError) as error:
        raise OmnitrackError(
            f'time "{text}": not understood; write 2026-11-01T14:00, 14:00, today or yesterday 14:00'
        ) from error


def length(text: str) -> timedelta:
    """30s, 15m, 1h or 1d. Raises OmnitrackError for anything else."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text.strip(), re.ASCII)
    if match is None or int(match[1]) == 0:
        raise OmnitrackError(f'length "{text}": not understood; write 30s, 15m, 1h or 1d')
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[match[2]]
    return timedelta(**{unit: int(match[1])})


def _after_1970(at: datetime) -> datetime:
    if at.year < 1970:
        raise ValueError(f"{at} is before 1970")
    return at
