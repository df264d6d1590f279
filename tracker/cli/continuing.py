"""Where `main.py track --state FILE` stands between two pieces of a recording, as JSON."""

import json
from pathlib import Path
from typing import Any

from tracker.cli.single_camera import RecordedTracker
from tracker.core.settings import TrackerConfig
from tracker.errors import OmnitrackError
from tracker.whole_files import written_whole


def follow_on(path: Path, settings: dict[str, Any], config: TrackerConfig) -> RecordedTracker:
    """The tracker that was saved there, a new one if there is no such file. settings: fps and preset.

    Raises OmnitrackError if the file holds anything else, or a tracker of other settings.
    """
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        written = dict(saved["settings"])
        if written == settings:
            return RecordedTracker.restored(saved["tracker"], settings["fps"], config)
    except FileNotFoundError:
        return RecordedTracker(settings["fps"], config)
    except OSError as error:
        raise OmnitrackError(f"--state: {path} cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OmnitrackError(f"--state: {path} holds no tracker that can go on ({error}); name another file") from None
    options = " ".join(f"--{name} {value}" for name, value in written.items())
    raise OmnitrackError(f"--state: {path} was written with {options}; go on with these, or name another file")


def save(path: Path, settings: dict[str, Any], tracker: dict[str, Any]) -> None:
    """Write for follow_on(); the old state stays until the new one is whole."""
    with written_whole(path, "--state: ") as file:
        file.write_text(json.dumps({"settings": settings, "tracker": tracker}), encoding="utf-8")
