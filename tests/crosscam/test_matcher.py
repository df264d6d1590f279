"""The online matcher in small hand-made worlds."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tracker.core.types import IdentityEvent, IdentityEventKind, TrackState, TrackUpdate
from tracker.crosscam.matcher import CrossCameraMatcher, MatcherConfig

STEP_SECONDS = 0.1


def look(person: int, camera: str, t_seconds: float, dimension: int = 64) -> np.ndarray:
    """Unit vector (dimension,): the person, the camera's own tint, and fresh noise at every instant."""
    own = np.random.default_rng(person).normal(size=dimension)
    tint = 1.0 * np.random.default_rng(sum(camera.encode())).normal(size=dimension)
    noise = 0.5 * np.random.default_rng([person, round(t_seconds * 1000)]).normal(size=dimension)
    vector = own + tint + noise
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def seen(camera: str, track_id: int, person: int, t_seconds: float) -> TrackUpdate:
    return TrackUpdate(
        camera,
        track_id,
        t_seconds,
        TrackState.CONFIRMED,
        np.array([0, 0, 10, 20], np.float32),
        0.9,
        detection_index=track_id,
        embedding=look(person, camera, t_seconds),
        quality=0.9,
        confirmed=True,
    )


def ended(camera: str, track_id: int, t_seconds: float) -> TrackUpdate:
    box = np.array([0, 0, 10, 20], np.float32)
    return TrackUpdate(camera, track_id, t_seconds, TrackState.ENDED, box, 0.0, confirmed=True)


Visit = tuple[str, int, int, float, float]
"""(camera, track, person, from, to)"""

CROSSING: list[Visit] = [
    ("east", 1, 1, 0.0, 5.0),
    ("east", 2, 2, 0.0, 6.0),
    ("east", 3, 3, 1.0, 6.0),
    ("west", 1, 4, 0.0, 5.0),
    ("west", 2, 5, 0.0, 4.0),
    ("west", 3, 2, 9.0, 14.0),
    ("west", 4, 1, 8.0, 14.0),
    ("east", 4, 4, 9.0, 14.0),
    ("east", 5, 3, 8.0, 14.0),
]


def steps_of(visits: Sequence[Visit]) -> list[tuple[float, list[TrackUpdate]]]:
    last = max(visit[4] for visit in visits)
    steps = []
    for number in range(round(last / STEP_SECONDS) + 2):
        t = number * STEP_SECONDS
        updates = [seen(c, k, p, t) for c, k, p, first, end in visits if first <= t <= end]
        updates += [ended(c, k, t) for c, k, _, _, end in visits if end < t <= end + STEP_SECONDS + 1e-9]
        steps.append((t, updates))
    return steps


def play(
    visits: Sequence[Visit], matcher: CrossCameraMatcher, reverse: bool = False
) -> tuple[list[IdentityEvent], dict[tuple[str, int], int | None]]:
    events = []
    for t, updates in steps_of(visits):
        events += matcher.update(t, updates[::-1] if reverse else updates)
    events += matcher.finish(t)
    return events, {(c, k): matcher.identity_of((c, k)) for c, k, *_ in visits}


def test_people_keep_their_identity_across_cameras_and_on_return() -> None:
    _, identity = play(CROSSING, CrossCameraMatcher())
    by_person: dict[int, set[int | None]] = {}
    for camera, track, person, *_ in CROSSING:
        by_person.setdefault(person, set()).add(identity[camera, track])
    assert all(len(identities) == 1 for identities in by_person.values()), by_person
    assert len(set.union(*by_person.values())) == len(by_person)


def test_order_of_arrival_within_a_step_changes_nothing() -> None:
    forward = play(CROSSING, CrossCameraMatcher())
    backward = play(CROSSING, CrossCameraMatcher(), reverse=True)
    assert forward == backward


def test_two_matchers_do_not_share_ids() -> None:
    _, first = play(CROSSING, CrossCameraMatcher())
    _, second = play(CROSSING, CrossCameraMatcher(issue_id=itertools.count(100).__next__))
    assert min(i for i in first.values() if i is not None) == 1
    assert min(i for i in second.values() if i is not None) == 100


def test_twins_seen_at_one_instant_by_one_camera_stay_two() -> None:
    others = [("east", 10 + person, person, 0.0, 12.0) for person in range(3, 8)]
    twins = [("east", 1, 1, 0.0, 5.0), ("east", 2, 1, 0.0, 5.0), ("west", 1, 1, 7.0, 12.0), ("west", 2, 2, 0.0, 12.0)]
    events, identity = play(twins + others, CrossCameraMatcher())
    assert identity["east", 1] != identity["east", 2]
    (second,) = [e.evidence for e in events if e.tracklet == ("east", 2) and e.kind is IdentityEventKind.ASSIGNED]
    assert second is not None
    assert (second.rule, second.runner_up_identity_id) == ("same-instant", identity["east", 1])
    assert identity["west", 1] in (identity["east", 1], identity["east", 2])


