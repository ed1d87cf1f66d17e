# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages under ``docs``: their Python examples run, and print what stands under them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command import environment
from linkmaker import link_kernel

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
PYTHON = re.compile(r"```python\n(?P<code>.*?)```\n\n```text\n(?P<output>.*?)```", re.DOTALL)
EXAMPLES = [
    pytest.param(match["code"], match["output"], id=f"{page.name}:{number}")
    for page in sorted((ROOT / "docs").glob("*.md"))
    for number, match in enumerate(PYTHON.finditer(page.read_text(encoding="utf-8")), 1)
]


@pytest.fixture(scope="session")
def folder(sample: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the pages name."""
    place = tmp_path_factory.mktemp("docs")
    shutil.copyfile(sample("amd64-6.12"), place / "vmlinux")
    work = tmp_path_factory.mktemp("linked")
    images = link_kernel(work, passes=4).images
    shutil.copyfile(images[-2], place / "linked-before")
    shutil.copyfile(images[-1], place / "linked")
    return place


@pytest.mark.parametrize(("code", "output"), EXAMPLES)
def test_an_example_prints_what_the_page_shows(code: str, output: str, folder: Path) -> None:
    """An example runs as it stands."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (output, "")


def test_every_public_function_has_an_example() -> None:
    """Each function of the public interface is called in an example."""
    stub = (ROOT / "elfsyms" / "__init__.pyi").read_text(encoding="utf-8")
    functions = re.findall(r"import ([a-z]\w+) as \1$", stub, re.MULTILINE)
    code = "".join(parameters.values[0] for parameters in EXAMPLES)  # type: ignore[misc] # a text, by PYTHON
    assert [name for name in functions if f"elfsyms.{name}(" not in code] == []
    assert functions
