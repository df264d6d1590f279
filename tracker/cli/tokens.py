"""`main.py token create | list | revoke`: who may ask over HTTP."""

from typing import Annotated

import typer

from tracker.cli.corrections import DryRun
from tracker.cli.identities import DEFAULT_DB, AsCsv, AsJson, Database
from tracker.cli.output import chosen_format, clock, print_found
from tracker.errors import OmnitrackError

app = typer.Typer(help="Give and take access to the HTTP API (`main.py serve`).", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Who will use it.")]


@app.command()
def create(
    name: Name,
    role: Annotated[str, typer.Option(help="viewer asks, operator also corrects, admin also erases.")] = "viewer",
    camera: Annotated[list[str] | None, typer.Option(help="See only this camera; repeat for more.")] = None,
    db: Database = DEFAULT_DB,
) -> None:
    """Make a token and print it. It is shown this once; the database keeps only its sha256."""
    from tracker.store.session import open_store
    from tracker.store.tokens import Role, create_token

    if role not in list(Role):
        raise OmnitrackError(f"--role {role}: is none of {', '.join(Role)}")
    with open_store(db, create=False) as store, store.write() as connection:
        secret = create_token(connection, name, Role(role), tuple(camera) if camera else None)
    typer.echo(secret)


@app.command("list")
def list_(db: Database = DEFAULT_DB, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """List the tokens that open something. Secrets cannot be shown again."""
    from tracker.store.session import open_store
    from tracker.store.tokens import tokens

    style = chosen_format(as_json=as_json, as_csv=as_csv)
    with open_store(db, create=False) as store, store.read() as connection:
        rows = tokens(connection)
    columns = {
        "Name": lambda row: row.name,
        "Role": lambda row: row.role.value,
        "Cameras": lambda row: "all" if row.cameras is None else ", ".join(row.cameras),
        "Created": lambda row: clock(row.created),
    }
    nothing = "no tokens: the API serves this machine only, without asking for one"
    print_found(style, "tokens", rows, columns, nothing)


@app.command()
def revoke(name: Name, db: Database = DEFAULT_DB, dry_run: DryRun = False) -> None:
    """Take a token back; it opens nothing from this moment on."""
    from tracker.store.session import open_store
    from tracker.store.tokens import revoke_token

    with open_store(db, create=False) as store, store.write(dry_run=dry_run) as connection:
        revoke_token(connection, name)
    typer.echo(f"token {name} {'would be' if dry_run else 'is'} revoked")
