"""Why is this sighting that person? The links with their evidence, what people said, and what that forbids."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import JSON, Connection, RowMapping, Select, or_, select, type_coerce

from tracker.core.types import IdentityEventKind
from tracker.crosscam.constraints import Veto
from tracker.errors import NotFoundError
from tracker.store.identities import known_survivor
from tracker.store.models import Audit, Camera, Constraint, Event, Identity, Link, Tracklet
from tracker.store.runs import utc

VETOES = frozenset(Veto)


@dataclass(frozen=True, slots=True)
class ExplainedLink:
    """One decision. kind: of the event, or overruled where a person's word stood against it. run_id: the run that
    decided it; None for a person or a re-association.

    rule, score, cosine, runner_up_*, parts: as in LinkEvidence, None or empty for decisions without evidence.
    vetoed_identity_id: who was likelier, and impossible: the rule is the veto.
    """

    event_id: int
    at: datetime
    kind: str
    run_id: int | None
    tracklet_id: int | None
    camera: str | None
    identity_id: int
    previous_identity_id: int | None
    rule: str | None
    score: float | None
    cosine: float | None
    runner_up_identity_id: int | None
    runner_up_score: float | None
    vetoed_identity_id: int | None
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SaidByPeople:
    """A correction about one of the identities concerned. undone: it does not stand any more."""

    audit_id: int
    at: datetime
    actor: str
    action: str
    identity_id: int
    other_identity_id: int | None
    undone: bool


@dataclass(frozen=True, slots=True)
class StandingConstraint:
    """kind: must-link or cannot-link, between a tracklet concerned and another."""

    kind: str
    tracklet_id: int
    other_tracklet_id: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """tracklet_id: whose links these are; None: all of the identity. identity_id: the person as of today, None for a
    tracklet that was never linked. links: in the order in which they were decided.
    """

    tracklet_id: int | None
    identity_id: int | None
    name: str | None
    links: tuple[ExplainedLink, ...]
    corrections: tuple[SaidByPeople, ...]
    constraints: tuple[StandingConstraint, ...]


def explain(connection: Connection, number: int) -> Explanation:
    """Why a tracklet (a sighting's number, as `history` shows it) or an identity is what it is.

    The links of a tracklet include the merges that lead from its identity to the present one. Raises NotFoundError
    for a number that is neither.
    """
    tracklet = connection.execute(select(Tracklet.identity_id).where(Tracklet.id == number)).first()
    if tracklet is not None:
        return _explain_tracklet(connection, number, tracklet.identity_id)
    if connection.scalar(select(Identity.id).where(Identity.id == number)) is None:
        raise NotFoundError(
            f"{number} is neither an identity nor a tracklet; `main.py identities` lists the ones, "
            "`main.py history ID` the others"
        )
    person = known_survivor(connection, number)
    family = connection.scalars(select(Identity.id).where(Identity.survivor_id == person)).all()
    sightings = connection.scalars(select(Tracklet.id).where(Tracklet.identity_id.in_(family))).all()
    concerned = or_(
        Event.tracklet_id.in_(select(Tracklet.id).where(Tracklet.identity_id.in_(family))),
        Event.identity_id.in_(family),
        Event.previous_identity_id.in_(family),
    )
    return Explanation(
        None,
        person,
        _name(connection, person),
        _links(connection, _events().where(concerned)),
        _said(connection, family),
        _constraints(connection, sightings),
    )


def _explain_tracklet(connection: Connection, tracklet_id: int, identity_id: int | None) -> Explanation:
    merged = _merges_from(connection, identity_id)
    person = merged[-1] if merged else None
    is_merge = (Event.kind == IdentityEventKind.MERGED) & Event.previous_identity_id.in_(merged[:-1])
    return Explanation(
        tracklet_id,
        person,
        None if person is None else _name(connection, person),
        _links(connection, _events().where((Event.tracklet_id == tracklet_id) | is_merge)),
        _said(connection, merged),
        _constraints(connection, [tracklet_id]),
    )


def _merges_from(connection: Connection, identity_id: int | None) -> list[int]:
    """The identity, whom it was merged into, and so on to the present one."""
    path: list[int] = []
    while identity_id is not None:
        path.append(identity_id)
        identity_id = connection.scalar(select(Identity.merged_into_id).where(Identity.id == identity_id))
    return path


def _name(connection: Connection, identity_id: int) -> str | None:
    return connection.scalar(select(Identity.name).where(Identity.id == identity_id))


def _events() -> Select[*tuple[object, ...]]:
    """Events that link somebody (not those that only confirm), with their evidence."""
    columns = (Event.id, Event.at_us, Event.kind, Event.run_id, Event.tracklet_id, Event.identity_id)
    evidence = (Link.rule, Link.score, Link.cosine, Link.runner_up_identity_id, Link.runner_up_score)
    return (
        select(*columns, Event.previous_identity_id, Camera.name, *evidence, type_coerce(Link.parts, JSON))
        .outerjoin(Link, Link.event_id == Event.id)
        .outerjoin(Tracklet, Tracklet.id == Event.tracklet_id)
        .outerjoin(Camera, Camera.id == Tracklet.camera_id)
        .where(Event.kind != IdentityEventKind.CONFIRMED)
        .order_by(Event.id)
    )


def _links(connection: Connection, query: Select[*tuple[object, ...]]) -> tuple[ExplainedLink, ...]:
    return tuple(_link(row) for row in connection.execute(query).mappings())


def _link(row: RowMapping) -> ExplainedLink:
    return ExplainedLink(
        event_id=row["id"],
        at=utc(row["at_us"]),
        kind=row["kind"],
        run_id=row["run_id"],
        tracklet_id=row["tracklet_id"],
        camera=row["name"],
        identity_id=row["identity_id"],
        previous_identity_id=row["previous_identity_id"],
        rule=row["rule"],
        score=row["score"],
        cosine=row["cosine"],
        runner_up_identity_id=row["runner_up_identity_id"],
        runner_up_score=row["runner_up_score"],
        vetoed_identity_id=row["runner_up_identity_id"] if row["rule"] in VETOES else None,
        parts=row["parts"] or {},
    )


def _said(connection: Connection, identities: Collection[int]) -> tuple[SaidByPeople, ...]:
    """Few enough to be read all: people write them one by one."""
    columns = (Audit.id, Audit.at_us, Audit.actor, Audit.action, Audit.details, Audit.undone_us)
    found = []
    for row in connection.execute(select(*columns).order_by(Audit.id)):
        about, other = row.details.get("identity"), row.details.get("other")
        if about is not None and not {about, other}.isdisjoint(identities):
            said = (row.id, utc(row.at_us), row.actor, row.action, about, other, row.undone_us is not None)
            found.append(SaidByPeople(*said))
    return tuple(found)


def _constraints(connection: Connection, tracklets: Collection[int]) -> tuple[StandingConstraint, ...]:
    found = []
    for row in connection.execute(select(Constraint).order_by(Constraint.id)):
        pair = (row.tracklet_a_id, row.tracklet_b_id)
        for one, other in (pair, pair[::-1]):
            if one in tracklets:
                found.append(StandingConstraint(row.kind, one, other))
                break
    return tuple(found)
