"""How long those who write in a run wait for a database that cannot be written just now."""

from threading import Event
from time import monotonic, sleep

from tracker.store.location import StoreError, StoreWaitError

RETRY_SECONDS = 1.0
LAST_SECONDS = 2.0
"""Once the end is wanted: the program has five seconds in all."""


class Patience:
    """For ever, but not once somebody wants the end. May be used from any thread."""

    def __init__(self) -> None:
        self._hurried = Event()
        self._deadline = 0.0

    def hurry(self) -> None:
        """The end is wanted: whoever waits, or is going to, gives up soon."""
        if not self._hurried.is_set():
            self._deadline = monotonic() + LAST_SECONDS
            self._hurried.set()

    def wait(self, reason: StoreWaitError) -> None:
        """Until the next attempt. Raises StoreError when there is no time for another one."""
        if not self._hurried.is_set():
            self._hurried.wait(RETRY_SECONDS)
            return
        remaining = self._deadline - monotonic()
        if remaining <= 0:
            raise StoreError(f"{reason}; the run was to end, so what was not stored yet is lost") from reason
        sleep(min(remaining, RETRY_SECONDS))
