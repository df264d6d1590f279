"""How many people there are, as far as is known."""

from collections.abc import Iterable

from tracker.core.types import IdentityEvent, IdentityEventKind


class PeopleCount:
    """Confirmed identities so far, merged ones counted once."""

    def __init__(self) -> None:
        self._identities: set[int] = set()

    def hear(self, events: Iterable[IdentityEvent]) -> None:
        for event in events:
            if event.kind is IdentityEventKind.CONFIRMED:
                self._identities.add(event.identity_id)
            elif event.kind is IdentityEventKind.MERGED and event.previous_identity_id is not None:
                self._identities.discard(event.previous_identity_id)

    def __len__(self) -> int:
        return len(self._identities)
