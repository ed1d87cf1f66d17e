# SPDX-License-Identifier: GPL-2.0-or-later
"""A module's file (``.ko``), as the kernel's loader sees it: its name, and where each section will lie.

A module is a relocatable object: its symbols count from the start of their sections, and all sections from zero.
The loader puts those that stay together, in groups (``kernel/module/main.c``, ``layout_sections``): code, then
read-only data, data written once, data; and those that are freed once the module has started in groups of their
own. Within a group the sections keep the file's order. Here the groups are laid out side by side from an address
that is as good as any, so that every symbol and every line of the debug information has an address of its own; an
offset in a symbol does not depend on it, and a group's own address is one subtraction away.

Modules may be packed (``.ko.xz``, ``.ko.zst``, ``.ko.gz``). Leaves out what the loader adds: PLT and trampolines.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.e_machine import EM_ARM, EM_PPC64
from elfsyms.errors import InputError
from elfsyms.files import open_input, reading
from elfsyms.image.elf import RELOCATABLE, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_SYMTAB, read_image
from elfsyms.image.symbols import entry_type
from elfsyms.unpack.codecs import codec_of

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.image.elf import Image, Section

__all__ = [
    "GROUPS",
    "NOT_LOADED",
    "PERCPU",
    "ModuleFile",
    "freed_at_exit",
    "freed_at_start",
    "group_of",
    "is_module_path",
    "module_bytes",
    "module_name",
    "open_module",
]

_SUFFIXES = re.compile(r"\.ko(\.debug)?(\.gz|\.xz|\.zst)?\Z")

# The groups of sections in the order of their layout; what a section is decides by its flags and its name.
GROUPS = ("text", "rodata", "ro_after_init", "data", "init_text", "init_rodata", "init_data", "percpu")
PERCPU = ".data..percpu"  # copied to each CPU's own memory, not into a group
_STEP = 1 << 24  # bytes between the groups of a module laid out here; a group is smaller
# How the names of sections begin that are freed once the module has started, and of those for leaving. ARM has its
# unwinding tables beside them; 64-bit PowerPC frees none, for stubs and table of contents serve all code alike
# (``module_init_section`` and ``module_exit_section`` of ``arch/*/kernel/module*.c``).
_INIT, _EXIT = (".init",), (".exit",)
_OWN_INIT: dict[int, tuple[str, ...]] = {
    EM_ARM: (*_INIT, ".ARM.extab.init", ".ARM.exidx.init"),
    EM_PPC64: (),
}
_OWN_EXIT = {EM_ARM: (*_EXIT, ".ARM.extab.exit", ".ARM.exidx.exit")}
# Their SHF_ALLOC is taken away before anything looks at them (``rewrite_section_headers``).
NOT_LOADED = (".modinfo", "__versions", "__version_ext_crcs", "__version_ext_names")


@dataclass(frozen=True, slots=True)
class ModuleFile:
    """An open module: its image with every symbol at an address of its own, and where the sections were put.

    ``bases`` are the addresses of the loaded sections by their index.
    """

    name: str
    image: Image
    bases: dict[int, int]

    def group_start(self, group: str) -> int:
        """Return the address at which a group was put here."""
        return _start(group)


def is_module_path(path: Path) -> bool:
    """Tell whether a file's name is that of a module, packed or not."""
    return bool(_SUFFIXES.search(path.name))


def module_name(path: Path) -> str:
    """Return the name that the kernel gives the module of a file: dashes are underscores there.

    >>> from pathlib import Path
    >>> module_name(Path("/lib/modules/6.12.0/kernel/snd-hda-intel.ko.xz"))
    'snd_hda_intel'
    """
    return _SUFFIXES.sub("", path.name).replace("-", "_")


def open_module(path: Path) -> ModuleFile:
    """Open a module's file.

    Raises :class:`InputError` for what cannot be read or unpacked, or is no relocatable object.
    """
    data = module_bytes(path)
    image = read_image(path, io.BytesIO(data))
    if image.file_type != RELOCATABLE:
        raise InputError(f"{path} is no module: it is {image.file_type}")
    bases = _layout(image)
    moved = read_image(path, io.BytesIO(_moved(image, bases, data)))
    return ModuleFile(module_name(path), moved, bases)


def freed_at_start(section: Section, machine: int) -> bool:
    """Tell whether a section is freed once the module has started."""
    return section.name.startswith(_OWN_INIT.get(machine, _INIT))


def freed_at_exit(section: Section, machine: int) -> bool:
    """Tell whether a section is for leaving alone: a kernel that never unloads modules frees it, too."""
    return section.name.startswith(_OWN_EXIT.get(machine, _EXIT))


def group_of(section: Section, machine: int) -> str | None:
    """Return the group that the loader of a machine puts a section in, None for one that it does not load."""
    if not section.flags & SHF_ALLOC or section.name in NOT_LOADED:
        return None
    if section.name == PERCPU:
        return "percpu"
    init = "init_" if freed_at_start(section, machine) else ""
    if section.flags & SHF_EXECINSTR:
        return f"{init}text"
    if section.name in (".data..ro_after_init", "__jump_table"):
        return "ro_after_init"
    return f"{init}data" if section.flags & SHF_WRITE else f"{init}rodata"


def _start(group: str) -> int:
    return _STEP * (1 + GROUPS.index(group))


def _layout(image: Image) -> dict[int, int]:
    """Give every loaded section an address: group by group, aligned, in the file's order.

    Raises :class:`InputError` for sizes that no address space has.
    """
    ends = {group: _start(group) for group in GROUPS}
    bases = {}
    for section in image.sections:
        group = group_of(section, image.abi.machine)
        if group is None:
            continue
        align = max(section.align, 1)
        bases[section.index] = -(-ends[group] // align) * align
        ends[group] = bases[section.index] + section.size
        if ends[group] >> 63:
            raise InputError(
                f"{image.path}: section {section.name} of {section.size:#x} bytes fits no address space"
            )
    return bases


def _moved(image: Image, bases: dict[int, int], data: bytes) -> bytes:
    """Return the file with every symbol moved to where its section was put.

    Debug information names addresses by relocations against symbols, and so follows. Raises :class:`InputError` for
    a symbol table that does not lie in the file.
    """
    symtab = next((s for s in image.sections if s.type == SHT_SYMTAB), None)
    if symtab is None:
        return data
    moved = bytearray(data)
    entry = entry_type(image.abi)
    count = len(image.section_bytes(symtab)) // entry.itemsize
    rows = np.frombuffer(moved, entry, count, symtab.offset)
    shift = np.zeros(len(image.sections) + 1, np.uint64)
    shift[list(bases)] = list(bases.values())
    section = rows["section"].astype(np.int64)
    known = (section > 0) & (section < len(image.sections))
    rows["value"] += np.where(known, shift[np.where(known, section, 0)], 0).astype(rows["value"].dtype)
    return bytes(moved)


def module_bytes(path: Path) -> bytes:
    """Return a module's bytes, unpacked; raises :class:`InputError` for a file that cannot be read or unpacked."""
    with reading(path), open_input(path) as stream:
        data = stream.read()
    codec = codec_of(data)
    return data if codec is None else bytes(codec.open(memoryview(data), str(path)))
