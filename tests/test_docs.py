# SPDX-License-Identifier: GPL-2.0-or-later
"""README and docs: their examples print what stands under them, and pages made from data are up to date."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from docsfolder import fill_folder
from warm import put_command

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from make_reference import out_of_date  # noqa: E402 (of the scripts' folder)
from refresh_docs import Example, examples, pages, printed  # noqa: E402 (as above)

EXAMPLES = [example for page in pages() for example in examples(page)]
# Sizes after compression depend on the versions of the packers.
PACKED = re.compile(r"^ *[\d,]+ +\d+\.\d% +\d+\.\d\d +(?:gzip|xz|zstd) .*$", re.MULTILINE)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the pages name."""
    place = tmp_path_factory.mktemp("docs")
    fill_folder(place)
    (place / ".bin").mkdir()
    put_command(place / ".bin" / "elfsyms")
    return place


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{e.page}: {e.command[:40].strip()}" for e in EXAMPLES])
def test_an_example_prints_what_the_page_shows(example: Example, folder: Path) -> None:
    """An example runs as it stands."""
    assert PACKED.sub("", printed(example, folder, folder / ".bin")) == PACKED.sub("", example.output)


def test_every_public_function_has_an_example() -> None:
    """Each function of the public interface is called in an example."""
    stub = (ROOT / "elfsyms" / "__init__.pyi").read_text(encoding="utf-8")
    functions = re.findall(r"import ([a-z]\w+) as \1$", stub, re.MULTILINE)
    code = "".join(example.command for example in EXAMPLES if example.is_python)
    assert [name for name in functions if f"elfsyms.{name}(" not in code] == []
    assert functions


def test_reference_pages_follow_from_the_data() -> None:
    """The pages of releases, rules and commands are those that the program's data make."""
    assert out_of_date() == []


def test_the_site_builds(tmp_path: Path) -> None:
    """The site builds without a warning: no page is lost, no link leads nowhere."""
    pytest.importorskip("mkdocs", reason="mkdocs is missing: pip install --group docs")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--site-dir",
        str(tmp_path / "site"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "index.html").stat().st_size > 0
