# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel, opened from whatever is at hand: the one function that the commands ask.

A vmlinux with its symbols is opened as it is. Everything else (boot images, stripped files, dumps) is searched for
its tables, and made into a vmlinux in memory (``rebuild.py``), so that each question can be asked of it: of the
symbols in its tables, or of those of a map, to which the rules of the kernel's own release are then applied.

Leaves out objects and modules, which are no kernels.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.detect.banner import read_banner
from elfsyms.detect.kconfig import boot_file
from elfsyms.detect.request import Finding, Findings
from elfsyms.errors import InputError, UsageError
from elfsyms.image.elf import read_image
from elfsyms.image.kernel_file import open_kernel_file
from elfsyms.image.mapfile import read_map
from elfsyms.pipeline.kernel import Kernel, load_with

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.decode.recovered import Recovered
    from elfsyms.detect.request import Request
    from elfsyms.image.records import Records

__all__ = ["kernel_of_tables", "map_beside", "open_kernel"]


def open_kernel(path: Path, request: Request, system_map: Path | None = None) -> Kernel:
    """Open a kernel in any form.

    ``system_map`` gives the symbols of a kernel that has none. Raises what ``load_with`` does,
    :class:`NotThereError` for a file without tables, :class:`UsageError` for a map beside symbols.
    """
    with open_kernel_file(path) as file:
        if file.has_symbols and not file.layers:
            if system_map is not None:
                raise UsageError(f"{path} has symbols of its own: --map is for kernels without")
            return load_with(path, request)
        if file.has_symbols:
            data = bytes(file.data)
            return Kernel(read_image(path, io.BytesIO(data)), _with_config(path, request))
        from elfsyms.decode.recover import recover  # noqa: PLC0415 (not for a vmlinux: 40 ms)

        return kernel_of_tables(recover(file, request.release), request, system_map)


def kernel_of_tables(recovered: Recovered, request: Request, system_map: Path | None = None) -> Kernel:
    """Make a vmlinux of an image, with the symbols of its tables or of a map, and open that."""
    from elfsyms.decode.rebuild import rebuild  # noqa: PLC0415 (as above)

    path = recovered.file.path
    records = None if system_map is None else _lines(system_map, recovered)
    data = rebuild(recovered, records)
    wanted = _with_config(path, request)
    kernel = Kernel(read_image(path, io.BytesIO(data)), wanted)
    unnamed = wanted.release is None and read_banner(kernel.image, kernel.symbols) is None
    if unnamed:  # no symbol says where the banner is
        kernel = Kernel(kernel.image, wanted.changed(release=recovered.decoded.release.name))
    kernel.symbols_from = "tables" if system_map is None else "map"
    findings = _release_from(kernel.findings, recovered) if unnamed else kernel.findings
    kernel.findings = _told(findings, recovered, system_map)
    return kernel


def _release_from(findings: Findings, recovered: Recovered) -> Findings:
    """Say what in an image told its release: nobody gave it."""
    source = "its tables alone"
    if recovered.version is not None:
        source = "a banner in the image" if recovered.banner else "the image's header, or a banner in it"
    found = (replace(one, source=source) if one.what == "release" else one for one in findings.found)
    return replace(findings, found=tuple(found))


def _lines(system_map: Path, recovered: Recovered) -> Records:
    """Return the lines of a map; nm extends the sign of MIPS addresses of 32 bits, which no table does."""
    records = read_map(system_map).records
    return replace(records, address=records.address & np.uint64((1 << recovered.decoded.abi.bits) - 1))


def _told(findings: Findings, recovered: Recovered, system_map: Path | None) -> Findings:
    """Add how the tables were found, and where the symbols are from."""
    source = "the tables in the image" if system_map is None else str(system_map)
    symbols = Finding("symbols", f"{len(recovered.decoded):,} in the tables", f"as names: {source}")
    found = [Finding("tables", "found without labels", sentence) for sentence in recovered.evidence]
    return replace(
        findings,
        found=(*found, symbols, *findings.found),
        warnings=(*findings.warnings, *recovered.notes, *recovered.decoded.problems),
    )


def _with_config(path: Path, request: Request) -> Request:
    """Take the configuration that lies beside a kernel in /boot, where none was given."""
    beside = boot_file(path, "config-") if request.config is None and request.tree is None else None
    return request if beside is None else request.changed(config=beside)


def map_beside(recovered: Recovered) -> Path | None:
    """Return the System.map that lies beside a kernel in /boot, where it is this kernel's own.

    It is, if every symbol of the tables is in it, at its address. (Some packages bring a file of one line instead.)
    """
    path = boot_file(recovered.file.path, "System.map-")
    if path is None:
        return None
    try:
        lines = _lines(path, recovered)
    except InputError:
        return None
    there = set(zip(lines.names(), lines.address.tolist(), strict=True))
    decoded = recovered.decoded
    return path if there.issuperset(zip(decoded.names(), decoded.address.tolist(), strict=True)) else None
