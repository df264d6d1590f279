"""The command line: one module per command, imported lightly so that `--help` is quick."""

import os
import sys

import typer

from reid.errors import ReidError
from tracker.cli import (
    benchmark,
    calibrate,
    check,
    corrections,
    db,
    demo,
    detector,
    doctor,
    evaluate,
    events,
    explain,
    history,
    identities,
    init,
    presence,
    privacy,
    reassociate,
    reid,
    run,
    search,
    serve,
    tables,
    tokens,
    track,
    watchlist,
)
from tracker.errors import OmnitrackError

app = typer.Typer(
    help="Omnitrack: who was where, when. Multi-camera person tracking with global identities.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
PANELS = {
    "Track": (run.run, demo.demo, track.track, evaluate.evaluate),
    "Ask": (
        identities.identities,
        history.history,
        search.search,
        explain.explain,
        events.events,
        events.places,
        presence.who,
        presence.together,
        presence.transitions,
        presence.occupancy,
        presence.last_seen,
        tables.tables,
    ),
    "Correct": (corrections.merge, corrections.split, corrections.rename, corrections.undo, reassociate.reassociate),
    "Forget": (privacy.forget, privacy.retain, privacy.export),
    "Set up": (init.init, check.check, benchmark.benchmark, doctor.doctor),
}
for panel, commands in PANELS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(calibrate.app, name="calibrate", rich_help_panel="Set up")
app.add_typer(db.app, name="db", rich_help_panel="Set up")
app.command(rich_help_panel="Serve")(serve.serve)
app.add_typer(watchlist.app, name="watchlist", rich_help_panel="Ask")
app.add_typer(tokens.app, name="token", rich_help_panel="Serve")
app.add_typer(detector.app, name="detector", rich_help_panel="Set up")
app.add_typer(reid.app, name="reid", rich_help_panel="Set up")


def main() -> int:
    """Run the command in sys.argv. Exit codes: 0 done, 1 found nothing or a check failed, 2 bad input."""
    try:
        app()
    except (OmnitrackError, ReidError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader (head, less) went away; keep the interpreter from complaining while it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0
