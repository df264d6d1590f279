"""When was a live frame captured? From the stream's stamps and the times of arrival, without a wall clock."""

_ORDINARY_DELAY_SECONDS = 1.0


class CaptureClock:
    """Maps the stamps of one connection (RTP time) to this machine's monotonic clock.

    Frames are captured at even intervals and arrive with a varying delay, so arrival minus stamp is the unknown
    difference of the clocks plus that delay; its least value over the last window is the difference plus the
    smallest delay (the minimum filter of clock synchronisation). The window lets the two clocks drift apart.
    stall_seconds: so long a silence may be, after which what was held up comes at once; a delay that differs by more
    means that the stamps began anew.
    """

    def __init__(self, window_seconds: float = 30.0, stall_seconds: float = 5.0) -> None:
        self._window_seconds = window_seconds
        self._leap_seconds = stall_seconds + _ORDINARY_DELAY_SECONDS
        self._window_began = 0.0
        self._earlier_least: float | None = None
        self._least: float | None = None
        self._last: float | None = None

    def capture_seconds(
        self, stamp_seconds: float | None, arrival_seconds: float, seen_seconds: float | None = None
    ) -> float:
        """All in seconds, arrival on the monotonic clock. The result is at most arrival_seconds, and increases
        from frame to frame as long as arrivals do; without a stamp it is the arrival. seen_seconds: when the beginning
        of the frame had come already, if that is known to be before its arrival as a whole.
        """
        captured = arrival_seconds
        if stamp_seconds is not None:
            seen_seconds = arrival_seconds if seen_seconds is None else seen_seconds
            difference = self._difference(seen_seconds - stamp_seconds, arrival_seconds)
            captured = min(stamp_seconds + difference, arrival_seconds)
        if self._last is not None and captured <= self._last:
            captured = (self._last + max(arrival_seconds, self._last)) / 2
        self._last = captured
        return captured

    def _difference(self, delay: float, now: float) -> float:
        known = [least for least in (self._least, self._earlier_least) if least is not None]
        if not known or abs(delay - min(known)) > self._leap_seconds:  # the first frame, or the stamps began anew
            self._least, self._earlier_least, self._window_began = delay, None, now
            return delay
        if now - self._window_began > self._window_seconds:
            self._least, self._earlier_least, self._window_began = delay, self._least, now
        self._least = delay if self._least is None else min(self._least, delay)
        return self._least if self._earlier_least is None else min(self._least, self._earlier_least)
