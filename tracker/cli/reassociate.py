"""`main.py reassociate`: the people of a recorded history, judged afresh without video or networks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.identities import DEFAULT_DB, AsJson, Database, Since, Until
from tracker.cli.output import duration, print_json, print_table
from tracker.errors import OmnitrackError
from tracker.times import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from tracker.config import Config
    from tracker.crosscam.differences import Difference, Person
    from tracker.store.reassociating import Reassociation
    from tracker.store.session import Store
    from tracker.store.sightings import HistoryPart

MOST_ROWS = 40


def reassociate(
    db: Database = DEFAULT_DB,
    run: Annotated[int | None, typer.Option(help="Only this run.")] = None,
    since: Since = None,
    until: Until = None,
    config: Annotated[
        Path | None, typer.Option(help="YAML configuration: its matcher, topology and ground.calibration count.")
    ] = None,
    topology: Annotated[
        Path | None, typer.Option(help="YAML of walking times between cameras, in place of those of --config")
    ] = None,
    calibration: Annotated[
        list[Path] | None,
        typer.Option(help="Where people stood counts, too: files as for `run --calibration`, in place of --config's"),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Change the history; `undo` takes it back.")] = False,
    compare: Annotated[
        Path | None,
        typer.Option(
            help="Another configuration: what it would find instead, by its own matcher, topology, ground.calibration "
            "and moving cameras; --config, --topology and --calibration do not count for it. Changes nothing."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the people of the recorded history afresh, and show what would change. What users said holds."""
    from tracker.cli.run import with_calibration, with_topology
    from tracker.config import Config, load_config
    from tracker.store.reassociating import apply as make_it_so
    from tracker.store.reassociating import compared
    from tracker.store.session import open_store
    from tracker.store.sightings import HistoryPart

    if apply and compare:
        raise OmnitrackError("--apply and --compare exclude each other; apply with the --config that you prefer")
    part = HistoryPart(run, moment(since), moment(until))
    settings = with_topology(load_config(config) if config else Config(), topology, learn=False)
    settings = with_calibration(settings, calibration)
    otherwise = load_config(compare) if compare else None
    with open_store(db, create=False) as store:
        with store.read() as connection:
            found = _judge(connection, part, settings, "name the files with --calibration")
            if compare is not None and otherwise is not None:
                other = _judge(connection, part, otherwise, f"name the files as ground.calibration in {compare}")
                _print_comparison(found, compared(found, other), compare, as_json)
                return
        if apply:
            with store.write() as connection:
                make_it_so(connection, found, settings.matcher.confirm_seconds)
    _print_changes(found, apply, as_json)


def judge(store: "Store", part: "HistoryPart", settings: "Config") -> "Reassociation":
    """What a part of the history looks like by these settings."""
    with store.read() as connection:
        return _judge(connection, part, settings, "name the files as ground.calibration in the configuration")


def _judge(connection: "Connection", part: "HistoryPart", settings: "Config", advice: str) -> "Reassociation":
    """advice: how to give the settings the calibration that they lack."""
    from tracker.bootstrap import beyond_looks_of
    from tracker.site.ground import calibrated
    from tracker.store.reassociating import judge_afresh

    names = _cameras(connection)
    moving = {camera.name for camera in settings.cameras if camera.moving}
    cameras = {name: one for name, one in calibrated(settings.ground, names).items() if name not in moving}
    beyond_looks = beyond_looks_of(settings, names, _notify)
    found = judge_afresh(connection, part, settings.matcher, beyond_looks, cameras)
    joined = sum(bool(sighting.ground_partners) for sighting in found.sightings)
    if joined and not cameras:
        _notify(
            f"{joined} of these sightings were followed on the ground and stay with whom they were followed; {advice}, "
            "and where everybody stood counts, too"
        )
    return found


def _cameras(connection: "Connection") -> list[str]:
    """All that the database knows, whether they saw somebody in the part judged or not."""
    from tracker.store.catalogue import cameras

    return [camera.name for camera in cameras(connection)]


def _notify(line: str) -> None:
    typer.echo(line, err=True)


def _print_changes(found: "Reassociation", applied: bool, as_json: bool) -> None:
    from tracker.crosscam.differences import people_in

    before, after, changes = people_in(found.before), people_in(found.people.ids), found.differences()
    if as_json:
        print_json({"people_before": before, "people_after": after, "changes": changes, "applied": applied})
        return
    verb = "are" if applied else "would be"
    typer.echo(f"{len(found.sightings)} sightings of {before} people {verb} sightings of {after} people")
    _print_table(changes)
    if changes and not applied:
        typer.echo("nothing is changed yet; --apply does it", err=True)


def _print_comparison(found: "Reassociation", other: "Reassociation", name: Path, as_json: bool) -> None:
    from tracker.crosscam.differences import agreement, people_in

    opinions: dict[str, Sequence[Person]] = {
        "stored": found.before,
        "configured": found.people.ids,
        str(name): other.people.ids,
    }
    people = {opinion: people_in(ids) for opinion, ids in opinions.items()}
    pairs = (("stored", "configured"), ("stored", str(name)), ("configured", str(name)))
    agreements = [(one, two, agreement(opinions[one], opinions[two])) for one, two in pairs]
    if as_json:
        rows = [{"one": one, "other": two, "agreement": value} for one, two, value in agreements]
        print_json({"people": people, "agreements": rows, "changes": other.differences()})
        return
    print_table("people", tuple(people), [tuple(people.values())])
    title = "pairs of sightings that both take for one person"
    print_table(title, ("", "", "Share"), [(one, two, f"{value:.1%}") for one, two, value in agreements])
    typer.echo(f"from what is configured to {name}:")
    _print_table(other.differences())


def _print_table(changes: "Sequence[Difference]") -> None:
    if not changes:
        typer.echo("no difference")
        return
    rows = [(c.kind, _who(c.before), _who(c.after), c.sightings, duration(c.seconds)) for c in changes[:MOST_ROWS]]
    more = f", the longest {MOST_ROWS}" if len(changes) > MOST_ROWS else ""
    print_table(f"{len(changes)} changes{more}", ("What", "From", "To", "Sightings", "In view"), rows)


def _who(person: "Person") -> str:
    if person is None:
        return "nobody"
    return f"new {-person}" if person < 0 else str(person)
