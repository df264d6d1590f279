"""Recordings as a run writes them."""

from pathlib import Path

import numpy as np

from tracker.recorded.files import Recording
from tracker.recorded.joining import finish, unfinished
from tracker.recorded.journal import JournalWriter, Picture


def write_recording(path: Path, recording: Recording, together: int = 7) -> None:
    """together: so many pictures are written at once."""
    size, seen = (
        recording.image_size or (0, 0),
        list(enumerate(zip(recording.times(None), recording.frames, strict=True))),
    )
    pictures = [Picture(number, float(t), one, size) for number, (t, one) in seen if np.isfinite(t)]
    journal = JournalWriter(unfinished(path), recording.embedder)
    for first in range(0, len(pictures), together):
        journal.append(pictures[first : first + together])
    journal.close()
    finish(path)
