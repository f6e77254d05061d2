"""The server itself: a socket on this machine alone, and uvicorn on it until it is stopped."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from heldout.errors import HeldoutError
from heldout.report.material import Wanted
from heldout.web.app import build

HOST = "127.0.0.1"
PORT = 8756
"""Asked for first; where another program listens there, the next of the following ones that is free."""

TRIED = 20
"""Ports that are tried where none was named."""

TOKEN_BYTES = 24
"""192 random bits: nobody guesses the address."""


def serve(folder: Path, port: int | None, wanted: Wanted, ready: Callable[[str], None], lang: str = "") -> None:
    """Answer until Ctrl-C.

    Args:
        folder: The study's folder.
        port: Port to listen at; None for the first that is free from `PORT` on, 0 for any.
        wanted: By what the study is judged.
        ready: Called with the address once the server listens.
        lang: Language that the page opens in.

    Raises:
        HeldoutError: Another program listens at the port that was named.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with listening(port) as listener:
        application = build(folder, token, wanted, lang)
        # The access log would print the token with every request.
        config = uvicorn.Config(application, log_level="warning", access_log=False, server_header=False, ws="none")
        ready(f"http://{HOST}:{listener.getsockname()[1]}/{token}/")
        uvicorn.Server(config).run(sockets=[listener])


def listening(port: int | None) -> socket.socket:
    """A socket that listens on this machine.

    Raises:
        HeldoutError: Another program listens there.
    """
    wanted = range(PORT, PORT + TRIED) if port is None else (port,)
    for number in wanted:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, number))
        except OSError:
            listener.close()
            continue
        listener.listen(128)
        return listener
    there = f"port {port}" if port is not None else f"ports {PORT} to {PORT + TRIED - 1}"
    raise HeldoutError(
        f"Found another program listening at {there}; expected one that is free. Name another, or let one be found: "
        "heldout serve STUDY --port 0"
    )
