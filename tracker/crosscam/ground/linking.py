"""The matcher of cameras some of which are followed on the ground: what it says of a person there is said of every
camera's track of that person.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Self

import numpy as np

from tracker.core.types import IdentityEvent, IdentityEventKind, LinkEvidence, TrackletKey, TrackState, TrackUpdate
from tracker.crosscam.constraints import Constraint, ConstraintKind, Party, Withdrawal
from tracker.crosscam.decisions import MUST_LINK, WITHDRAWN, pack_constraint, unpack_constraint
from tracker.crosscam.ground.members import Member, Members
from tracker.crosscam.ground.site import NO_BOX, SITE, GroundSite
from tracker.crosscam.matcher import CrossCameraMatcher
from tracker.crosscam.presence import Presence
from tracker.crosscam.state import State

REMEMBERED_MERGES = 10_000


class SiteMatcher:
    """Implements tracker.ports.Matcher over a CrossCameraMatcher, for which the site is one camera.

    To be asked after each step of the site. answer_seconds: as in MatcherConfig. What people say of one camera's track
    holds for the person on the ground; if they say it of some of the person's tracks and not of others, these leave
    the person: then the ground has joined two people.
    """

    def __init__(self, matcher: CrossCameraMatcher, site: GroundSite, answer_seconds: float) -> None:
        self._matcher = matcher
        self._site = site
        self._keep_seconds = answer_seconds
        self._next_review_seconds = -np.inf
        self._members = Members(answer_seconds)
        self._reasons: dict[TrackletKey, LinkEvidence | None] = {}
        self._left: dict[TrackletKey, int | None] = {}
        self._said: dict[Constraint, Constraint] = {}
        self._returned: list[TrackletKey] = []
        self._became: dict[TrackletKey, TrackletKey] = {}

    def update(self, t_seconds: float, updates: Sequence[TrackUpdate]) -> list[IdentityEvent]:
        """As CrossCameraMatcher.update(); updates: of all cameras, those of the site's latest step among them."""
        step = self._site.latest
        events = [event for kept, gone in step.joined for event in self._join(t_seconds, kept, gone)]
        for forgotten in self._members.note(step.members, SITE, updates):
            self._left.pop(forgotten, None)
        ended = [TrackUpdate(*key, t_seconds, TrackState.ENDED, NO_BOX, 0.0) for key in self._returned]
        self._returned = []
        others = [u for u in updates if u.key in self._left or u.key not in self._members]
        said = self._matcher.update(t_seconds, [*step.reports, *ended, *others])
        return [*events, *self._passed_on(t_seconds, said)]

    def finish(self, t_seconds: float) -> list[IdentityEvent]:
        """As CrossCameraMatcher.finish()."""
        return self._passed_on(t_seconds, self._matcher.finish(t_seconds))

    def constrain(self, t_seconds: float, decisions: Iterable[Constraint | Withdrawal]) -> list[IdentityEvent]:
        """As CrossCameraMatcher.constrain()."""
        said = list(decisions)
        self._review(t_seconds)
        events = self._leave(t_seconds, [one for one in said if isinstance(one, Constraint)])
        translated: list[Constraint | Withdrawal] = []
        back: list[TrackletKey] = []
        for one in said:
            if isinstance(one, Constraint):
                self._said[one] = Constraint(one.kind, self._party(one.one), self._party(one.other))
                translated.append(self._said[one])
            else:
                back += self._come_back(one)
                decided = tuple(self._said.pop(decision, decision) for decision in one.decisions)
                whose = {self._member_or_person(key): identity_id for key, identity_id in reversed(one.whose)}
                translated.append(Withdrawal(decided, tuple(whose.items()), one.merged))
        events += self._passed_on(t_seconds, self._matcher.constrain(t_seconds, translated))
        evidence = LinkEvidence(rule=WITHDRAWN, score=0.0)
        for member in filter(None, map(self._members.get, back)):
            identity_id = self._matcher.identity_of(member.person)
            if identity_id is not None:
                events += self._tell(t_seconds, member, identity_id, evidence)
        return events

    def identity_of(self, key: TrackletKey) -> int | None:
        """The identity that a track, of a camera or on the ground, has now."""
        return self.identity_at(key, np.inf)

    def identity_at(self, key: TrackletKey, t_seconds: float) -> int | None:
        """As CrossCameraMatcher.identity_at()."""
        if key in self._left:
            own, given = self._matcher.identity_at(key, t_seconds), self._left[key]
            return own if own is not None or given is None else self._matcher.present(given)
        return self._matcher.identity_at(self._member_or_person(key), t_seconds)

    @classmethod
    def restored(cls, matcher: CrossCameraMatcher, site: GroundSite, answer_seconds: float, state: State) -> Self:
        """Goes on where another one was when it gave its state(). matcher, site: restored, too."""
        made = cls(matcher, site, answer_seconds)
        made._members.restore(state["members"])
        made._next_review_seconds = state["next_review_seconds"]
        made._left = {(camera, number): given for camera, number, given in state["left"]}
        made._became = {(SITE, gone): (SITE, kept) for gone, kept in state["became"]}
        made._reasons = {(SITE, number): evidence and LinkEvidence(**evidence) for number, evidence in state["reasons"]}
        made._said = {unpack_constraint(said): unpack_constraint(translated) for said, translated in state["said"]}
        made._returned = [(camera, number) for camera, number in state["returned"]]
        return made

    def state(self) -> dict[str, Any]:
        """Plain data for restored(). That of matcher and site is theirs."""
        left = [[*key, given] for key, given in self._left.items()]
        became = [[gone, kept] for (_, gone), (_, kept) in self._became.items()]
        return {
            "members": self._members.state(),
            "next_review_seconds": self._next_review_seconds,
            "left": left,
            "became": became,
            "reasons": [[number, evidence and asdict(evidence)] for (_, number), evidence in self._reasons.items()],
            "said": [[pack_constraint(said), pack_constraint(one)] for said, one in self._said.items()],
            "returned": [list(key) for key in self._returned],
        }

    def _review(self, t_seconds: float) -> None:
        """Now and then, let go of what was said about people of whom the matcher knows nothing any more."""
        if t_seconds < self._next_review_seconds:
            return
        self._next_review_seconds = t_seconds + self._keep_seconds
        counts = self._matcher.still_counts()
        self._said = {said: translated for said, translated in self._said.items() if translated in counts}
        known = (key for key in self._left if key in self._members or self._matcher.identity_of(key) is not None)
        self._left = {key: self._left[key] for key in known}

    def _member_or_person(self, key: TrackletKey) -> TrackletKey:
        member = self._members.get(key)
        if member is not None:
            return key if key in self._left else member.person
        while key in self._became:
            key = self._became[key]
        return key

    def _party(self, party: Party) -> Party:
        return self._member_or_person(party) if isinstance(party, tuple) else party

    def _join(self, t_seconds: float, kept: TrackletKey, gone: TrackletKey) -> list[IdentityEvent]:
        """Two tracks on the ground were one person, unless their identities have to be two. A camera's track of `gone`
        that was seen beside one of `kept` is somebody else, or a second box: it stays what it was, and is no part of
        the person. Where it would go on as the person's only one, nothing joins.
        """
        same = self._matcher.identity_of(kept)
        if same is None or same != self._matcher.identity_of(gone):
            beside = self._beside(kept, gone)
            if any(self._goes_on(member, kept) for member in beside):
                return []
        else:
            beside = []  # by people's word
        self._left |= {member.key: member.told for member in beside}
        rest = Presence()
        for member in beside:
            if member.told is not None:
                rest.absorb(member.presence)
        events = self._passed_on(t_seconds, self._matcher.join_tracks(t_seconds, kept, gone, rest))
        one, other = self._matcher.identity_of(gone), self._matcher.identity_of(kept)
        if one is None or other is None or one == other:
            self._members.move(gone, kept)
            self._became[gone] = kept
            if len(self._became) > REMEMBERED_MERGES:
                del self._became[next(iter(self._became))]
        else:
            for member in beside:
                del self._left[member.key]
        return events

    def _beside(self, kept: TrackletKey, gone: TrackletKey) -> list[Member]:
        """The cameras' tracks of `gone` that a camera saw at one instant with a track of `kept`."""
        family = [member for member in self._members.of(kept) if member.key not in self._left]
        return [
            mine
            for mine in self._members.of(gone)
            if mine.key not in self._left
            and any(mine.key[0] == other.key[0] and mine.presence.meets(other.presence) for other in family)
        ]

    def _goes_on(self, member: Member, kept: TrackletKey) -> bool:
        """Whether a camera goes on with this track as `kept`, of which it has no open one."""
        camera = member.key[0]
        return not member.ended and all(one.ended or one.key[0] != camera for one in self._members.of(kept))

    def _passed_on(self, t_seconds: float, said: Iterable[IdentityEvent]) -> list[IdentityEvent]:
        """What is said of a person on the ground, said of the cameras' tracks, also of those that joined since."""
        events: list[IdentityEvent] = []
        for event in said:
            if event.tracklet is None or event.tracklet[0] != SITE:
                events.append(event)
                continue
            for member in self._members.of(event.tracklet):
                if member.told is not None:
                    events += self._tell(t_seconds, member, event.identity_id, event.evidence)
            if event.kind is IdentityEventKind.ASSIGNED:
                self._reasons[event.tracklet] = event.evidence
        for member in self._members.untold():
            identity_id = None if member.key in self._left else self._matcher.identity_of(member.person)
            if identity_id is not None:
                evidence = self._reasons.pop(member.person, None) or member.evidence()
                events += self._tell(t_seconds, member, identity_id, evidence)
        return events

    def _tell(
        self, t_seconds: float, member: Member, identity_id: int, evidence: LinkEvidence | None
    ) -> list[IdentityEvent]:
        """A track is this person; nothing is said of one that was told so already. People on the ground are never split
        in time, so all of the track is meant.
        """
        before = None if member.told is None else self._matcher.present(member.told)
        if member.key in self._left or before == identity_id:
            return []
        self._members.tell(member, identity_id)
        kind = IdentityEventKind.ASSIGNED if before is None else IdentityEventKind.REVISED
        return [IdentityEvent(kind, t_seconds, identity_id, member.key, before, evidence)]

    def _leave(self, t_seconds: float, said: Sequence[Constraint]) -> list[IdentityEvent]:
        """Tracks that people give to somebody else, or keep apart from others of their person, are no part of it,
        unless they say so of all its tracks.
        """
        about = {party: partner for one in said for party, partner in self._taken_out(one)}
        events: list[IdentityEvent] = []
        for key, given in about.items():
            member = self._members.get(key)
            family = () if member is None else self._members.of(member.person)
            if member is None or all(one.key in about or one.key in self._left for one in family):
                continue
            if given is not None:
                events += self._tell(t_seconds, member, given, LinkEvidence(rule=MUST_LINK, score=0.0))
            self._left[key] = given
        return events

    def _taken_out(self, said: Constraint) -> Iterator[tuple[TrackletKey, int | None]]:
        """Which tracks a decision takes out of their persons, and whom it gives them to, if it names anybody."""
        for party, partner in ((said.one, said.other), (said.other, said.one)):
            if not isinstance(party, tuple) or party not in self._members or party in self._left:
                continue
            if said.kind is ConstraintKind.MUST_LINK:
                if isinstance(partner, int):
                    yield party, partner
            elif self._party(partner) in (self._party(party), self.identity_of(party)):
                yield party, None
                return  # the other one may stay

    def _come_back(self, said: Withdrawal) -> list[TrackletKey]:
        """Tracks that had left by this decision belong to their person again."""
        parties = {party for decision in said.decisions for party in (decision.one, decision.other)}
        back = [key for key in self._left if key in parties]
        for key in back:
            del self._left[key]
        self._returned += back
        return back
