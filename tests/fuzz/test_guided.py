# SPDX-License-Identifier: GPL-2.0-or-later
"""The fuzzer that is guided by coverage; skipped where atheris is not installed (``pip install --group fuzz``)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.append(str(HERE))

from guided import Growth, growth_of, is_missing  # noqa: E402 (found by the line above)

needs_atheris = pytest.mark.skipif(is_missing(), reason="atheris is not installed")

LOG = """\
INFO: seed corpus: files: 200 min: 1b max: 262144b total: 434187b rss: 175Mb
#201	INITED cov: 32 ft: 101 corp: 17/24Kb exec/s: 100 rss: 184Mb
FOUND server: answers are not one a request
  kept as corpus/server-0123456789ab
#304	NEW    cov: 33 ft: 105 corp: 18/24Kb lim: 262144 exec/s: 101 rss: 184Mb L: 72/8192 MS: 1 Custom-
#2000	DONE   cov: 35 ft: 121 corp: 30/31Kb lim: 262144 exec/s: 142 rss: 190Mb
"""

# A reader with a fault behind three branches, instead of a target: each is one bit away from the one before.
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import guided

def instrumented():
    import atheris, run
    from targets import Finding, Target

    seen = []

    @atheris.instrument_func
    def read(folder, data):
        if data[:4] == b"cbca":
            seen.append(1)
        if data[:4] == b"cfca":
            seen.append(2)
        if data[:4] == b"cfka":
            raise Finding("found")

    run.TARGETS["config"] = Target(lambda draw: b"abca", read)
    return atheris

guided.instrumented = instrumented
guided.fuzz("config", guided.Path(sys.argv[2]), ["-runs=60000", "-seed=1"])
"""


def test_growth_is_read_from_what_is_printed() -> None:
    """What the first inputs reached is told from what all did; a run without an end tells nothing."""
    assert growth_of(LOG) == Growth(2000, (32, 35), (101, 121), 1)
    assert growth_of(LOG[: LOG.index("#2000")]) is None


@needs_atheris
@pytest.mark.slow
def test_coverage_leads_to_a_fault(tmp_path: Path) -> None:
    """A fault is reached branch by branch, in far fewer inputs than all three changes at once would take."""
    command = [sys.executable, "-c", PROGRAM, str(HERE), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "FOUND config: found" in done.stderr, done.stderr[-3000:]
    assert [path.read_bytes()[:4] for path in tmp_path.iterdir()] == [b"cfka"]


@needs_atheris
@pytest.mark.slow
def test_guided_run_tells_what_it_came_to(tmp_path: Path) -> None:
    """A run of so many inputs over a target of ours ends, finds nothing, and reaches what the first inputs do."""
    command = [sys.executable, str(HERE / "guided.py"), "map", "--runs", "400", "--keep", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.match(r"map: \d+ inputs in \d+ s of processor time, edges [1-9]", done.stdout)
    assert not list(tmp_path.iterdir())
