"""A bounded queue with a thread that delivers: a receiver that is slow or away never makes the pipeline wait."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition, Event, Thread
from time import monotonic

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_when_event_set
from tenacity.nap import sleep_using_event
from tenacity.wait import wait_exponential_jitter

from tracker.events.message import Message, RefusedError, TemporaryDeliveryError

_LOG = logging.getLogger(__name__)
_PATIENCE_SECONDS = 2.0


@dataclass(slots=True)
class OutboxCounters:
    """Messages so far. dropped: there was no room, or no time left at the end; failed: given up after all attempts."""

    delivered: int = 0
    dropped: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Retry:
    """attempts: for one message, the first included. Pauses double from first_seconds to longest_seconds."""

    attempts: int = 6
    first_seconds: float = 0.5
    longest_seconds: float = 30.0


class Outbox:
    """Delivers messages in their order; implements tracker.events.message.Outlet.

    deliver(message) is called in a thread of its own and raises TemporaryDeliveryError, after which it is tried again,
    or RefusedError. When `capacity` messages wait, the oldest gives way to a new one. close() gives those that wait
    two seconds and returns, whatever the receiver does; end() is called then.
    """

    def __init__(
        self,
        name: str,
        deliver: Callable[[Message], None],
        *,
        capacity: int = 1000,
        retry: Retry | None = None,
        end: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.counters = OutboxCounters()
        self._deliver = deliver
        self._capacity = capacity
        self._retry = retry or Retry()
        self._end = end
        self._waiting: deque[Message] = deque()
        self._changed = Condition()
        self._busy = self._draining = self._troubled = False
        self._given_up = Event()
        self._thread = Thread(target=self._work, name=f"outbox {name}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Messages not delivered yet."""
        with self._changed:
            return len(self._waiting) + self._busy

    def send(self, message: Message) -> None:
        with self._changed:
            if self._draining:
                self.counters.dropped += 1
                return
            if len(self._waiting) >= self._capacity:
                self._waiting.popleft()
                self.counters.dropped += 1
            self._waiting.append(message)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._draining = True
            self._changed.notify_all()
            deadline = monotonic() + _PATIENCE_SECONDS
            while (self._waiting or self._busy) and (remaining := deadline - monotonic()) > 0:
                self._changed.wait(remaining)
            self.counters.dropped += len(self._waiting)
            if self._waiting:
                _LOG.warning("%s: %d messages were not delivered before the end", self.name, len(self._waiting))
            self._waiting.clear()
        self._given_up.set()
        self._thread.join(0.5)  # the thread ends with the process, should the receiver still hold it
        self._end()

    def _work(self) -> None:
        while (message := self._next()) is not None:
            try:
                self._attempts()(self._deliver, message)
            except (TemporaryDeliveryError, RefusedError) as error:
                self.counters.failed += 1
                self._say(f"a message was given up: {error}", trouble=True)
            except Exception as error:  # thread boundary: the messages after this one must not be lost, too
                self.counters.failed += 1
                # the text of an error that nobody foresaw may hold the address, and that a secret
                self._say(f"a message was given up: unexpected {type(error).__name__}", trouble=True)
            else:
                self.counters.delivered += 1
                self._say("delivers", trouble=False)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _next(self) -> Message | None:
        with self._changed:
            while not self._waiting and not self._draining:
                self._changed.wait()
            if not self._waiting:
                return None
            self._busy = True
            return self._waiting.popleft()

    def _attempts(self) -> Retrying:
        retry = self._retry
        return Retrying(
            retry=retry_if_exception_type(TemporaryDeliveryError),
            stop=stop_after_attempt(retry.attempts) | stop_when_event_set(self._given_up),
            wait=wait_exponential_jitter(
                multiplier=retry.first_seconds, max=retry.longest_seconds, jitter=retry.first_seconds
            ),
            sleep=sleep_using_event(self._given_up),
            before_sleep=self._tell_trouble,
            reraise=True,
        )

    def _tell_trouble(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self._say(f"{error}; trying again", trouble=True)

    def _say(self, what: str, *, trouble: bool) -> None:
        """Once when trouble begins, once when it ends."""
        if trouble != self._troubled:
            _LOG.log(logging.WARNING if trouble else logging.INFO, "%s: %s", self.name, what)
        self._troubled = trouble