def test_an_unconfirmed_track_never_gets_an_identity() -> None:
    matcher = CrossCameraMatcher()
    for number in range(30):
        update = replace(seen("east", 1, 1, number * 0.1), confirmed=False, state=TrackState.TENTATIVE)
        assert matcher.update(number * 0.1, [update]) == []
    assert matcher.update(3.1, [replace(ended("east", 1, 3.1), confirmed=False)]) == []
    assert matcher.finish(4.0) == []
    assert matcher.identity_of(("east", 1)) is None


def test_a_confirmed_track_without_appearance_gets_its_own_identity() -> None:
    matcher = CrossCameraMatcher()
    for number in range(30):
        t = number * 0.1
        plain = [replace(seen("east", 1, 1, t), embedding=None, quality=0.0)]
        matcher.update(t, [*plain, seen("east", 2, 2, t)])
    matcher.finish(4.0)
    assert matcher.identity_of(("east", 1)) not in (None, matcher.identity_of(("east", 2)))


def test_a_track_that_changes_person_is_split() -> None:
    swap = [("east", 1, 1, 0.0, 5.0), ("east", 2, 2, 0.0, 5.0), ("east", 3, 3, 0.0, 9.9), ("west", 1, 4, 0.0, 9.9)]
    matcher = CrossCameraMatcher()
    events = []
    for t, updates in steps_of(swap):
        if t > 5.05:
            updates = [u for u in updates if u.track_id > 2] + [seen("east", 1, 2, t), seen("east", 2, 1, t)]
        events += matcher.update(t, updates)
    assert matcher.identity_at(("east", 1), 2.0) == matcher.identity_at(("east", 2), 9.0)
    assert matcher.identity_at(("east", 2), 2.0) == matcher.identity_at(("east", 1), 9.0)
    assert matcher.identity_at(("east", 1), 2.0) != matcher.identity_at(("east", 1), 9.0)
    revised = [e for e in events if e.kind is IdentityEventKind.REVISED]
    assert {e.tracklet for e in revised} == {("east", 1), ("east", 2)}
    assert all(e.since_seconds is not None and 5.0 < e.since_seconds < 6.5 for e in revised)


def test_an_identity_unseen_for_longer_than_the_memory_is_forgotten() -> None:
    visits = [
        ("east", 1, 1, 0.0, 4.0),
        ("east", 2, 2, 0.0, 20.0),
        ("east", 3, 3, 0.0, 20.0),
        ("east", 4, 1, 15.0, 20.0),
    ]
    _, remembered = play(visits, CrossCameraMatcher(MatcherConfig(memory_seconds=60)))
    _, forgotten = play(visits, CrossCameraMatcher(MatcherConfig(memory_seconds=5)))
    assert remembered["east", 4] == remembered["east", 1]
    assert forgotten["east", 4] not in (None, forgotten["east", 1])
    assert forgotten["east", 1] is not None


def test_every_link_is_explained_and_every_id_is_confirmed_once() -> None:
    events, identity = play(CROSSING, CrossCameraMatcher())
    confirmed = [e.identity_id for e in events if e.kind is IdentityEventKind.CONFIRMED]
    assert sorted(confirmed) == sorted(set(confirmed))
    assert set(identity.values()) <= set(confirmed)
    for event in events:
        if event.kind is not IdentityEventKind.CONFIRMED:
            assert event.evidence is not None
            assert event.evidence.rule in ("new", "appearance", "same-instant")
            assert (event.evidence.rule == "new") <= (event.evidence.cosine is None)


def test_tracks_that_a_tracker_joins_share_the_identity_of_the_kept_one() -> None:
    matcher = CrossCameraMatcher()
    for number in range(20):
        t = number * STEP_SECONDS
        matcher.update(t, [seen("east", track, track, t) for track in (1, 2, 3)])
    before = matcher.identity_of(("east", 2))
    (event,) = matcher.join_tracks(2.0, ("east", 1), ("east", 2))
    assert (event.kind, event.previous_identity_id) == (IdentityEventKind.MERGED, before)
    assert matcher.identity_of(("east", 2)) == matcher.identity_of(("east", 1)) == event.identity_id
    assert matcher.join_tracks(2.0, ("east", 1), ("east", 2)) == []


def joined(visits: Sequence[Visit], seconds: float) -> tuple[CrossCameraMatcher, list[IdentityEvent]]:
    """Tracks 1 and 2 of camera east, of one person each, are joined after so long."""
    matcher = CrossCameraMatcher()
    for t, updates in steps_of(visits):
        if t > seconds:
            break
        matcher.update(t, updates)
    return matcher, matcher.join_tracks(t, ("east", 1), ("east", 2))


