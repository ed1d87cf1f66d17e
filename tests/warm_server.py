# SPDX-License-Identifier: GPL-2.0-or-later
"""A process in which all of elfsyms is loaded, and which forks a child for each command line that it is asked for.

It is a program by itself, so that it holds nothing of pytest: a child of it is what a shell starts, in all but the
start of Python. It ends when its standard input does.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

from warm_client import STATUS

_MOST = 60  # seconds that a command may take
# What commands import besides. Not what starts threads (pyarrow): they do not live on in a child.
_OTHERS = ("lief", "jinja2", "typer.rich_utils", "rich.progress", "rich.table", "csv", "difflib")


def serve(address: str) -> None:
    """Answer until the standard input ends."""
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that answer
    _load()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        os.write(1, b"ready\n")
        wanted: list[Any] = [listening, 0]
        while listening in select.select(wanted, [], [])[0]:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                _answer(connection, interrupt)
            connection.close()


def _load() -> None:
    del sys.path[0]  # the tests' own folder
    import elfsyms  # noqa: PLC0415 (which may not be the one beside the tests)

    ours = [one.name for one in pkgutil.walk_packages(elfsyms.__path__, "elfsyms.")]
    for name in (*ours, *_OTHERS):
        with suppress(ImportError):  # of an extra that is not there
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _answer(connection: socket.socket, interrupt: Any) -> None:
    """Do the command that is asked for in a child; tell how it ended, and leave."""
    try:
        head, streams, _, _ = socket.recv_fds(connection, 4, 3)
        size = int.from_bytes(head, "little")
        arguments, folder, variables = json.loads(connection.recv(size, socket.MSG_WAITALL))
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        child = os.fork()
        if child == 0:
            connection.close()
            signal.signal(signal.SIGINT, interrupt)  # as this process got it
            _be(arguments, streams, folder, variables)
        for stream in streams:
            os.close(stream)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.sendall(code.to_bytes(STATUS, "little", signed=True))
    finally:
        os._exit(0)


def _be(arguments: list[str], streams: list[int], folder: str, variables: dict[str, str]) -> None:
    """Be the command."""
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(variables)
        signal.alarm(_MOST)
        sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr] # as Python starts
        sys.argv = ["elfsyms", *arguments]
        from elfsyms.__main__ import main  # noqa: PLC0415 (loaded long ago)

        main()
    finally:
        os._exit(99)  # main left before


if __name__ == "__main__":
    serve(sys.argv[1])
