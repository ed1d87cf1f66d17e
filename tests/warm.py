# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms`` as a process of its own, but for its start, which takes ten times what most tests' commands do.

``call`` asks the server of this process (``warm_server.py``), started when it is first needed. Who tests the start
itself, or what Python reads before it (``PYTHONPATH``, the locale), starts a real process.
"""

from __future__ import annotations

import atexit
import os
import shlex
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from warm_client import ask, exit_code

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

__all__ = ["call", "exit_code", "put_command", "start"]

_HERE = Path(__file__).parent


def start(
    arguments: list[str], streams: Sequence[int], folder: str, variables: dict[str, str]
) -> socket.socket:
    """Start a command with three descriptors as its streams; ``exit_code`` of the answer waits for its end."""
    return ask(_address(), arguments, [*streams], folder, variables)


def call(
    arguments: list[str], folder: str, variables: dict[str, str], stdin: bytes | None
) -> tuple[int, bytes, bytes]:
    """Do a command; return its exit code (negative for a signal) and both of its outputs."""
    source = _pipe_of(stdin) if stdin is not None else os.open(os.devnull, os.O_RDONLY)
    reader, writer = os.pipe()
    with open(reader, "rb") as out, tempfile.TemporaryFile() as err:  # noqa: PTH123 (a descriptor)
        try:
            connection = start(arguments, (source, writer, err.fileno()), folder, variables)
        finally:
            os.close(source)
            os.close(writer)
        printed = out.read()
        code = exit_code(connection)
        err.seek(0)
        return code, printed, err.read()


def put_command(path: Path) -> None:
    """Write an ``elfsyms`` for shells, which asks this process's server."""
    words = [sys.executable, "-I", "-S", str(_HERE / "warm_client.py"), _address()]
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def _pipe_of(data: bytes) -> int:
    """Return the end to read from of a pipe into which a thread writes."""
    reader, writer = os.pipe()

    def write() -> None:
        try:
            with open(writer, "wb") as stream:  # noqa: PTH123 (a descriptor)
                stream.write(data)
        except BrokenPipeError:
            pass  # it was not read to its end

    Thread(target=write, daemon=True).start()
    return reader


@cache
def _address() -> str:
    """Start the server of this process; return its socket's path."""
    folder = tempfile.TemporaryDirectory(prefix="elfsyms-tests-")
    address = f"{folder.name}/socket"
    server = subprocess.Popen(
        [sys.executable, str(_HERE / "warm_server.py"), address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    assert server.stdin is not None
    assert server.stdout is not None
    atexit.register(_end, server, folder)
    assert server.stdout.readline() == b"ready\n"
    return address


def _end(server: subprocess.Popen[bytes], folder: tempfile.TemporaryDirectory[str]) -> None:
    server.communicate()
    folder.cleanup()
