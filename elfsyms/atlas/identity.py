# SPDX-License-Identifier: GPL-2.0-or-later
"""Which kernel a file is: what it calls itself, of which release, flavour and architecture, and its id.

The id is the build-id; where there is none, a digest of what the file says of its symbols. Two files of one id are
the same kernel, however they are named or packed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from elfsyms.detect.banner import kernel_name, read_banner
from elfsyms.e_machine import (
    EM_68K,
    EM_386,
    EM_AARCH64,
    EM_ALPHA,
    EM_ARM,
    EM_IA64,
    EM_LOONGARCH,
    EM_MIPS,
    EM_PARISC,
    EM_PPC,
    EM_PPC64,
    EM_RISCV,
    EM_S390,
    EM_SH,
    EM_SPARC,
    EM_SPARCV9,
    EM_X86_64,
)
from elfsyms.image.build_id import build_id
from elfsyms.releases.versions import format_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elfsyms.image.elf import Abi
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.releases.versions import Version

__all__ = ["Identity", "identify", "release_key"]

# What stands behind a release's number and the packager's own: 6.1.0-57-cloud-amd64, 6.8.5-301.fc40.x86_64.
_FLAVOUR = re.compile(r"\d+(?:\.\d+)*(?:[+~][\w.]+)?(?:-rc\d+)?(?:-\d[\w.]*)?-(?P<flavour>[a-z][\w-]*)")
_CANDIDATE = re.compile(r"-rc\d+")
_ARCHITECTURES = {
    (EM_SPARC, 32): "sparc",
    (EM_386, 32): "i686",
    (EM_68K, 32): "m68k",
    (EM_MIPS, 32): "mips",
    (EM_MIPS, 64): "mips64",
    (EM_PARISC, 32): "parisc",
    (EM_PARISC, 64): "parisc64",
    (EM_PPC, 32): "ppc",
    (EM_PPC64, 64): "ppc64",
    (EM_S390, 32): "s390",
    (EM_S390, 64): "s390x",
    (EM_ARM, 32): "arm",
    (EM_SH, 32): "sh",
    (EM_SPARCV9, 64): "sparc64",
    (EM_IA64, 64): "ia64",
    (EM_X86_64, 64): "x86_64",
    (EM_AARCH64, 64): "aarch64",
    (EM_RISCV, 32): "riscv32",
    (EM_RISCV, 64): "riscv64",
    (EM_LOONGARCH, 64): "loongarch64",
    (EM_ALPHA, 64): "alpha",
}
_LITTLE = {"mips": "mipsel", "mips64": "mips64el", "ppc": "ppcle", "ppc64": "ppc64le"}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a kernel is. ``release`` is the upstream version, ``order`` a number that sorts as releases do."""

    id: str
    build_id: str
    kernel: str
    release: str
    order: int
    flavour: str
    architecture: str
    source: str  # what its symbols were read from: "symtab", "map" or "tables"

    @property
    def series(self) -> str:
        """The release's first two numbers, with a letter before them, so that nobody takes 6.10 for 6.1."""
        return "v" + ".".join(self.release.split(".")[:2])

    def facts(self) -> dict[str, str | int]:
        """Return everything, by name."""
        return {**asdict(self), "series": self.series}


def identify(kernel: Kernel) -> Identity:
    """Return who a kernel with a symbol table is."""
    banner = read_banner(kernel.image, kernel.symbols) or b""
    own = build_id(kernel.image)
    return make_identity(
        banner, own or f"sha256-{_digest(kernel)}", own, kernel.release.version, kernel.image.abi, "symtab"
    )


def make_identity(
    banner: bytes, id_: str, own_build_id: str, version: Version, abi: Abi, source: str
) -> Identity:
    """Return an identity made of the facts that a file tells."""
    name = kernel_name(banner) or format_version(version)
    return Identity(
        id=id_,
        build_id=own_build_id,
        kernel=name,
        release=format_version(version),
        order=_order(version),
        flavour=flavour_of(name),
        architecture=architecture_of(abi),
        source=source,
    )


def flavour_of(kernel: str) -> str:
    """Return the flavour in a kernel's name, empty where it has none.

    >>> flavour_of("6.1.0-57-cloud-amd64"), flavour_of("6.12.117+deb12-amd64"), flavour_of("7.3.0-rc7")
    ('cloud-amd64', 'amd64', '')
    """
    match = _FLAVOUR.fullmatch(kernel)
    return match["flavour"] if match and not match["flavour"].startswith("rc") else ""


def architecture_of(abi: Abi) -> str:
    """Return an architecture as ``uname -m`` calls it."""
    name = _ARCHITECTURES.get((abi.machine, abi.bits), f"machine-{abi.machine}-{abi.bits}")
    return _LITTLE.get(name, name) if abi.byte_order == "<" else name


def _order(version: Version) -> int:
    """Return a number of three digits a part."""
    order = 0
    for part in version:
        order = order * 1000 + min(part, 999)
    return order


def release_key(facts: Mapping[str, Any]) -> tuple[int, bool, list[tuple[int, str]]]:
    """Return what sorts kernels as they were released: a candidate before its release, builds by their numbers.

    >>> names = ["7.3-amd64", "7.3-rc10-amd64", "7.3-rc9-amd64"]
    >>> sorted(names, key=lambda name: release_key({"kernel": name, "release_order": 7003000000}))
    ['7.3-rc9-amd64', '7.3-rc10-amd64', '7.3-amd64']
    """
    name = facts["kernel"]
    parts = [(int(number or -1), text) for number, text in re.findall(r"(\d{1,18})|(\D+)", name)]
    return facts["release_order"], _CANDIDATE.search(name) is None, parts


def _digest(kernel: Kernel) -> str:
    raw = kernel.image.raw_symtab()
    return hashlib.sha256(raw.entries + raw.strings).hexdigest()[:40]
