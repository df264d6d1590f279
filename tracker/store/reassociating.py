"""The people of a recorded history, judged afresh: what would change, and the change itself, which can be undone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from tracker.core.types import IdentityEventKind, LinkEvidence
from tracker.crosscam.constraints import Constraint
from tracker.crosscam.differences import Difference, Person, differences
from tracker.crosscam.ground_plane import GroundCamera
from tracker.crosscam.reassociation import BeyondLooks, People, reassociate, renamed
from tracker.crosscam.settings import MatcherConfig
from tracker.crosscam.sighting import Sighting
from tracker.errors import OmnitrackError
from tracker.store.auditing import Correction, audit
from tracker.store.identities import CONFIRMED, PROVISIONAL, merge, separate, survivor_of
from tracker.store.identity_events import link_columns
from tracker.store.models import Audit, Event, Identity, Link, Tracklet
from tracker.store.numbers import new_identity_id
from tracker.store.runs import micros
from tracker.store.sightings import HistoryPart, read_decisions, read_sightings

REASSOCIATE = "reassociate"


@dataclass(frozen=True, slots=True, eq=False)
class Reassociation:
    """sightings: what was judged. people: whose they would be. decisions: what users had said by latest_audit_id."""

    sightings: Sequence[Sighting]
    people: People
    decisions: Sequence[Constraint]
    latest_audit_id: int

    @property
    def before(self) -> tuple[Person, ...]:
        return tuple(sighting.identity_id for sighting in self.sightings)

    def differences(self) -> list[Difference]:
        return differences(self.before, self.people.ids, [sighting.seconds for sighting in self.sightings])


def judge_afresh(
    connection: Connection,
    part: HistoryPart,
    config: MatcherConfig,
    beyond_looks: BeyondLooks | None = None,
    cameras: Mapping[str, GroundCamera] | None = None,
) -> Reassociation:
    """Find the people in a part of the history, changing nothing. cameras: calibrations, by which it is known where
    people stood. Raises NotFoundError for an unknown run.
    """
    latest = connection.scalar(select(func.max(Audit.id))) or 0
    sightings = read_sightings(connection, part, cameras)
    decisions = read_decisions(connection, {sighting.number: sighting.camera_id for sighting in sightings})
    return Reassociation(sightings, reassociate(sightings, config, decisions, beyond_looks), decisions, latest)


def compared(found: Reassociation, other: Reassociation) -> Reassociation:
    """Another opinion about the same sightings, read through the same connection. What was found at first counts as the
    opinion before, so people keep the numbers that it gave them.
    """
    pairs = zip(other.sightings, found.people.ids, strict=True)
    sightings = [replace(sighting, identity_id=identity_id) for sighting, identity_id in pairs]
    return replace(other, sightings=sightings, people=renamed(other.people, sightings))


def apply(connection: Connection, found: Reassociation, confirm_seconds: float) -> Correction:
    """Make it so, in the connection's transaction. confirm_seconds: a new identity counts once it was seen for so long.

    Raises OmnitrackError when the history was corrected, or sightings changed hands, since it was judged.
    """
    stored = _require_unchanged(connection, found)
    numbers = _make_new_people(connection, found, confirm_seconds)
    redirected = _redirect_who_is_gone(connection, found, numbers)
    moved = []
    for sighting, new_id, evidence in zip(found.sightings, found.people.ids, found.people.evidence, strict=True):
        before, after = sighting.identity_id, numbers.get(new_id, new_id)
        if before == after or redirected.get(before) == after:
            continue
        connection.execute(update(Tracklet).where(Tracklet.id == sighting.number).values(identity_id=after))
        moved.append([sighting.number, stored[sighting.number], after])
        kind = IdentityEventKind.ASSIGNED if before is None else IdentityEventKind.REVISED
        _log(connection, kind, after, before, sighting.number, _numbered(evidence, numbers))
    details = {
        "moved": moved,
        "merged": [list(way) for way in redirected.items()],
        "made": sorted(numbers.values()),
    }
    return audit(connection, REASSOCIATE, details)


def take_back(connection: Connection, details: dict[str, Any]) -> None:
    """Undo it: sightings return to where they were, unless they moved on since or that person was erased. The numbers
    that it made stay valid: each leads to whom it had most of.
    """
    for gone, survivor in details["merged"]:
        if survivor_of(connection, gone) is not None:
            separate(connection, gone)
            for tracklet_id in _sightings_of(connection, gone):
                _log(connection, IdentityEventKind.REVISED, gone, survivor, tracklet_id)
    origins: dict[int, Counter[int]] = {}
    for tracklet_id, before, after in details["moved"]:
        if before is not None and survivor_of(connection, before) is None:
            continue
        there = (Tracklet.id == tracklet_id) & (Tracklet.identity_id == after)
        returned = connection.execute(update(Tracklet).where(there).values(identity_id=before)).rowcount
        if returned and before is not None:
            origins.setdefault(after, Counter())[before] += 1
            _log(connection, IdentityEventKind.REVISED, before, after, tracklet_id)
    for made in details["made"]:
        left = connection.scalar(select(Tracklet.id).where(Tracklet.identity_id == made).limit(1))
        if left is None and made in origins and survivor_of(connection, made) is not None:
            ((origin, _),) = origins[made].most_common(1)
            merge(connection, made, origin)


def _require_unchanged(connection: Connection, found: Reassociation) -> dict[int, int | None]:
    """Identity of every sighting that moves, as it is written in its row."""
    if (connection.scalar(select(func.max(Audit.id))) or 0) != found.latest_audit_id:
        raise OmnitrackError("the history was corrected meanwhile; run `main.py reassociate` again")
    stored: dict[int, int | None] = {}
    for sighting, new_id in zip(found.sightings, found.people.ids, strict=True):
        if sighting.identity_id == new_id:
            continue
        row = connection.execute(select(Tracklet.identity_id).where(Tracklet.id == sighting.number)).first()
        present = None if row is None or row.identity_id is None else survivor_of(connection, row.identity_id)
        if row is None or present != sighting.identity_id:
            raise OmnitrackError(
                f"tracklet {sighting.number} is somebody else's meanwhile; run `main.py reassociate` again"
            )
        stored[sighting.number] = row.identity_id
    return stored


def _make_new_people(connection: Connection, found: Reassociation, confirm_seconds: float) -> dict[int, int]:
    """Numbers of the identities that the database does not have yet."""
    seconds: dict[int, float] = {}
    for sighting, new_id in zip(found.sightings, found.people.ids, strict=True):
        if new_id < 0:
            seconds[new_id] = seconds.get(new_id, 0.0) + sighting.seconds
    numbers = {}
    for new_id in sorted(seconds, reverse=True):
        numbers[new_id] = number = new_identity_id(connection)
        state = CONFIRMED if seconds[new_id] >= confirm_seconds else PROVISIONAL
        connection.execute(insert(Identity).values(id=number, state=state, survivor_id=number))
    return numbers


def _redirect_who_is_gone(
    connection: Connection, found: Reassociation, numbers: dict[int, int]
) -> dict[int | None, int]:
    """Identities of which no sighting is left, here or elsewhere, become whom most of their time went to."""
    flows: dict[int, Counter[int]] = {}
    reasons: dict[tuple[int, int], LinkEvidence] = {}
    for sighting, new_id, evidence in zip(found.sightings, found.people.ids, found.people.evidence, strict=True):
        if sighting.identity_id is not None:
            way = sighting.identity_id, numbers.get(new_id, new_id)
            flows.setdefault(way[0], Counter())[way[1]] += round(sighting.seconds * 1e6) + 1
            reasons.setdefault(way, evidence)
    judged = {sighting.number for sighting in found.sightings}
    redirected: dict[int | None, int] = {}
    for gone, flow in sorted(flows.items()):
        if gone in flow or not judged.issuperset(_sightings_of(connection, gone)):
            continue
        survivor = max(flow, key=lambda number: (flow[number], -number))
        merge(connection, gone, survivor)
        _log(connection, IdentityEventKind.MERGED, survivor, gone, None, _numbered(reasons[gone, survivor], numbers))
        redirected[gone] = survivor
    return redirected


def _sightings_of(connection: Connection, identity_id: int) -> Sequence[int]:
    of_person = select(Tracklet.id).join(Identity, Identity.id == Tracklet.identity_id)
    return connection.scalars(of_person.where(Identity.survivor_id == identity_id).order_by(Tracklet.id)).all()


def _numbered(evidence: LinkEvidence, numbers: dict[int, int]) -> dict[str, object]:
    columns = link_columns(evidence)
    runner_up = evidence.runner_up_identity_id
    return columns | {"runner_up_identity_id": None if runner_up is None else numbers.get(runner_up, runner_up)}


def _log(
    connection: Connection,
    kind: IdentityEventKind,
    identity_id: int,
    previous_id: int | None,
    tracklet_id: int | None = None,
    evidence: dict[str, object] | None = None,
) -> None:
    values = {"kind": kind.value, "at_us": micros(datetime.now(UTC)), "identity_id": identity_id}
    row = insert(Event).values(**values, previous_identity_id=previous_id, tracklet_id=tracklet_id)
    event_id = connection.execute(row.returning(Event.id)).scalar_one()
    if evidence is not None:
        connection.execute(insert(Link).values(event_id=event_id, **evidence))
