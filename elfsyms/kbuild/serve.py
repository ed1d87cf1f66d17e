# SPDX-License-Identifier: GPL-2.0-or-later
"""elfsyms started once for all passes of a link: a process that does one job after another.

Loading Python, numpy and LIEF takes half a second of processor time, more than the tables of a small kernel do, and
a link asks four times. So the hook starts one process beside ``link-vmlinux.sh``, which loads them while the script
compiles and links, LIEF in a child that makes all the objects. A request is the arguments of a call, a line each,
and an empty line; the answer is the exit status, a line. What is done is what the same arguments do on a command
line.

The process ends when nobody is left to ask: at the end of the requests, or when the script is gone, for whatever a
build leaves running may hold the pipe open. Should it die of a job, the hook starts another process for that job,
as it does where this one cannot be had.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import stat
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from elfsyms.errors import NotThereError
from elfsyms.pipeline.cache import has_entries
from elfsyms.writers.object_worker import has_templates, keep_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import FileIO, RawIOBase
    from pathlib import Path

__all__ = ["open_pipe", "serve"]

INTERRUPTED = 130  # exit code after Ctrl-C
PATIENCE = 5.0  # seconds between two looks at who asks

# What a job needs of elfsyms, numpy among it; LIEF is not.
PIPELINE = (
    "pipeline.kernel",
    "pipeline.layout",
    "pipeline.cache",
    "cli.job",
    "writers.templates",
    "writers.object",
    "writers.output",
)

# And what a job of a build with one link needs more.
FILLING = ("cli.one_link", "writers.fill", "writers.sizes")


def serve(
    requests: RawIOBase,
    answers: RawIOBase,
    run: Callable[[Sequence[str]], int],
    client: int,
    cache: Path | None = None,
    *,
    once: bool = False,
) -> None:
    """Do the jobs that are asked for until nobody asks; ``requests`` is not buffered, for it is waited for.

    ``client`` is the process that asks; once it is gone, no more requests are waited for. ``run`` does what one
    command line says and returns its exit code. ``cache`` is where the jobs will keep what they learn: where it
    has entries, LIEF is probably not needed, and left alone. ``once`` tells that there is one link, and room for
    tables to be reserved and filled in.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    keep_worker(preload=not has_templates() and (cache is None or not has_entries(cache)))
    for module in (*PIPELINE, *(FILLING if once else ())):
        import_module(f"elfsyms.{module}")
    for arguments in _requests(requests, client):
        code = run(arguments)
        try:
            answers.write(b"%d\n" % code)
            answers.flush()
        except BrokenPipeError:  # whoever asked is gone
            return
        if code == INTERRUPTED:
            return


def _requests(stream: RawIOBase, client: int) -> Iterator[list[str]]:
    """Yield requests until there are no more."""
    while True:
        if not _is_ready(stream, 0):
            gc.collect()  # jobs leave that to the end of their process, and here it does not come
        while not _is_ready(stream, PATIENCE):
            if not _is_alive(client):
                return
        arguments = _read_request(stream)
        if not arguments:
            return
        yield arguments


def _is_ready(stream: RawIOBase, seconds: float) -> bool:
    """Tell whether there is something to read, or the end, within a time."""
    return bool(select.select([stream], [], [], seconds)[0])


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError as error:
        return isinstance(error, PermissionError)  # then it is somebody else's
    return True


def _read_request(stream: RawIOBase) -> list[str]:
    """Read arguments up to an empty line; none at the end, also where it comes in the midst of a request."""
    words: list[str] = []
    while line := stream.readline():
        if line == b"\n":
            return words
        words.append(os.fsdecode(line.removesuffix(b"\n")))
    return []


def open_pipe(number: int, mode: Literal["rb", "wb"]) -> FileIO:
    """Open a file that was inherited; :class:`NotThereError` where it is no pipe, as behind some wrappers."""
    try:
        if not stat.S_ISFIFO(os.fstat(number).st_mode):
            raise NotThereError(f"file {number} is no pipe")
    except OSError as error:
        raise NotThereError(f"file {number} is not open: {error.strerror}") from error
    return open(number, mode, buffering=0)
