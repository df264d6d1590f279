"""`main.py explain TRACKLET|ID`: why is this that person?"""

from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.identities import DEFAULT_DB, AsJson, Database
from tracker.cli.output import clock, print_json, print_table

if TYPE_CHECKING:
    from tracker.store.explanation import ExplainedLink, Explanation, SaidByPeople

LINK_COLUMNS = (
    "Decided",
    "What",
    "Camera",
    "Tracklet",
    "By",
    "Rule",
    "Score",
    "Cosine",
    "Parts",
    "Runner-up",
    "Vetoed",
)


def explain(
    number: Annotated[
        int, typer.Argument(metavar="TRACKLET|ID", help="A sighting's number, as `history` shows it, or an identity.")
    ],
    db: Database = DEFAULT_DB,
    as_json: AsJson = False,
) -> None:
    """Show why a sighting, or all sightings of an identity, were taken for that person: evidence, runner-up, vetoes."""
    from tracker.store.explanation import explain as explained
    from tracker.store.session import open_store

    with open_store(db, create=False) as store, store.read() as connection:
        found = explained(connection, number)
    if as_json:
        print_json(found)
        return
    print_table(_title(found), LINK_COLUMNS, (_cells(link) for link in found.links))
    if found.corrections:
        columns = ("Said", "By", "Correction", "Stands")
        print_table("what people said", columns, (_said(correction) for correction in found.corrections))
    if found.constraints:
        rows = ((c.tracklet_id, _MEANING.get(c.kind, c.kind), c.other_tracklet_id) for c in found.constraints)
        print_table("what that means for the matcher", ("Tracklet", "", "Tracklet"), rows)


_MEANING = {"must-link": "is the same person as", "cannot-link": "is never the same person as"}


def _title(found: "Explanation") -> str:
    person = "nobody" if found.identity_id is None else f"identity {found.identity_id}"
    person += f" ({found.name})" if found.name else ""
    return person if found.tracklet_id is None else f"tracklet {found.tracklet_id} is {person}"


def _cells(link: "ExplainedLink") -> tuple[object, ...]:
    by = f"run {link.run_id}" if link.run_id is not None else "re-association" if link.rule else "a person"
    runner_up = (
        None if link.runner_up_identity_id is None else f"{link.runner_up_identity_id}: {link.runner_up_score:.2f}"
    )
    return (
        clock(link.at),
        _what(link),
        link.camera,
        link.tracklet_id,
        by,
        link.rule,
        _number(link.score),
        _number(link.cosine),
        ", ".join(f"{name} {value:.2f}" for name, value in link.parts.items()),
        runner_up,
        link.vetoed_identity_id,
    )


def _what(link: "ExplainedLink") -> str:
    match link.kind:
        case "merged":
            return f"{link.previous_identity_id} is {link.identity_id}"
        case "revised":
            return f"{link.previous_identity_id} -> {link.identity_id}"
        case "assigned":
            return f"is {link.identity_id}"
        case kind:
            return f"{kind}: is {link.identity_id}"


def _said(correction: "SaidByPeople") -> tuple[object, ...]:
    about = f"{correction.action} {correction.identity_id}"
    if correction.other_identity_id is not None:
        about += f" and {correction.other_identity_id}"
    return (clock(correction.at), correction.actor, about, "no, undone" if correction.undone else "yes")


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"
