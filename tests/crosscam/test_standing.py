"""Places of tracks that the ground tracker did not join, as evidence and as a veto."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.crosscam.ground_world import CAMERAS, DIMENSION, look
from tracker.core.types import Detections, IdentityEvent, TrackState, TrackUpdate
from tracker.crosscam.comparison import compare
from tracker.crosscam.constraints import Veto
from tracker.crosscam.ground.local_tracks import Seen
from tracker.crosscam.ground.placing import Places
from tracker.crosscam.matcher import CrossCameraMatcher
from tracker.crosscam.segments import Segment
from tracker.crosscam.standing import standing_log_odds

Walk = Callable[[float], tuple[float, float]]


def update(camera: str, t: float, place: tuple[float, float] | None, person: int, noise: float = 0.0) -> TrackUpdate:
    rng = np.random.default_rng(int(t * 100) + person)
    vector = look(person) + rng.normal(0, noise / np.sqrt(DIMENSION), DIMENSION)
    unit = (vector / np.linalg.norm(vector)).astype(np.float32)
    box = np.array([10, 10, 40, 110], np.float32)
    return TrackUpdate(camera, person, t, TrackState.CONFIRMED, box, 0.9, 0, unit, 0.9, True, place)


def segment(
    camera: str,
    walk: Walk | None,
    begin: float = 0.0,
    count: int = 20,
    person: int = 1,
    covariance: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Segment:
    made = Segment((camera, person), begin)
    for number in range(count):
        t = begin + number / 10
        seen = replace(update(camera, t, None if walk is None else walk(t), person), ground_covariance=covariance)
        made.see(seen, {camera: t - 0.1} if number else {})
    return made


def east(t: float) -> tuple[float, float]:
    return (t, 0.0)


def beside(t: float) -> tuple[float, float]:
    return (t, 2.5)


def test_two_cameras_that_put_a_track_on_one_spot_speak_for_one_person_and_else_against() -> None:
    segments = [segment("a", east), segment("b", east, person=2), segment("b", beside, person=3)]
    odds = standing_log_odds(segments)
    assert odds is not None
    assert odds[0, 1] == odds[1, 0] > 1
    assert odds[0, 2] == odds[2, 0] < -3
    assert odds[1, 2] == 0, "tracks of one camera are the veto's affair"


def test_places_are_compared_at_shared_instants_by_their_median() -> None:
    def astray(t: float) -> tuple[float, float]:
        return (t, 9.0 if 0.75 < t < 0.95 else 0.1)

    odds = standing_log_odds([segment("a", east), segment("b", astray, begin=0.1, person=2)])
    assert odds is not None
    assert odds[0, 1] > 1, "one place that is wrong does not decide"


def test_a_place_that_is_uncertain_says_less_for_one_person_and_less_against() -> None:
    def near(t: float) -> tuple[float, float]:
        return (t, 1.2)

    said = []
    for deviation in (0.1, 0.3, 0.7):
        far = (deviation**2, 0.0, deviation**2)
        odds = standing_log_odds(
            [segment("a", east), segment("b", east, person=2, covariance=far), segment("c", near, covariance=far)]
        )
        assert odds is not None
        said.append((odds[0, 1], odds[0, 2]))
    (sure_for, sure_against), *_, (vague_for, vague_against) = said
    assert sorted(said, reverse=True) == said, "the same place says less and less for one person"
    assert sure_for > 2 * vague_for > 0
    assert sure_against < -3 < -1.5 < vague_against < 0


def test_a_distance_counts_less_in_the_direction_in_which_a_camera_is_unsure() -> None:
    def ahead(t: float) -> tuple[float, float]:
        return (t + 1.0, 0.0)

    def aside(t: float) -> tuple[float, float]:
        return (t, 1.0)

    along_x = (0.8**2, 0.0, 0.1**2)
    segments = [segment("a", east), *(segment(c, w, covariance=along_x) for c, w in (("b", ahead), ("c", aside)))]
    odds = standing_log_odds(segments)
    assert odds is not None
    assert odds[0, 1] > 0 > -3 > odds[0, 2]


def test_what_two_cameras_do_not_show_at_one_instant_may_have_moved() -> None:
    odds = standing_log_odds([segment("a", lambda t: (0.0, 0.0)), segment("b", lambda t: (0.0, 0.0), begin=0.2)])
    at_once = standing_log_odds([segment("a", lambda t: (0.0, 0.0)), segment("b", lambda t: (0.0, 0.0))])
    assert odds is not None
    assert at_once is not None
    assert 1 < odds[0, 1] < at_once[0, 1]


def test_without_shared_instants_or_places_nothing_is_said() -> None:
    assert standing_log_odds([segment("a", east), segment("b", east, begin=10.0, person=2)]) is None
    assert standing_log_odds([segment("a", east), segment("b", None, person=2)]) is None
    assert standing_log_odds([]) is None


def test_nobody_runs_from_one_calibrated_camera_to_another() -> None:
    """10 m in one second are vetoed, 10 m in six are not, and without places nothing is."""

    def far(t: float) -> tuple[float, float]:
        return (12.0, 0.0)

    for begin, forbidden in ((3.0, True), (8.0, False)):
        comparison = compare([segment("a", east), segment("b", far, begin=begin, person=2)], 0.1)
        assert comparison.veto(0, 1) == (Veto.OUT_OF_REACH if forbidden else None)
    comparison = compare([segment("a", None), segment("b", far, begin=3.0, person=2)], 0.1)
    assert comparison.veto(0, 1) is None


def test_an_uncertain_place_vetoes_nobody_who_may_have_stood_nearer() -> None:
    """5 m in one second; the later place may err by so much along the way there, or across."""

    def far(t: float) -> tuple[float, float]:
        return (6.9, 0.0)

    for covariance, forbidden in (
        ((0.0, 0.0, 0.0), True),
        ((0.2**2, 0.0, 0.2**2), True),
        ((0.9**2, 0.0, 0.1**2), False),
        ((0.1**2, 0.0, 0.9**2), True),
    ):
        later = segment("b", far, begin=2.9, person=2, covariance=covariance)
        assert (compare([segment("a", east), later], 0.1).veto(0, 1) is not None) is forbidden


@pytest.mark.parametrize("calibrated", [True, False])
def test_places_tell_look_alikes_apart_and_the_link_says_so(calibrated: bool) -> None:
    """Two who look the same walk 6 m from each other; both cameras see both. Without places it is anybody's guess."""
    matcher = CrossCameraMatcher()
    events: list[IdentityEvent] = []
    for number in range(60):
        t = number / 10
        updates = []
        for camera in ("a", "b"):
            for track, y in ((1, 0.0), (2, 6.0)):
                seen = update(camera, t, (0.3 * t, y) if calibrated else None, 7, noise=0.3)
                updates.append(replace(seen, track_id=track if camera == "a" else 3 - track))
        events += matcher.update(t, updates)
    if calibrated:
        assert matcher.identity_of(("a", 1)) == matcher.identity_of(("b", 2))
        assert matcher.identity_of(("a", 2)) == matcher.identity_of(("b", 1))
    parts = [event.evidence.parts for event in events if event.evidence is not None and event.tracklet is not None]
    assert any(part.get("ground", 0) > 1 for part in parts) is calibrated


