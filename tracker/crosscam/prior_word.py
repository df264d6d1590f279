"""What is known of a recorded history before any look: by people's word, by what one camera saw at one instant, and by
whom the run followed on the ground.
"""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from tracker.crosscam.calibration import LIMIT
from tracker.crosscam.constraints import Constraint, ConstraintKind, Constraints, Veto
from tracker.crosscam.presence import Presence
from tracker.crosscam.rulings import rule
from tracker.crosscam.sighting import Sighting
from tracker.crosscam.standing import pair_log_odds


class Word:
    """What is known of people before any look: groups of sightings that are one person, and which groups are two. What
    users said outranks what one camera saw at one instant, and this outranks the ground.
    """

    def __init__(self, sightings: Sequence[Sighting], decisions: Iterable[Constraint]) -> None:
        users, on_ground = Constraints(decisions), _joined_on_ground(sightings)
        constraints = Constraints([*on_ground, *_seen_at_once(sightings), *users])
        rows = [
            row for row, s in enumerate(sightings) if s.party in constraints or (s.sure and s.identity_id is not None)
        ]
        node_of = {sightings[row].party: node for node, row in enumerate(rows)}
        sure = [sightings[row].identity_id if sightings[row].sure else None for row in rows]
        start = np.array([-1 if identity_id is None else identity_id for identity_id in sure], np.int64)
        ruling = rule(
            list(constraints), start, lambda party: [node_of[party]] if party in node_of else [], lambda _: []
        )
        label = np.where(ruling.start >= 0, ruling.start, len(rows) + np.arange(len(rows)))
        linked = [rows[node] for node in ruling.linked]
        self.linked = frozenset(row for row in linked if users.is_linked(sightings[row].party))
        """Sightings that users linked to others."""
        row_of = {s.party: row for row, s in enumerate(sightings)}
        self.followed = {row_of[later.other]: row_of[later.one] for later in on_ground}
        """Sightings that were followed on the ground together with an earlier one, and which that is."""
        self.group_of = {row: int(label[node]) for node, row in enumerate(rows)}
        self._apart = {(int(label[a]), int(label[b])) for a, b in ruling.apart}
        nodes = [(node_of.get(said.one), node_of.get(said.other)) for said in users]
        said = [(int(label[a]), int(label[b])) for a, b in nodes if a is not None and b is not None]
        self._parted = self._apart.intersection([*said, *(pair[::-1] for pair in said)])
        """Those that users parted; the others were seen at once."""
        self._identity = {
            int(label[node]): identity_id for node, identity_id in enumerate(sure) if identity_id is not None
        }

    def veto(self, these: Iterable[int], those: Iterable[int]) -> Veto | None:
        """Why two people with these groups cannot be one; None: they can."""
        pairs = [(a, b) for a in these for b in those]
        if any(pair in self._parted or self._are_two(*pair) for pair in pairs):
            return Veto.BY_PEOPLE
        return Veto.SAME_INSTANT if any(pair in self._apart for pair in pairs) else None

    def _are_two(self, a: int, b: int) -> bool:
        return a in self._identity and b in self._identity and self._identity[a] != self._identity[b]


def _joined_on_ground(sightings: Sequence[Sighting]) -> list[Constraint]:
    """Who was followed on the ground as one person with whom, the earlier one first, unless their places speak against
    it as strongly as anything can.
    """
    of_number = {sighting.number: sighting for sighting in sightings}
    pairs = [
        (one, of_number[number])
        for one in sorted(sightings, key=lambda sighting: sighting.order)
        for number in one.ground_partners
        if number in of_number
    ]
    return [
        Constraint(ConstraintKind.MUST_LINK, one.party, other.party)
        for one, other in pairs
        if one.order < other.order and pair_log_odds(one.places, other.places) > -LIMIT
    ]


def _seen_at_once(sightings: Sequence[Sighting]) -> list[Constraint]:
    """Whom the ground took for one person, with whomever else, although one camera saw both at one instant."""
    followed = [sighting for sighting in sightings if sighting.ground_partners]
    person = _people_on_ground(followed)
    of_place: dict[tuple[str, int], list[Sighting]] = {}
    for sighting in sorted(followed, key=lambda sighting: sighting.order):
        of_place.setdefault((sighting.camera_id, person[sighting.number]), []).append(sighting)
    return [
        Constraint(ConstraintKind.CANNOT_LINK, one.party, other.party)
        for together in of_place.values()
        for one, other in itertools.combinations(together, 2)
        if Presence.of(one.runs).meets(Presence.of(other.runs))
    ]


def _people_on_ground(followed: Sequence[Sighting]) -> dict[int, int]:
    """A number for each person by the numbers of the sightings that a chain of partners joins."""
    from scipy.sparse import coo_array  # takes a third of a second to import: a run begins without it
    from scipy.sparse.csgraph import connected_components

    row = {sighting.number: index for index, sighting in enumerate(followed)}
    pairs = [(row[s.number], row[partner]) for s in followed for partner in s.ground_partners if partner in row]
    one, other = np.array(pairs, np.int64).reshape(-1, 2).T
    links = coo_array((np.ones(len(pairs), bool), (one, other)), (len(followed), len(followed)))
    _, labels = connected_components(links, directed=False)
    return dict(zip(row, labels.tolist(), strict=True))
