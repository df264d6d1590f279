"""Times as people write them."""

import re
from datetime import datetime, time, timedelta

from tracker.errors import OmnitrackError


def moment(text: str | None, now: datetime | None = None) -> datetime | None:
    """Aware datetime of "2026-11-01", "2026-11-01T14:00[:30][+01:00]", "14:00", "today 9:30" or "yesterday 14:00".

    Without a zone it is local time; a day without a time begins at midnight. None stays None.
    Raises OmnitrackError for anything else.
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
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError, OSError) as error:
        raise OmnitrackError(
            f'time "{text}": not understood; write 2026-11-01T14:00, 14:00, today or yesterday 14:00'
        ) from error
