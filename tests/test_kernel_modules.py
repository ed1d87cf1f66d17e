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
from elfsyms.inspect.shared_names import counts_modules
from elfsyms.pipeline.kernel import load
from elfsyms.trace.kernel_facts import KernelFacts

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="needs qemu-system-x86_64"),
]


SHARED = "run_init_process"  # in init/main.c, and in toy-one


@pytest.mark.parametrize("release", ["6.12", "7.3"])
def test_a_booted_kernel_shows_what_the_files_foretell(release: str, tmp_path: Path) -> None:
    """Names and letters are as foretold, and so is a kprobe by a name that vmlinux has, too."""
    try:
        kernel = trace_kernel(release, "x86_64")
        with load(kernel.objects / "vmlinux") as loaded:
            told = counts_modules(KernelFacts(loaded))
            symbols = loaded.symbols
            distance = (symbols.address_of(SHARED.encode()) or 0) - (symbols.address_of(b"_text") or 0)
        probes = {
            "name": SHARED,
            "module": f"toy_one:{SHARED}",
            "address": f"_text+{distance:#x}",
            "alone": "toy_deep",
        }
        logs = make_logs(kernel, tmp_path, MODULES_INIT, probes)
    except (BootError, DebianError, KernelError) as error:
        pytest.skip(str(error))
    answers = dict(line.split() for line in logs["probes"].splitlines() if len(line.split()) == 2)
    assert answers == {
        "name": "refused" if told else "taken", "module": "taken", "address": "taken", "alone": "taken",
    }  # fmt: skip
    assert told is (release == "6.12")  # trace_kprobe.c of the two: number_of_same_symbols()
    shown = logs["kallsyms"]
    foretold = [
        line.decode().split()[1:]
        for path in build_modules(kernel)
        for line in module_symbols(open_module(path)).lines()
    ]
    seen = [line.split()[1:] for line in shown.splitlines() if "[toy_" in line]
    assert len(seen) > 40
    assert Counter(map(tuple, seen)) == Counter(map(tuple, foretold))
