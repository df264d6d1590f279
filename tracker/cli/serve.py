"""`main.py serve`: the history over HTTP."""

import ipaddress
from typing import Annotated

import typer

from tracker.cli.identities import DEFAULT_DB, Database
from tracker.cli.reassociate import judge
from tracker.cli.search import ConfigFile, describer, settings
from tracker.errors import OmnitrackError


def serve(
    db: Database = DEFAULT_DB,
    host: Annotated[str, typer.Option(help="Address to listen on; others than this machine's need a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    config: ConfigFile = None,
    rate: Annotated[float, typer.Option(min=0.1, help="Requests per second and token, with bursts of 5 s.")] = 20.0,
) -> None:
    """Answer questions and take corrections over HTTP, until Ctrl-C. The description is at /api/v1/openapi.json."""
    from tracker.store.session import open_store
    from tracker.store.tokens import tokens_exist
    from tracker.web.app import create_app
    from tracker.web.judging import Judging
    from tracker.web.limits import RateLimit
    from tracker.web.server import listen, run

    public, configured = not is_loopback(host), settings(config)
    with open_store(db, create=False) as store:
        with store.read() as connection:
            if public and not tokens_exist(connection):
                raise OmnitrackError(
                    f"--host {host}: others could read everything; make a token first (`main.py token create NAME`), "
                    "or serve this machine only"
                )
        app = create_app(
            store,
            always_ask=public,
            limit=RateLimit(rate, max(int(5 * rate), 1)),
            build_describer=lambda: describer(configured),
            judging=Judging(lambda history, part: judge(history, part, configured), configured.matcher.confirm_seconds),
        )
        with listen(host, port) as socket:
            address, number = socket.getsockname()[:2]
            shown = f"[{address}]" if ":" in address else address
            typer.echo(f"http://{shown}:{number}/api/v1 answers until Ctrl-C", err=True)
            run(app, socket)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
