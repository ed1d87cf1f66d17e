# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel's own tables tell: symbols, the kernel's bytes at their addresses, its banner, and what proves it.

Leaves out how it is found (``recover.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfsyms.decode.fitting import span_of

if TYPE_CHECKING:
    from elfsyms.decode.decoded import Decoded
    from elfsyms.decode.found import Found
    from elfsyms.image.kernel_file import KernelFile
    from elfsyms.image.memory import Memory
    from elfsyms.releases.versions import Version

__all__ = ["Recovered"]


@dataclass(frozen=True, slots=True, eq=False)
class Recovered:
    """What a kernel's own tables tell.

    ``version`` is that of the banner, whose text is ``banner`` (empty: none) at ``banner_at``; ``search`` are
    sentences on how the tables were found, ``notes`` what could not be told. ``memory`` has the kernel's
    bytes at their addresses; ``placed`` tells whether these are the true ones, else they count from ``_text`` (if
    it is not in the tables, from the first symbol).
    ``found`` is what the search found, None where notes named the tables.
    """

    file: KernelFile
    decoded: Decoded
    memory: Memory
    placed: bool
    version: Version | None
    banner: bytes
    banner_at: int | None
    search: tuple[str, ...]
    notes: tuple[str, ...]
    found: Found | None = None

    @property
    def evidence(self) -> tuple[str, ...]:
        """Sentences on how the tables were found, and which releases write such (all are asked: on demand)."""
        return (*self.search, *(_format(self.found) if self.found is not None else ()))


def _format(found: Found) -> list[str]:
    span = span_of(found)
    told = f"tables as from {span}" if span else "no release known writes tables quite like these"
    return [f"{told}: {', '.join(found.order)}; addresses as {found.addresses.form}"]
