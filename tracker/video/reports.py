"""What the process that reads a camera tells its parent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Opened:
    """The stream's properties, sent before its first picture. frames_per_second: None if unknown. decoder: "software",
    or the kind of device that decodes.
    """

    width: int
    height: int
    codec: str
    frames_per_second: float | None
    decoder: str

    def __str__(self) -> str:
        return f"{self.codec} {self.width}x{self.height}, decoder: {self.decoder}"


@dataclass(frozen=True, slots=True)
class Ended:
    """Why the reader stopped, in words for people. refused: the camera did not accept name and password."""

    reason: str
    refused: bool = False
