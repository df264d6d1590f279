from tracker.core.people import PeopleCount
from tracker.core.types import IdentityEvent, IdentityEventKind


def event(kind: IdentityEventKind, identity_id: int, previous: int | None = None) -> IdentityEvent:
    return IdentityEvent(kind, 1.0, identity_id, previous_identity_id=previous)


def test_people_are_counted_once_confirmed_and_merged_ones_once() -> None:
    people = PeopleCount()
    assert len(people) == 0
    people.hear([event(IdentityEventKind.CONFIRMED, 1), event(IdentityEventKind.CONFIRMED, 2)])
    people.hear([event(IdentityEventKind.CONFIRMED, 1)])
    assert len(people) == 2
    people.hear([event(IdentityEventKind.MERGED, 1, previous=2), event(IdentityEventKind.MERGED, 1, previous=3)])
    assert len(people) == 1
