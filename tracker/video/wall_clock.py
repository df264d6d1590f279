"""Wall-clock times that do not jump while a camera is read."""

from time import monotonic, time


class WallClock:
    """The wall clock as it was when this object was made, carried on by the monotonic clock: whoever sets the clock
    later changes nothing. Both run at the rate to which NTP slews them.
    """

    def __init__(self) -> None:
        self._offset_seconds = time() - monotonic()

    def seconds(self, at_seconds: float) -> float:
        """Seconds since 1970 at a monotonic time."""
        return at_seconds + self._offset_seconds
