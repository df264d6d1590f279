"""As many at once as the device's memory suffices for."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import torch

_LOG = logging.getLogger(__name__)
Done = TypeVar("Done")


class Portions:
    """most: how many are worked on at once, to begin with. When the memory does not suffice, fewer from then on, by
    powers of two, which is said once. release: is told how many, and lets go of what only more need. May be used from
    several threads.
    """

    def __init__(self, device: torch.device, most: int, release: Callable[[int], None] = lambda most: None) -> None:
        self.most = most
        self._device = device
        self._release = release
        self._told = False

    def of(self, items: Any, work: Callable[[Any], Done]) -> list[Done]:
        """What work() makes of the items (a sequence, an array or a tensor), a portion each; of none, of an empty one.

        Raises torch.OutOfMemoryError where the memory does not suffice for one.
        """
        parts: list[Done] = []
        start = 0
        while start < len(items) or not parts:
            portion = items[start : start + self.most]
            try:
                parts.append(work(portion))
            except torch.OutOfMemoryError:
                if len(portion) <= 1:
                    raise
                self._lower(len(portion))
            else:
                start += len(portion)
        return parts

    def _lower(self, too_many: int) -> None:
        half = 1 << (too_many - 1).bit_length() - 1
        self.most = min(self.most, half)  # another thread may have found out first
        self._release(self.most)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        if not self._told:
            _LOG.warning("%s: not enough memory for %d pictures at once, going on with fewer", self._device, too_many)
            self._told = True
