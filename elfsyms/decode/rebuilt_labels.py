# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels that the generator dropped, for a vmlinux that is made of an image: tables, banner, configuration, edges.

Before 6.10 the tables are not among the symbols, and without ``KALLSYMS_ALL`` no data is. Where they lie is known
all the same, and who opens the made file looks for these labels.

Leaves out the symbols of the tables themselves (``rebuilt_symbols.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.records import Records
from elfsyms.releases.matchers import begin_with

if TYPE_CHECKING:
    from elfsyms.decode.recovered import Recovered
    from elfsyms.releases.format_history import Release

__all__ = ["with_labels"]

_CONFIG = b"IKCFG_ST\x1f\x8b\x08"  # kernel/configs.c: a mark, and gzip
_CONFIG_MARK = 8  # bytes
_LABELS = (b"kallsyms_", b"linux_banner", b"kernel_config_data")


def with_labels(recovered: Recovered, lines: Records) -> Records:
    """Add labels that the generator dropped: those of the tables, of the banner and of the configuration inside."""
    known = {name for name in lines.names() if name.startswith(_LABELS)}
    decoded, data = recovered.decoded, _has_data(lines, recovered.decoded.release)
    wanted = {}
    if not (
        data and decoded.release.kept_prefixes
    ):  # from 951bcae6c5a0 (6.10) on labels are symbols like others
        wanted = {b"kallsyms_" + name.encode(): slot for name, slot in decoded.tables.items()}
    if not data and recovered.banner_at is not None:
        wanted[b"linux_banner"] = recovered.banner_at
    if not data and (config := _configuration(recovered)) is not None:
        wanted[b"kernel_config_data"] = config
    if not data:
        wanted |= _boundaries(recovered, lines)
    added = {name: slot for name, slot in wanted.items() if name not in known}
    if not added:
        return lines
    size = np.array([len(name) for name in added], np.int64)
    pool = b"\0".join(added) + b"\0"
    return Records(
        symbol=np.arange(len(lines) + len(added)),
        address=np.concatenate([lines.address, np.array(list(added.values()), np.uint64)]),
        letter=np.concatenate([lines.letter, np.full(len(added), ord("R"), np.uint8)]),
        defined=np.ones(len(lines) + len(added), np.bool_),
        pool=lines.pool + pool,
        start=np.concatenate([lines.start, len(lines.pool) + np.cumsum(size + 1) - size - 1]),
        size=np.concatenate([lines.size, size]),
    )


def _boundaries(recovered: Recovered, lines: Records) -> dict[bytes, int]:
    """Return the boundary symbols that the generator needs and drops itself where only code is kept.

    ``_text``, from which addresses are written, lies outside where ``_stext`` does not begin the image; and at the
    end of the text ``_etext`` alone is kept, so that ``_sinittext`` is not, where ``__init`` text follows at once
    (both are so for LoongArch).
    """
    edges = (b"_text", b"_etext", b"_sinittext", b"_einittext")
    known = {
        name: address
        for name, address in zip(lines.names(), lines.address.tolist(), strict=True)
        if name in edges
    }
    found = {}
    if recovered.decoded.form == "pc-relative" and b"_text" not in known:
        found[b"_text"] = recovered.memory.lowest
    if b"_sinittext" not in known and 0 < known.get(b"_etext", 0) < known.get(b"_einittext", 0):
        found[b"_sinittext"] = known[b"_etext"]
    return found


def _configuration(recovered: Recovered) -> int | None:
    """Return where the configuration begins that ``CONFIG_IKCONFIG`` puts into a kernel, behind a mark."""
    file = recovered.file
    if file.is_core:  # of whose memory only pieces are read
        return None
    start = file.data.find(_CONFIG)
    if start < 0 or file.data.find(_CONFIG, start + 1) >= 0:
        return None
    offset = start + _CONFIG_MARK
    runs = [run for run in file.runs() if run.offset <= offset < run.offset + run.size]
    if file.image is not None:
        return runs[0].address + offset - runs[0].offset if runs else None
    return recovered.memory.spans[0].start + offset


def _has_data(lines: Records, release: Release) -> bool:
    """Tell whether symbols of data are among the lines, so that those of labels and banner would be, too.

    What the release keeps wherever it lies is no proof.
    """
    data = np.isin(lines.letter, list(b"rRdDbB"))
    return bool((data & ~begin_with(lines, release.kept_prefixes)).any())