def test_places_are_told_of_whole_boxes_near_enough() -> None:
    camera = CAMERAS["c0"]
    foot = camera.to_image(np.array([[0.0, 0.0]]))[0]
    near = [foot[0] - 20, foot[1] - 130, foot[0] + 20, foot[1]]
    cut = [foot[0] - 20, foot[1] - 130, foot[0] + 20, 960]
    sky = [600, 5, 660, 200]
    seen = Seen(0.0, Detections.empty())
    updates = [
        TrackUpdate("c0", number, 0.0, TrackState.CONFIRMED, np.array(box, np.float32), 0.9, number)
        for number, box in enumerate((near, cut, sky))
    ]
    first, second, third = Places({"c0": camera}).placed("c0", seen, updates)
    assert first.ground_metres == pytest.approx((0.0, 0.0), abs=1e-3)
    xx, xy, yy = first.ground_covariance
    assert 0.05 < np.sqrt(xx + yy) < 1
    assert xy > 0.5 * max(xx, yy), "it errs along the way from the camera in the corner, and so in x as in y"
    assert second.ground_metres is None
    assert third.ground_metres is None
    assert Places({}).placed("c0", seen, updates) == updates


def test_a_walk_is_timed_by_when_the_places_were_seen_not_by_when_the_track_began() -> None:
    """Whom the picture's edge cuts stands nowhere known: five metres in the two seconds until he does are a walk."""
    earlier = segment("a", lambda t: (0.0, 0.0), count=10)
    later = Segment(("b", 1), 1.0)
    for number in range(30):
        t = 1.0 + number / 10
        later.see(update("b", t, None if number < 20 else (5.0, 0.0), 1), {"b": t - 0.1} if number else {})
    assert later.presence.first_seconds == 1.0
    assert not earlier.out_of_reach(later, 2.5, 1.0)
    at_once = segment("b", lambda t: (5.0, 0.0), begin=1.0)
    assert earlier.out_of_reach(at_once, 2.5, 1.0)


def test_places_that_are_known_only_after_a_split_are_the_tails() -> None:
    whole = segment("a", None, count=10)
    whole.settle()
    whole.see(update("a", 1.0, None, 1), {"a": 0.9})
    whole.see(update("a", 1.1, (3.0, 0.0), 1), {"a": 1.0})
    tail = whole.split_off()
    assert whole.entry is whole.exit is None
    assert tail.entry == tail.exit == (1.1, 3.0, 0.0, 0.0, 0.0, 0.0)


def test_where_a_track_splits_its_places_are_parted_too() -> None:
    whole = segment("a", east, count=10)
    whole.settle()
    for number in range(10, 30):
        whole.see(update("a", number / 10, east(number / 10), 1), {"a": number / 10 - 0.1})
    tail = whole.split_off()
    begins, leaves, begins_again, ends = (
        place[0] for place in (whole.entry, whole.exit, tail.entry, tail.exit) if place
    )
    assert (begins, ends) == (0.0, 2.9)
    assert 0.5 < leaves < 1.0 <= begins_again < 1.5
