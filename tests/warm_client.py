# SPDX-License-Identifier: GPL-2.0-or-later
"""Ask ``warm_server.py`` for a command: a function, and a program for shells that starts in no time."""

from __future__ import annotations

import json
import os
import socket
import sys

__all__ = ["ask", "exit_code"]

STATUS = 4  # bytes: an exit code, negative for a signal


def ask(
    address: str, arguments: list[str], streams: list[int], folder: str, variables: dict[str, str]
) -> socket.socket:
    """Start a command with three descriptors as its streams; return the socket that its exit code comes from."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    request = json.dumps([arguments, folder, variables]).encode("ascii")
    socket.send_fds(connection, [len(request).to_bytes(4, "little")], streams)
    connection.sendall(request)
    return connection


def exit_code(connection: socket.socket) -> int:
    """Wait for the end of a command; return its exit code, or the negative of the signal that ended it."""
    with connection:
        return int.from_bytes(connection.recv(STATUS, socket.MSG_WAITALL), "little", signed=True)


if __name__ == "__main__":
    here = os.getcwd()  # noqa: PTH109 (pathlib is a third of the start)
    code = exit_code(ask(sys.argv[1], sys.argv[2:], [0, 1, 2], here, dict(os.environ)))
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)
