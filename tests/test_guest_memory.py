# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory of real guests: Debian's kernels booted under KASLR, dumped in three ways, decoded, and asked themselves.

``scripts/memory_dump.py`` does the work; each boot takes half a minute of processor time.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "scripts"))

from debian import DebianError
from memory_dump import DUMPS, PORTS, compare, dump, own_lines, sparse_folder
from prove_images import newest_images

pytestmark = [pytest.mark.kernel, pytest.mark.long]

# The port, and what the image's path in the cache looks like. 5.10 for i386 has neither notes that tell of tables
# nor a segment of its text in kcore; 7.3 has distances, which are right at one address alone.
GUESTS = {
    "5.10 of 32 bits": ("i386", r"^i386/vmlinuz-5\.10\..*-686-pae"),
    "6.12": ("x86_64", r"^amd64/vmlinuz-6\.12\.[^_]*-amd64"),
    "7.3": ("x86_64", r"^amd64/vmlinuz-7\.3\.[^_]*-amd64"),
}


@pytest.mark.parametrize("guest", GUESTS)
def test_a_guests_memory_has_the_symbols_that_it_shows(guest: str) -> None:
    """Raw memory, a core of QEMU and the guest's /proc/kcore decode to the lines of its own /proc/kallsyms."""
    port, match = GUESTS[guest]
    images = [path for path in newest_images(match) if "-rt-" not in path.name and "-cloud-" not in path.name]
    if not images or shutil.which(PORTS[port][0]) is None:
        pytest.skip(f"wants {PORTS[port][0]}, and {match} in the cache: scripts/prove_images.py --fetch")
    with tempfile.TemporaryDirectory(dir=sparse_folder()) as temporary:
        folder = Path(temporary)
        try:
            shown = own_lines(dump(images[0], folder, 512, port))
        except DebianError as error:
            pytest.skip(str(error))
        assert len(shown) > 20_000
        assert {name: compare(folder / name, shown) for name in DUMPS} == dict.fromkeys(DUMPS, "")
