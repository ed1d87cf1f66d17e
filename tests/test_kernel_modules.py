# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules in a booted kernel: what ``/proc/kallsyms`` shows of them is what their files foretell."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "scripts"))

from debian import DebianError
from emulator import BootError
from kernel_logs import MODULES_INIT, build_modules, make_logs
from small_kernel import KernelError
from trace_kernel import trace_kernel

from elfsyms.image.module import open_module
from elfsyms.inspect.module_symbols import module_symbols

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="needs qemu-system-x86_64"),
]


@pytest.mark.parametrize("release", ["6.12", "7.3"])
def test_a_booted_kernel_shows_what_the_files_foretell(release: str, tmp_path: Path) -> None:
    """Letters and names of two modules' lines are those of ``list`` of their files."""
    try:
        kernel = trace_kernel(release, "x86_64")
        shown = make_logs(kernel, tmp_path, MODULES_INIT)["kallsyms"]
    except (BootError, DebianError, KernelError) as error:
        pytest.skip(str(error))
    foretold = [
        line.decode().split()[1:]
        for path in build_modules(kernel)
        for line in module_symbols(open_module(path)).lines()
    ]
    seen = [line.split()[1:] for line in shown.splitlines() if "[toy_" in line]
    assert len(seen) > 40
    assert Counter(map(tuple, seen)) == Counter(map(tuple, foretold))
