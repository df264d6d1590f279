"""The real server: a process, a port, a signal."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from urllib.parse import quote, urlsplit

from typer.testing import CliRunner

from tests.store.walk import Stay, record
from tests.web.conftest import Api
from tests.web.server import ROOT, Server, serving
from tracker.cli.app import app as command_line
from tracker.cli.serve import is_loopback
from tracker.store.corrections import rename_identity
from tracker.store.session import Store
from tracker.store.tokens import Role, create_token, revoke_token
from tracker.web.app import API


class Listener:
    """One open stream of events."""

    def __init__(self, server: Server, secret: str | None, last: int | None = None) -> None:
        address = urlsplit(server.url)
        self.connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=120)
        headers = {"Accept": "text/event-stream"}
        headers |= {"Authorization": f"Bearer {secret}"} if secret else {}
        headers |= {} if last is None else {"Last-Event-ID": str(last)}
        self.connection.request("GET", f"{API}/events", headers=headers)
        self.response = self.connection.getresponse()

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self.response.close()
        self.connection.close()

    def __iter__(self) -> Iterator[tuple[int, str, dict[str, object]]]:
        """-> id, kind and data of each event."""
        fields: dict[str, str] = {}
        while line := self.response.readline().decode():
            name, colon, value = line.rstrip("\n").partition(": ")
            if colon and name:
                fields[name] = value
            elif fields:
                yield int(fields["id"]), fields["event"], json.loads(fields["data"])
                fields = {}


def test_events_arrive_as_they_happen_and_resume(store: Store) -> None:
    with (
        serving(store.path) as server,
        Listener(server, None, 0) as from_the_first,
        Listener(server, None) as from_now,
        Listener(server, None, 4) as after_four,
    ):
        first, fresh, resumed = iter(from_the_first), iter(from_now), iter(after_four)
        told = [next(first) for _ in range(5)]
        assert [(number, kind) for number, kind, _ in told] == [(number, "assigned") for number in range(1, 6)]
        assert (told[0][2]["camera"], told[0][2]["identity_id"]) == ("west", 1)
        assert datetime.fromisoformat(str(told[0][2]["at"])).year == 2026
        assert next(resumed)[0] == 5
        record(store, [Stay("west", 1, 9, 0, 50)])
        assert [next(stream)[0] for stream in (first, fresh, resumed)] == [6, 6, 6]
        assert server.stop() == 0


def test_a_stream_shows_its_cameras_only_and_ends_with_its_token(api: Api) -> None:
    with serving(api.store.path) as server, Listener(server, api.secrets["west"], 0) as west:
        stream = iter(west)
        assert [next(stream)[2]["camera"] for _ in range(3)] == ["west"] * 3
        with api.store.write() as connection:
            revoke_token(connection, "west")
        assert list(stream) == []
        with Listener(server, api.secrets["west"]) as revoked:
            assert revoked.response.status == 401


def test_callers_who_go_away_are_no_error(store: Store) -> None:
    with serving(store.path) as server:
        for _ in range(5):
            with Listener(server, None, 0) as listener:
                listener.response.readline()  # more is on its way
        with Listener(server, None, 0) as listener:
            assert next(iter(listener))[0] == 1
        assert server.stop() == 0
    assert server.log.count("\n") == 1, server.log


def test_nothing_secret_is_written_to_the_log(api: Api) -> None:
    with api.store.write() as connection:
        rename_identity(connection, 1, "Anna Secret")
    with serving(api.store.path, "--rate", "1") as server:
        address = urlsplit(server.url)
        for secret in (*api.secrets.values(), "omni_guess", "a\tb"):
            path = f"{API}/identities?name=Anna%20Secret&token={quote(secret)}"
            with closing(http.client.HTTPConnection(str(address.hostname), address.port, timeout=120)) as client:
                client.request("GET", path, headers={"Authorization": f"Bearer {secret}"})
                client.getresponse().read()
        assert server.stop() == 0
    assert all(secret not in server.log for secret in (*api.secrets.values(), "omni_guess", "Anna"))
    assert server.log.count("\n") == 1


def test_a_public_address_needs_a_token_first(store: Store) -> None:
    command = [sys.executable, "main.py", "serve", "--db", str(store.path), "--port", "0", "--host", "0.0.0.0"]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "--host 0.0.0.0: others could read everything; make a token first" in refused.stderr
    with store.write() as connection:
        secret = create_token(connection, "anna", Role.VIEWER)
    with (
        serving(store.path, "--host", "0.0.0.0") as server,
        Listener(server, None) as stranger,
        Listener(server, secret) as anna,
    ):
        assert (stranger.response.status, anna.response.status) == (401, 200)


def test_a_port_that_is_taken_is_named(store: Store) -> None:
    with serving(store.path) as server:
        port = str(urlsplit(server.url).port)
        result = CliRunner().invoke(command_line, ["serve", "--db", str(store.path), "--port", port])
        assert f"cannot listen at 127.0.0.1, port {port}: " in str(result.exception)


def test_tokens_on_the_command_line(store: Store) -> None:
    def output(*arguments: str) -> str:
        result = CliRunner().invoke(command_line, [*arguments, "--db", str(store.path)])
        assert result.exit_code == 0, result.output
        return result.stdout

    def refusal(*arguments: str) -> str:
        return str(CliRunner().invoke(command_line, [*arguments, "--db", str(store.path)]).exception)

    assert CliRunner().invoke(command_line, ["token", "list", "--db", str(store.path)]).exit_code == 1
    secret = output("token", "create", "anna", "--camera", "west").strip()
    assert secret.startswith("omni_")
    (row,) = json.loads(output("token", "list", "--json"))
    assert (row["name"], row["role"], row["cameras"]) == ("anna", "viewer", ["west"])
    assert secret not in output("token", "list")
    assert "--role boss: is none of viewer, operator, admin" in refusal("token", "create", "bob", "--role", "boss")
    assert output("token", "revoke", "anna", "--dry-run") == "token anna would be revoked\n"
    assert output("token", "revoke", "anna") == "token anna is revoked\n"
    assert "token anna: does not exist" in refusal("token", "revoke", "anna")


def test_which_addresses_are_this_machines() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "192.168.0.7", "localhost.example")] == [False] * 4
