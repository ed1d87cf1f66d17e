# SPDX-License-Identifier: GPL-2.0-or-later
"""The ``elfsyms`` command as a process of its own, as users start it (but see ``warm.py``)."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import warm
from jsonchecks import check_json

__all__ = ["elfsyms", "environment", "on_terminal", "sentence"]

_AT_START = ("PYTHON", "LC_", "LANG")  # what Python reads when it starts


def environment(**variables: str) -> dict[str, str]:
    """Return an environment without what would colour or widen the output."""
    unwanted = {"NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "GITHUB_ACTIONS", "PY_COLORS"}
    unwanted.add("PYTHONDONTWRITEBYTECODE")  # a user's second start reads bytecode
    return {k: v for k, v in os.environ.items() if k not in unwanted} | {"TERM": "dumb"} | variables


def elfsyms(
    *arguments: str | Path, cwd: Path | None = None, stdin: bytes | None = None, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the command; return its exit code and both of its outputs."""
    words = [*map(str, arguments)]
    if any(name.startswith(_AT_START) for name in variables):
        done = subprocess.run(
            [sys.executable, "-m", "elfsyms", *words],
            cwd=cwd,
            env=environment(**variables),
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
        )
    else:
        ended = warm.call(words, str(cwd or Path.cwd()), environment(**variables), stdin)
        done = subprocess.CompletedProcess(words, *ended)
    if "--json" in arguments and done.returncode in (0, 1, 3) and done.stdout.startswith(b"{"):
        check_json(done.stdout)
    return done


def sentence(result: subprocess.CompletedProcess[bytes], code: int) -> str:
    """Check that a run ended with an exit code, no data and one line of words; return the line."""
    text = result.stderr.decode()
    assert (result.returncode, result.stdout) == (code, b""), text
    assert text.startswith("elfsyms: ")
    assert text.count("\n") == 1
    assert "Traceback" not in text
    return text


def on_terminal(*arguments: str | Path, **variables: str) -> str:
    """Run the command on a pseudo-terminal; return all that it shows there."""
    main, second = pty.openpty()
    variables = environment(TERM="xterm-256color", **variables)
    running = warm.start([*map(str, arguments)], (second, second, second), str(Path.cwd()), variables)
    os.close(second)
    shown = b""
    try:
        while block := os.read(main, 4096):
            shown += block
    except OSError:  # Linux's way to say that the other side is closed
        pass
    os.close(main)
    warm.exit_code(running)
    return shown.decode()
