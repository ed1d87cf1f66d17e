#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run the commands of README.md and the pages under ``docs``, and write what they print under them.

    scripts/refresh_docs.py            # every page
    scripts/refresh_docs.py README.md  # one

A block fenced as ``console`` holds commands (``$ ...``) and what each prints; a Python example is followed by a
block of what it prints. They run in a folder in which ``vmlinux`` is the sample of Debian's 6.12, ``linked`` a
finished small kernel and ``linked-before`` the link pass before it. A test (``tests/test_docs.py``) runs the same
and compares: look at the difference before you commit it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Example", "examples", "pages", "printed"]

ROOT = Path(__file__).parent.parent
_CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
_PYTHON = re.compile(
    r"```python\n(?P<code>.*?)```\n(?P<between>\n(?:\w+\n\n)?)```text\n(?P<output>.*?)```", re.DOTALL
)
_PROMPT = re.compile(r"^\$ ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Example:
    """A command of a shell, or a Python program, and what the page says that it prints."""

    page: str
    command: str
    output: str
    is_python: bool


def pages() -> list[Path]:
    """Return the pages whose examples run."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def examples(page: Path) -> Iterator[Example]:
    """Yield a page's examples, in their order."""
    text, name = page.read_text(encoding="utf-8"), str(page.relative_to(ROOT))
    found = [(m.start(), e) for m in _CONSOLE.finditer(text) for e in _commands(name, m[1])]
    found += [
        (m.start(), Example(name, m["code"], m["output"], is_python=True)) for m in _PYTHON.finditer(text)
    ]
    yield from (example for _, example in sorted(found, key=lambda pair: pair[0]))


def _commands(page: str, block: str) -> Iterator[Example]:
    for piece in _PROMPT.split(block)[1:]:
        command, _, output = piece.partition("\n")
        yield Example(page, command, output, is_python=False)


def printed(example: Example, folder: Path, programs: Path = Path(sys.executable).parent) -> str:
    """Run an example in a folder, by programs of another; return what it prints, without blanks at line ends."""
    arguments = (
        [sys.executable, "-c", example.command] if example.is_python else ["sh", "-c", example.command]
    )
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=_environment(programs),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())


def _environment(programs: Path) -> dict[str, str]:
    """Return an environment with this checkout's elfsyms in front, 80 columns and no colours."""
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    unwanted = {"FORCE_COLOR", "TERM", "GITHUB_ACTIONS", "PY_COLORS"}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return kept | {"PATH": path, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "80", "TERM": "dumb"}


def refresh(page: Path, folder: Path) -> None:
    """Write what a page's examples print under them."""
    text = page.read_text(encoding="utf-8")
    name = str(page.relative_to(ROOT))

    def console(match: re.Match[str]) -> str:
        parts = [f"$ {e.command}\n{printed(e, folder)}" for e in _commands(name, match[1])]
        return f"```console\n{''.join(parts)}```"

    def python(match: re.Match[str]) -> str:
        output = printed(Example(name, match["code"], "", is_python=True), folder)
        return f"```python\n{match['code']}```\n{match['between']}```text\n{output}```"

    page.write_text(_PYTHON.sub(python, _CONSOLE.sub(console, text)), encoding="utf-8")


def main() -> None:
    """Refresh the pages that are named, or all."""
    sys.path.insert(0, str(ROOT / "tests"))
    from docsfolder import fill_folder  # noqa: PLC0415 (of the tests' own folder)

    chosen = [Path(name).resolve() for name in sys.argv[1:]] or pages()
    with tempfile.TemporaryDirectory() as folder:
        fill_folder(Path(folder))
        for page in chosen:
            refresh(page, Path(folder))


if __name__ == "__main__":
    main()
