# SPDX-License-Identifier: GPL-2.0-or-later
"""The same kernel gives the same bytes, whatever makes them: ``scripts/determinism.py``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from elfmaker import Symbol, vmlinux
from tablemaker import filler

sys.path.append(str(Path(__file__).parents[1] / "scripts"))

import determinism
from determinism import Variation, compile_locales, make, variations

pytestmark = pytest.mark.slow  # twenty commands, twenty-five times

TEXT = 0xFFFFFFFF81000000
# Letters whose other case, width or order is another language's business, and bytes that no charset has.
NAMES = (
    *("istanbul", "ISTANBUL", "\u0131I_i\u0130", "straße", "日本", "LATIN_1", "z\u0301", "A", "a", "_a"),
    *("f.part.0", "F.part.0"),
)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a kernel with names that locales sort, fold and decode in their own ways."""
    names = [Symbol("_text", TEXT), Symbol("_stext", TEXT), *filler(TEXT), Symbol("_etext", TEXT + 0x100000)]
    names += [Symbol(name, TEXT + 0x9000 + at // 3, binding="local") for at, name in enumerate(NAMES)]
    path = tmp_path_factory.mktemp("kernel") / "vmlinux"
    path.write_bytes(vmlinux(names, release="6.12.5").replace(b"LATIN_1", b"\xff\x80\xe9_1".ljust(7, b"x")))
    return path


@pytest.fixture(scope="module")
def first(kernel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what the first run makes."""
    return make(kernel, tmp_path_factory.mktemp("first"), Variation("as it is"))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of locales."""
    if shutil.which("localedef") is None:
        pytest.skip("needs the program localedef, of the package locales")
    folder = tmp_path_factory.mktemp("locales")
    compile_locales(folder)
    return folder


@pytest.mark.parametrize("name", [one.name for one in variations(Path())])
def test_bytes_are_the_same(
    kernel: Path, first: dict[str, str], compiled: Path, tmp_path: Path, name: str
) -> None:
    """Objects, assembly, maps, JSON, text, pages, Parquet and caches follow from the input alone."""
    variation = next(one for one in variations(compiled) if one.name == name)
    assert make(kernel, tmp_path, variation) == first


def test_what_differs_is_seen(kernel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that prints what no two processes have in common is found by the comparison."""
    monkeypatch.setattr(
        determinism, "CHILD", determinism.CHILD + "\nopen('made', 'w').write(str(os.getpid()))\n"
    )
    made = [make(kernel, tmp_path, Variation("as it is"))["made"] for _ in range(2)]
    assert made[0] != made[1]


def test_every_command_does_its_work(first: dict[str, str]) -> None:
    """What is compared is there: outputs, pages, an atlas, a cache, and next to no errors."""
    kinds = {Path(name).suffix for name in first}
    assert {".S", ".o", ".map", ".html", ".parquet", ".pass"} <= kinds
