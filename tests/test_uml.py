# SPDX-License-Identifier: GPL-2.0-or-later
"""User-Mode Linux: linked through the compiler, with the C library in it, identical to stock, and run.

A kernel that is a program of the host: no emulator is needed, and it boots in seconds. Compiled once in the cache
(``scripts/small_kernel.py 7.3 um``, some ten minutes of processor time), linked by its own tools and by elfsyms.
Some hosts cannot run the processes of older releases' User-Mode Linux (6.12 where signal frames are large), so it
is 7.3 that boots.
"""

from __future__ import annotations

import os
import shlex
import shutil
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
from small_kernel import PORTS, link  # noqa: E402 (as above)

pytestmark = [pytest.mark.kernel, pytest.mark.long, pytest.mark.xdist_group("kernel")]

ELFSYMS = f"{shlex.quote(sys.executable)} -m elfsyms"
PROGRAMS = {"flex": "flex", "bison": "bison", "bc": "bc", "make": "make", "gcc": "gcc"}


@pytest.fixture(scope="module", params=["6.12", "7.3"])
def pair(request: pytest.FixtureRequest) -> Pair:
    """Link User-Mode Linux of a release twice."""
    lacking = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if lacking:
        pytest.skip(f"install {' '.join(lacking)}")
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        return link_both(request.param, PORTS["um"], ELFSYMS)
    except DebianError as error:
        pytest.skip(str(error))


def test_user_mode_linux_is_identical(pair: Pair) -> None:
    """Stock and elfsyms make the same System.map and, build-id aside, the same program."""
    assert differences(pair) == []
    assert identical(pair)


def test_the_hook_did_it(pair: Pair) -> None:
    """The log has an object of tables for each pass, and none of stock's steps."""
    verbs = [line.split() for line in pair.ours.log if line.startswith("  ")]
    assert [name for verb, name, *_ in verbs if verb == "KSYMS"]
    assert not {"NM", "AS"} & {verb for verb, *_ in verbs}


def test_user_mode_linux_runs(pair: Pair) -> None:
    """The kernel's own test of its table ends well, and what it shows is what elfsyms list foretells."""
    if pair.kernel.release.startswith("6."):
        pytest.skip("processes of this release's User-Mode Linux do not run on every host")
    booted = start(pair)
    assert list(problems(pair, booted)) == []
    assert kaslr_offset(pair, booted) == 0
    assert booted.said("kallsyms_selftest: finish")


def test_failure_stops_make(pair: Pair, tmp_path: Path) -> None:
    """A failing elfsyms stops the build of User-Mode Linux as that of any other kernel."""
    with pytest.raises(Exception, match="elfsyms: the link stops here"):
        link(pair.kernel, tmp_path, elfsyms="false")
