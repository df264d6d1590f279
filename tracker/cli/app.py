"""The command line: one module per command, imported lightly so that `--help` is quick."""

import os
import sys

import typer

from reid.errors import ReidError
from tracker.cli import check, demo, doctor, evaluate, history, identities, reid, run, track
from tracker.errors import OmnitrackError

app = typer.Typer(
    help="Omnitrack: who was where, when. Multi-camera person tracking with global identities.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    run.run,
    demo.demo,
    identities.identities,
    history.history,
    evaluate.evaluate,
    track.track,
    check.check,
    doctor.doctor,
):
    app.command()(command)
app.add_typer(reid.app, name="reid")


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
