"""Messages as lines of a file."""

import json
from dataclasses import dataclass
from pathlib import Path

from tracker.events.message import Message, TemporaryDeliveryError


@dataclass(frozen=True, slots=True)
class JsonLines:
    """Appends one JSON object a line. The file is opened for each, so that it can be moved away at any time."""

    path: Path

    def deliver(self, message: Message) -> None:
        """Raises TemporaryDeliveryError, for disks become free."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(message, ensure_ascii=False) + "\n")
        except OSError as error:
            raise TemporaryDeliveryError(f"{self.path}: {error.strerror}") from error