@pytest.mark.parametrize("until", [9.0, 2.5])
def test_joined_tracks_do_not_join_people_whom_another_camera_saw_at_one_instant(until: float) -> None:
    """Their tracks in the other camera are in view, or over for so long that they are at rest."""
    in_view = [("east", k, k, 0.0, 9.0) for k in (1, 2, 3)]
    matcher, events = joined([*in_view, *[("west", k, k, 0.0, until) for k in (1, 2, 3)]], 8.5)
    assert matcher.identity_of(("east", 1)) == matcher.identity_of(("west", 1)) is not None
    assert matcher.identity_of(("west", 2)) not in (None, matcher.identity_of(("west", 1)))
    assert matcher.identity_of(("east", 2)) == matcher.identity_of(("east", 1))
    (event,) = events
    assert (event.kind, event.tracklet) == (IdentityEventKind.REVISED, ("east", 2))
    assert event.identity_id == matcher.identity_of(("west", 1))
    assert event.previous_identity_id == matcher.identity_of(("west", 2))


def test_a_track_does_not_join_a_person_who_was_elsewhere_in_its_camera() -> None:
    """The kept track's person had a track before that, while the other one was in view."""
    visits = [("east", 5, 1, 0.0, 3.0), ("east", 1, 1, 4.0, 9.0), *[("east", k, k, 0.0, 9.0) for k in (2, 3, 4)]]
    matcher, events = joined(visits, 8.5)
    assert matcher.identity_of(("east", 5)) == matcher.identity_of(("east", 1)) is not None
    assert events == []
    assert matcher.identity_of(("east", 2)) not in (None, matcher.identity_of(("east", 1)))


def test_nobody_is_somewhere_he_could_not_have_walked_to() -> None:
    """One look at two places of a site: ten metres in four seconds are a walk, a hundred are not."""
    for metres, reachable in ((9.0, True), (100.0, False)):
        visits = [
            ("site", 1, 1, 0.0, 4.0),
            ("site", 2, 2, 0.0, 14.0),
            ("site", 3, 3, 0.0, 14.0),
            ("site", 4, 1, 8.0, 14.0),
        ]
        places = {1: (0.0, 0.0), 2: (3.0, 3.0), 3: (5.0, 5.0), 4: (metres, 0.0)}
        matcher = CrossCameraMatcher()
        events = [
            event
            for t, updates in steps_of(visits)
            for event in matcher.update(t, [replace(u, ground_metres=places[u.track_id]) for u in updates])
        ]
        assert (matcher.identity_of(("site", 4)) == matcher.identity_of(("site", 1))) is reachable
        (why,) = [e.evidence.rule for e in events if e.tracklet == ("site", 4) and e.evidence is not None]
        assert why == ("appearance" if reachable else "out-of-reach")


def test_a_world_without_people_is_quiet() -> None:
    matcher = CrossCameraMatcher()
    assert matcher.update(0.0, []) == []
    assert matcher.finish(1.0) == []
    assert matcher.identity_of(("east", 1)) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("round_seconds", 0.0), ("false_match_rate", 0.7), ("min_embeddings", 0), ("split_log_odds", 1.0)],
)
def test_bad_settings_name_the_field(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        MatcherConfig(**{field: value})  # type: ignore[arg-type]


def test_who_is_alone_stays_one_person_also_after_a_way_out_and_back() -> None:
    """What a lone person shares with the people of the camera is all of what it looks like."""
    visits: list[Visit] = [("east", 1, 1, 0.0, 20.0), ("east", 2, 1, 23.0, 30.0), ("east", 3, 1, 34.0, 50.0)]
    events, identities = play(visits, CrossCameraMatcher())
    assert set(identities.values()) == {1}
    assert not [event for event in events if event.kind is IdentityEventKind.REVISED]


def test_two_who_meet_nobody_else_are_two() -> None:
    visits: list[Visit] = [("east", 1, 1, 0.0, 8.0), ("east", 2, 2, 10.0, 18.0), ("east", 3, 1, 20.0, 28.0)]
    _, identities = play(visits, CrossCameraMatcher(MatcherConfig(memory_seconds=60.0)))
    assert identities["east", 1] == identities["east", 3] != identities["east", 2]


def test_tracks_not_yet_decided_are_never_forgotten_however_soon_answers_may_be() -> None:
    visits = [*CROSSING, ("east", 9, 9, 0.0, 14.0)]
    matcher = CrossCameraMatcher(MatcherConfig(answer_seconds=1.0))
    play(visits, matcher)
    assert matcher.identity_of(("east", 9)) is not None
