# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's configuration: from a file, or from inside the kernel, and what it says of the options.

Reads ``.config`` and ``include/config/auto.conf``, and the copy that ``CONFIG_IKCONFIG`` embeds
(``kernel/configs.c``: a gzip stream between ``IKCFG_ST`` and ``IKCFG_ED``). Which variable makes which option is
what ``scripts/link-vmlinux.sh`` asks.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any

from elfsyms.e_machine import EM_IA64, EM_TILEGX
from elfsyms.errors import InputError
from elfsyms.files import open_input, reading
from elfsyms.releases.options import OPTIONS, prefix_character
from elfsyms.releases.table_labels import address_of
from elfsyms.releases.versions import When

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from elfsyms.image.elf import Abi, Image
    from elfsyms.image.symbols import SymbolTable
    from elfsyms.releases.format_history import Release

__all__ = [
    "boot_file",
    "config_beside",
    "configured_options",
    "default_base_relative",
    "embedded_config",
    "read_config",
]

_LINE = re.compile(r'^CONFIG_(\w+)=(?:"(.*)"|(.*))$', re.MULTILINE)
_ADDRESS = re.compile(r"(?:0x)?[0-9a-fA-F]{1,16}")
_UNSET = re.compile(r"^# CONFIG_\w+ is not set$", re.MULTILINE)
_XIP_SPARED = When("3.15..")
# What /boot calls kernels; beside them lie config-* and System.map-*.
_STEMS = ("vmlinuz-", "vmlinux-", "kernel-")
_MAGIC = b"IKCFG_ST"
_GZIP = 31  # zlib's word for a gzip header
_GZIP_MAGIC = b"\x1f\x8b"
_MOST = 1 << 20  # bytes of a compressed configuration; real ones have 60,000
_MOST_TEXT = 1 << 22  # bytes of it unpacked; real ones have 300,000


def read_config(path: str | Path) -> dict[str, str]:
    """Return the variables of a configuration file, without ``CONFIG_``; absent ones are not set.

    It may be packed, as ``/proc/config.gz`` is. Raises :class:`InputError` for a file that cannot be read, or says
    nothing of any variable.
    """
    with reading(path), open_input(path) as stream:
        data = stream.read(_MOST_TEXT)
    try:
        text = _unpacked(data) if data.startswith(_GZIP_MAGIC) else data.decode("utf-8", "replace")
    except zlib.error as why:
        raise InputError(f"{path} is a damaged gzip file ({why}); copy it again") from why
    found = _parse(text)
    if not found and not _UNSET.search(text):
        raise InputError(
            f"{path} is no kernel configuration: it sets no CONFIG_ variable; give a .config or auto.conf"
        )
    return found


def _unpacked(data: bytes) -> str:
    """Return the text of a packed configuration; :class:`zlib.error` where it is damaged."""
    return zlib.decompressobj(_GZIP).decompress(data, _MOST_TEXT).decode("utf-8", "replace")


def boot_file(path: Path, kind: str) -> Path | None:
    """Return what lies beside a kernel in /boot, by how its name begins: ``config-R`` beside ``vmlinuz-R``."""
    stem = next((stem for stem in _STEMS if path.name.startswith(stem)), None)
    beside = path.with_name(kind + path.name.removeprefix(stem)) if stem else None
    return beside if beside is not None and beside.is_file() else None


def config_beside(path: Path) -> Path | None:
    """Return the configuration that lies beside a kernel: in /boot, or ``.config`` in its build tree."""
    own = path.with_name(".config")
    return boot_file(path, "config-") or (own if path.name == "vmlinux" and own.is_file() else None)


def embedded_config(image: Image, table: SymbolTable) -> dict[str, str] | None:
    """Return the configuration inside a kernel, or None where there is none."""
    address, end = (address_of(table, name) for name in (b"kernel_config_data", b"kernel_config_data_end"))
    if address is None:
        return None
    end = end or 0
    data = image.read_some(address, min(end - address, _MOST) if end > address else _MOST)
    try:
        return _parse(_unpacked(data.removeprefix(_MAGIC)))
    except zlib.error:
        return None


def configured_options(config: Mapping[str, str], release: Release) -> dict[str, Any]:
    """Return the values of the :class:`Options` that a configuration decides, for a release that knows them."""
    options = [option for option in OPTIONS if option.of_generator and release.knows(option.flag)]
    values: dict[str, Any] = {
        option.field: any(config.get(name, "n") not in ("n", "") for name in option.kconfig)
        for option in options
        if option.kconfig
    }
    special = {o.field: _SPECIAL[o.field](config, release) for o in options if o.field in _SPECIAL}
    return values | special


def default_base_relative(abi: Abi) -> bool:
    """Return Kconfig's default of ``KALLSYMS_BASE_RELATIVE`` (4.6 to 6.10): yes, but on Itanium and 64-bit Tile."""
    return abi.machine not in (EM_IA64, EM_TILEGX)


def _parse(text: str) -> dict[str, str]:
    return {m[1]: m[2] if m[2] is not None else m[3] for m in _LINE.finditer(text)}


def _symbol_prefix(config: Mapping[str, str], _: Release) -> bytes:
    """Return the prefix: a variable of its own until 3.9, a yes or no with a fixed underscore since."""
    if config.get("HAVE_UNDERSCORE_SYMBOL_PREFIX") == "y":
        return b"_"
    text = config.get("SYMBOL_PREFIX", "")
    try:
        return prefix_character(text)
    except ValueError:
        raise InputError(
            f'CONFIG_SYMBOL_PREFIX="{text[:20]}" is no printable ASCII character: correct the configuration'
        ) from None


def _page_offset(config: Mapping[str, str], release: Release) -> int | None:
    """Return ARM's PAGE_OFFSET, which the build passes; since 3.15 not of a kernel that runs in place."""
    in_place = config.get("XIP_KERNEL") == "y" and release.version in _XIP_SPARED
    if config.get("ARM") != "y" or in_place or "PAGE_OFFSET" not in config:
        return None
    text = config["PAGE_OFFSET"]
    if not _ADDRESS.fullmatch(text):
        raise InputError(f"CONFIG_PAGE_OFFSET={text[:40]} is no address: correct the configuration")
    return int(text, 16)


# Options that are not made by a variable that says yes or no.
_SPECIAL: dict[str, Callable[[Mapping[str, str], Release], Any]] = {
    "symbol_prefix": _symbol_prefix,
    "page_offset": _page_offset,
}
