"""The application behind a socket."""

import socket
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from tracker.errors import OmnitrackError

CLOSING_SECONDS = 3


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OmnitrackError for an address that is not ours, and a port that is taken."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise OmnitrackError(f"cannot listen at {host}, port {port}: {error.strerror}; choose another") from error


def run(app: FastAPI, bound: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; callers who still listen to events then are cut off after CLOSING_SECONDS.

    Requests are not logged: their addresses hold names of people.
    """
    config = uvicorn.Config(
        app, access_log=False, log_level="warning", server_header=False, timeout_graceful_shutdown=CLOSING_SECONDS
    )
    with suppress(KeyboardInterrupt):  # uvicorn raises it again after an orderly end
        uvicorn.Server(config).run(sockets=[bound])
