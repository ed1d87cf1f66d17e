# SPDX-License-Identifier: GPL-2.0-or-later
"""The hook with the real elfsyms and a real linker, on a kernel of twenty symbols.

A link script of ``scripts/kbuild/skeletons.py`` links one object of assembly with the tables of each pass, as
the kernel's does. Needs GNU as and ld for x86-64.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from treemaker import make_tree as make_kernel_tree
from treemaker import site_folder

from elfsyms.kbuild import install

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "scripts" / "kbuild"))

from skeletons import make_tree, spoil  # noqa: E402 (found by the line above)

ELFSYMS = f"{shlex.quote(sys.executable)} -m elfsyms"

FUNCTIONS = "".join(f"\n.globl walk_{name}\nwalk_{name}: ret" for name in ("the_dog", "home", "on_water"))
TABLES = ["num_syms", "names", "markers", "token_table", "token_index", "offsets", "seqs_of_names"]

KERNEL = f"""\
.text
.globl start_kernel
start_kernel: ret{FUNCTIONS}
.section .init.text, "ax"
.globl boot_once
boot_once: ret
.data
.globl jiffies
jiffies: .quad 0
.section .rodata, "a"
{"".join(f".quad kallsyms_{name}{chr(10)}" for name in TABLES)}
.globl linux_banner
linux_banner: .asciz "Linux version RELEASE.0 (me@here) (gcc, ld) #1 SMP\\n"
"""
STUB = ".text\n.globl late_stub\nlate_stub: .fill 64, 1, 0x90\n"

LAYOUT = """\
SECTIONS {
	. = 0xffffffff81000000;
	_text = .;
	.text : { _stext = .; *(.text) _etext = .; }
	.rodata : { *(.rodata) }
	.init.text : { _sinittext = .; *(.init.text) _einittext = .; }
	.data : { *(.data) _end = .; }
}
"""

FAKE_LINK = 'echo "symbols${MOVING:+ of $1}" > "$1"'
LINKER = "x86_64-linux-gnu-ld -z noexecstack --no-warn-rwx-segments -T pocket.lds"
REAL_LINK = LINKER + ' -o "$1" $(cat objects) ${kallsymso}'
MOVED = (
    "elfsyms: the tables inside vmlinux.unstripped are those of .tmp_vmlinux2, where symbols lie elsewhere:"
)


@pytest.fixture(params=["6.18", "7.3"])
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Make a source tree with the hook, and a build tree beside it; return the latter."""
    for program in ("x86_64-linux-gnu-as", "x86_64-linux-gnu-ld"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}: install binutils-x86-64-linux-gnu")
    tree = make_tree(tmp_path / "source", "7.3")
    release = str(request.param)
    make_kernel_tree(tree, release)
    spoil(tree, FAKE_LINK, REAL_LINK)
    install(tree)
    objects = tmp_path / "objects"
    (objects / "include" / "config").mkdir(parents=True)
    config = "CONFIG_64BIT=y\nCONFIG_KALLSYMS=y\nCONFIG_KALLSYMS_ALL=y\n"
    (objects / "include" / "config" / "auto.conf").write_text(config, encoding="utf-8")
    (objects / "init").mkdir()
    assemble(KERNEL.replace("RELEASE", release), objects / "init" / "version-timestamp.o")
    (objects / "objects").write_text("init/version-timestamp.o\n", encoding="utf-8")
    (objects / "pocket.lds").write_text(LAYOUT, encoding="utf-8")
    return objects


def assemble(text: str, target: Path) -> None:
    """Assemble a text."""
    subprocess.run(["x86_64-linux-gnu-as", "-o", str(target)], input=text.encode(), check=True)


def _path(objects: Path) -> str:
    """Return a PYTHONPATH with which processes of their own know the made-up tree."""
    return os.pathsep.join([str(ROOT), str(site_folder(objects.parent / "site"))])


def run_link(objects: Path) -> subprocess.CompletedProcess[str]:
    """Run the link script with the hook on."""
    tree = objects.parent / "source"
    environment = {**os.environ, "ELFSYMS": ELFSYMS, "srctree": str(tree), "PYTHONPATH": _path(objects)}
    command = ["sh", str(tree / "scripts" / "link-vmlinux.sh"), "ld", "", "", "vmlinux.unstripped"]
    return subprocess.run(command, cwd=objects, env=environment, capture_output=True, text=True, check=False)


def test_pocket_kernel_holds_its_own_tables(build: Path) -> None:
    """Two passes from an empty table give the table that the final kernel asks for, and its map."""
    done = run_link(build)
    assert (done.returncode, done.stderr) == (0, "")
    command = [*shlex.split(ELFSYMS), "vmlinux.unstripped", "-o", "again.o", "--tree", "../source"]
    config = ["--config", "include/config/auto.conf", "--quiet"]
    subprocess.run([*command, *config], cwd=build, env={**os.environ, "PYTHONPATH": _path(build)}, check=True)
    assert (build / "again.o").read_bytes() == (build / ".tmp_vmlinux2.kallsyms.o").read_bytes()
    names = [line.split()[2] for line in (build / "System.map").read_text(encoding="utf-8").splitlines()]
    assert {"_text", "start_kernel", "walk_home", "jiffies", "kallsyms_names"} <= set(names)
    assert list((build / ".tmp_elfsyms").iterdir())


def test_symbol_of_the_last_link_is_named(build: Path) -> None:
    """A function that only the final link has is named before stock says that tables are inconsistent."""
    assemble(STUB, build / "stub.o")
    spoil(
        build.parent / "source",
        'vmlinux_link "${VMLINUX}"',
        'echo "init/version-timestamp.o stub.o" > objects\nvmlinux_link "${VMLINUX}"',
    )
    done = run_link(build)
    assert done.returncode == 1
    first, *told, last = done.stderr.splitlines()
    assert first == MOVED
    assert any("late_stub" in line for line in told), told
    assert last == "Inconsistent kallsyms data"
