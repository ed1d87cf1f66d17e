# SPDX-License-Identifier: GPL-2.0-or-later
"""A real kernel linked once: it is stock's to the byte, it boots, and whatever happens between builds, it stays so.

``scripts/link_once.py`` and ``scripts/boot_kernel.py`` do the work, on 6.12 for x86-64, and on 7.3 for a machine of
32 bits and for one of the other byte order; their objects stay in the cache folder.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "scripts"))

from boot_kernel import Pair, link_both, problems, start  # noqa: E402 (found by the line above)
from debian import DebianError  # noqa: E402 (as above)
from emulator import MACHINES  # noqa: E402 (as above)
from link_once import CASES, ELFSYMS, ONCE, case, killed_build, same_files  # noqa: E402 (as above)
from small_kernel import PORTS, link  # noqa: E402 (as above)

pytestmark = [pytest.mark.kernel, pytest.mark.long, pytest.mark.xdist_group("kernel")]

PROGRAMS = ("flex", "bison", "bc", "make")


@pytest.fixture(scope="module")
def pair() -> Pair:
    """6.12 for x86-64, linked by stock and once."""
    return linked("6.12", "x86_64")


def linked(release: str, port: str) -> Pair:
    """Link a kernel by stock and once; skip the test where something for that is missing."""
    wanted = [*PROGRAMS, f"{PORTS[port].cross}gcc", MACHINES[port][0][0]]
    lacking = [program for program in wanted if shutil.which(program) is None]
    if lacking:
        pytest.skip(f"{', '.join(lacking)} not installed")
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        return link_both(release, PORTS[port], ELFSYMS, settings=(ONCE,))
    except DebianError as error:
        pytest.skip(str(error))


def test_kernel_is_stocks_to_the_byte(pair: Pair) -> None:
    """The file, its build ID included, and the map; of a first build, two links."""
    assert same_files(pair.stock, pair.ours) == []
    assert pair.ours.links == (".tmp_vmlinux1", ".tmp_vmlinux_once")


@pytest.mark.parametrize("words", [(), ("nokaslr",)], ids=["kaslr", "nokaslr"])
def test_kernel_boots(pair: Pair, words: tuple[str, ...]) -> None:
    """The kernel's own test of its table ends well, and ``/proc/kallsyms`` is as foretold."""
    assert [*problems(pair, start(pair, *words))] == []


def test_later_build_takes_one_link(pair: Pair, tmp_path: Path) -> None:
    """The same again, with what the build before remembered."""
    again = link(pair.kernel, tmp_path, elfsyms=ELFSYMS, settings=[ONCE], again=True)
    assert again.links == (".tmp_vmlinux_once",)
    assert same_files(pair.stock, again) == []


@pytest.mark.parametrize("name", CASES)
def test_changes_between_builds(pair: Pair, tmp_path: Path, name: str) -> None:
    """Whatever happens, a build takes at most the links that it needs, and makes what stock makes."""
    links, differing = case(pair.kernel, name, tmp_path)
    assert (links, differing) == (CASES[name][1], [])


@pytest.mark.parametrize("step", ["LD      .tmp_vmlinux_once", "FILL"])
def test_killed_build_leaves_no_kernel(pair: Pair, tmp_path: Path, step: str) -> None:
    """A build that is killed while it links or fills in leaves no final vmlinux, and the next one is right."""
    was_there, differing = killed_build(pair.kernel, step, tmp_path)
    assert not was_there
    assert differing == []


def test_slack_takes_new_symbols_at_no_link(pair: Pair, tmp_path: Path) -> None:
    """With ELFSYMS_SLACK a function added costs nothing; the kernel then is not stock's."""
    assert case(pair.kernel, "a function added", tmp_path, "ELFSYMS_SLACK=2%")[0] == 1


@pytest.mark.parametrize("port", ["arm", "s390x"])
def test_other_machines(port: str) -> None:
    """A kernel of 32 bits and a big-endian one are stock's to the byte, and show what was foretold."""
    other = linked("7.3", port)
    assert same_files(other.stock, other.ours) == []
    assert [*problems(other, start(other))] == []
