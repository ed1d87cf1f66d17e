# SPDX-License-Identifier: GPL-2.0-or-later
"""A real kernel: compiled once, linked by its own tools and by elfsyms from the same objects, and booted.

``scripts/boot_kernel.py`` does the work, on 6.12 for x86-64; its objects stay in the cache folder. Some four
minutes of processor time the first time, one minute after that.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "scripts"))

from boot_kernel import (  # noqa: E402 (found by the line above)
    Pair,
    differences,
    identical,
    kaslr_offset,
    link_both,
    problems,
    start,
)
from debian import DebianError  # noqa: E402 (as above)
from small_kernel import PORTS, KernelError, Link, link  # noqa: E402 (as above)

pytestmark = [pytest.mark.kernel, pytest.mark.xdist_group("kernel")]

ELFSYMS = f"{shlex.quote(sys.executable)} -m elfsyms"
# Programs, and Debian's packages of them.
PROGRAMS = {
    "flex": "flex",
    "bison": "bison",
    "bc": "bc",
    "qemu-system-x86_64": "qemu-system-x86",
    "make": "make",
}

# A linker that puts one object more into the last link than into those before it.
LATE_LINKER = """\
#!/bin/sh
case " $* " in
*" -o vmlinux "*) set -- "$@" {stub} ;;
esac
exec {linker} "$@"
"""
LATE_STUB = ".text\n.globl late_stub\nlate_stub: .fill 64, 1, 0x90\n.section .note.GNU-stack\n"


@pytest.fixture(scope="module")
def pair() -> Pair:
    """6.12 for x86-64, linked twice."""
    lacking = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if lacking:
        pytest.skip(f"install {' '.join(lacking)}")
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        return link_both("6.12", PORTS["x86_64"], ELFSYMS)
    except DebianError as error:
        pytest.skip(str(error))


def relink(pair: Pair, tmp_path: Path, *settings: str, elfsyms: str = ELFSYMS) -> Link:
    """Run the link stage of the kernel once more."""
    return link(pair.kernel, tmp_path, elfsyms=elfsyms, settings=settings)


def test_kernels_are_identical(pair: Pair) -> None:
    """Stock and elfsyms make the same System.map and, build-id aside, the same vmlinux."""
    assert differences(pair) == []
    assert identical(pair)


def test_kbuild_shows_what_is_made(pair: Pair) -> None:
    """The log of the link stage has a line for each pass, and none of nm, the generator or the assembler."""
    verbs = [line.split() for line in pair.ours.log if line.startswith("  ")]
    names = [name for verb, name in verbs if verb == "KSYMS"]
    assert names == [f".tmp_vmlinux{number}.kallsyms.o" for number in range(3)]
    assert not {"NM", "AS"} & {verb for verb, _ in verbs}


@pytest.mark.parametrize("words", [(), ("nokaslr",)], ids=["kaslr", "nokaslr"])
def test_kernel_boots_with_our_tables(pair: Pair, words: tuple[str, ...]) -> None:
    """The kernel's own test of its table ends well, and /proc/kallsyms is what elfsyms list foretells."""
    booted = start(pair, *words)
    assert list(problems(pair, booted)) == []
    assert (kaslr_offset(pair, booted) == 0) == bool(words)
    assert booted.said("kallsyms_selftest: finish")


def test_failure_stops_make(pair: Pair, tmp_path: Path) -> None:
    """A failing elfsyms stops make, with the sentence of the hook in the log."""
    with pytest.raises(KernelError, match="elfsyms: the link stops here: ELFSYMS=false left with status 1"):
        relink(pair, tmp_path, elfsyms="false")


def test_fallback_links_with_stock(pair: Pair, tmp_path: Path) -> None:
    """With ELFSYMS_FALLBACK=1 a failing elfsyms leaves stock's kernel, and warnings."""
    linked = relink(pair, tmp_path, "ELFSYMS_FALLBACK=1", elfsyms="false")
    assert linked.vmlinux.read_bytes() == pair.stock.vmlinux.read_bytes()
    assert sum("elfsyms: WARNING:" in line for line in linked.log) == 2


def test_silent_build_is_silent(pair: Pair, tmp_path: Path) -> None:
    """With make -s the link stage prints nothing."""
    assert relink(pair, tmp_path, "--silent").log == ()


def test_verbose_build_traces_elfsyms(pair: Pair, tmp_path: Path) -> None:
    """With V=1 the log shows each call of elfsyms, and the kernel is the same."""
    linked = relink(pair, tmp_path, "V=1")
    assert sum("--system-map .tmp_vmlinux" in line and line.startswith("+ ") for line in linked.log) >= 2
    assert linked.vmlinux.read_bytes() == pair.ours.vmlinux.read_bytes()


def test_symbol_of_the_last_link_is_named(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the last link has a function more, make stops after the hook has named it."""
    stub, linker = tmp_path / "stub.o", tmp_path / "ld"
    subprocess.run(["as", "-o", str(stub)], input=LATE_STUB.encode(), check=True)
    linker.write_text(LATE_LINKER.format(stub=stub, linker=shutil.which("ld")), encoding="utf-8")
    linker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(KernelError) as error:
        relink(pair, tmp_path / "late")
    told, stock, _ = str(error.value).partition("Inconsistent kallsyms data")
    assert stock
    assert "late_stub" in told


def test_cache_is_in_the_build_tree(pair: Pair, tmp_path: Path) -> None:
    """What a pass learned is kept in the build tree, not in the source tree."""
    relink(pair, tmp_path)
    assert list((pair.kernel.objects / ".tmp_elfsyms").glob("*.pass"))
    assert not (pair.kernel.source / ".tmp_elfsyms").exists()
