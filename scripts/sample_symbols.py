# SPDX-License-Identifier: GPL-2.0-or-later
"""Which symbols a sample keeps: some of every kind that a rule of kallsyms looks at, and a draw.

The kinds by name are a table of patterns (:data:`KINDS`); the others come from the records: every combination
of section, binding and type, the first and last symbol of each section, whatever stands at a range symbol's
address, whole groups of aliases. The rest is drawn. One seed makes one choice.

Follows the gABI's "Symbol Table"; leaves out how names are ordered or compressed: a sample is input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from elfsyms.image.elf import SHF_ALLOC

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi, Image, RawSymtab

__all__ = ["Records", "Symtab", "choose", "read_symtab", "reduced", "structure"]

Records = np.ndarray[Any, np.dtype[np.void]]

CAP = 40  # symbols of one kind, unless the kind is kept whole
FEW = 3  # symbols of an ordinary combination of section, binding and type
ALIASES = 10  # one tenth of the symbols come as whole groups at one address

# What the rules of any release look at in a name; the first that matches. Kinds in WHOLE are not thinned out.
KINDS = {
    "tables": rb"^kallsyms_",
    "ranges": rb"^(_text|_end|_edata|_s?e?text|_[se]inittext|_[se]extratext|_[se]text_l[12])$",
    "per_cpu": rb"^__per_cpu_|^fixed_percpu_data$|^pcpu_hot$",
    "banner": rb"^linux_(proc_)?banner$",
    "exempt": rb"^(__gp|__kernel_syscall_via_(break|epc)|__kernel_sigtramp)$",
    "bases": rb"^(_SDA2?_BASE_|_GLOBAL_OFFSET_TABLE_)$",
    "mapping": rb"^\$",
    "prefixed_mapping": rb"^__(pi|kvm_nvhe)_\$",
    "local": rb"^(\.L|L0|\.\.)",
    "prefixed_local": rb"^__(pi|kvm_nvhe)_\.L",
    "thunk": rb"^__[A-Za-z0-9]*Thunk_",
    "kcfi": rb"kcfi_typeid_",
    "crc": rb"^__crc_",
    "kstrtab": rb"^__kstrtab_",
    "kstrtabns": rb"^__kstrtabns_",
    "efistub": rb"^__efistub_",
    "nvhe": rb"^__kvm_nvhe_",
    "pi": rb"^__pi_",
    "pfx": rb"^__pfx_",
    "modinfo": rb"^__UNIQUE_ID_modinfo",
    "unique": rb"^__UNIQUE_ID_",
    "device_table": rb"__mod_device_table__",
    "veneer": rb"_(veneer|from_arm|from_thumb)$",
    "branch": rb"\.(long|plt)_branch\.",
    "start_stop": rb"^__(start|stop)_",
    "script_name": rb"^__(end_.*|.*_start|.*_end)$",
    "llvm": rb"\.llvm\.",
    "suffix": rb"\.(isra|constprop|part|cold|lto_priv)\.",
    "compiled": rb"_compiled\.",
    "hostile": rb"[^A-Za-z0-9_.$]",
    "long": rb"^.{100,}$",
    "underscores": rb"^_{3,}",
}
WHOLE = {"tables", "ranges", "per_cpu", "banner", "exempt", "bases"}


# The gABI's structures, for either class.
SYMBOL_32 = "name:u4 value:u4 size:u4 info:u1 other:u1 index:u2"
SYMBOL_64 = "name:u4 info:u1 other:u1 index:u2 value:u8 size:u8"

SHN_LORESERVE, SHN_XINDEX = 0xFF00, 0xFFFF
STB_LOCAL, STB_WEAK = 0, 2
STT_FUNC = 2
HIDDEN = (3, 4)  # STT_SECTION and STT_FILE: nm does not show them


@dataclass(frozen=True, slots=True)
class Symtab:
    """The symbol table, entry by entry.

    ``extended`` is ``SHT_SYMTAB_SHNDX``, empty if absent. ``plain``: in memory, neither STT_SECTION nor
    STT_FILE; the others are no part of any table, so a few of them are enough.
    """

    records: Records
    extended: NDArray[np.uint32]
    names: list[bytes]
    plain: NDArray[np.bool_]


def structure(fields_32: str, fields_64: str, abi: Abi) -> np.dtype[np.void]:
    """Return the numpy type of a structure for a file's class and byte order."""
    fields = (fields_64 if abi.word > 4 else fields_32).split()
    pairs = [field.split(":") for field in fields]
    return np.dtype([(name, kind if kind[0] == "V" else abi.byte_order + kind) for name, kind in pairs])


def read_symtab(image: Image) -> Symtab:
    """Decode a file's symbol table."""
    raw: RawSymtab = image.raw_symtab()
    records = np.frombuffer(raw.entries, structure(SYMBOL_32, SYMBOL_64, image.abi))
    extended = np.frombuffer(raw.extended_indices, f"{image.abi.byte_order}u4")
    names = [raw.strings[start : raw.strings.index(b"\0", start)] for start in records["name"].tolist()]
    loaded = np.array([section.flags & SHF_ALLOC != 0 for section in image.sections])
    index = records["index"].astype(np.int64)
    if len(extended):
        index = np.where(index == SHN_XINDEX, extended, index)
    plain = (index >= len(loaded)) | loaded[np.minimum(index, len(loaded) - 1)]
    return Symtab(records, extended, names, plain & ~np.isin(records["info"] & 15, HIDDEN))


def choose(symtab: Symtab, count: int, seed: int) -> NDArray[np.int64]:
    """Return the indices of the symbols to keep, ascending; the null symbol is always the first."""
    random = np.random.default_rng(seed)
    kept = np.zeros(len(symtab.records), bool)
    kept[0] = True
    for members, cap in [*_kinds_by_name(symtab.names), *_kinds_by_record(symtab)]:
        kept[members if cap is None else _draw(random, members, cap)] = True
    kept[_aliases(random, symtab, count // ALIASES)] = True
    kept[_draw(random, np.flatnonzero(symtab.plain & ~kept), count - int(kept.sum()))] = True
    return np.flatnonzero(kept)


def _draw(random: np.random.Generator, members: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return random.permutation(members)[: max(count, 0)]


def _kinds_by_name(names: list[bytes]) -> list[tuple[NDArray[np.int64], int | None]]:
    """Return the members of each kind of name, and how many of them to keep at most."""
    pattern = re.compile(b"|".join(b"(?P<%s>%s)" % (kind.encode(), text) for kind, text in KINDS.items()))
    found: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for index, name in enumerate(names):
        match = pattern.search(name)
        if match:
            found[str(match.lastgroup)].append(index)
    return [(np.array(members, np.int64), None if kind in WHOLE else CAP) for kind, members in found.items()]


def _kinds_by_record(symtab: Symtab) -> list[tuple[NDArray[np.int64], int | None]]:
    """Return what differs by section, binding and type, what stands at edges, and how many to keep."""
    records = symtab.records
    index, info = records["index"].astype(np.int64), records["info"]
    _, inverse, counts = np.unique(index << 8 | info, return_inverse=True, return_counts=True)
    groups = np.split(np.argsort(inverse, kind="stable"), np.cumsum(counts)[:-1])
    odd = symtab.plain & ((index == 0) | (index >= SHN_LORESERVE) | (info >> 4 >= STB_WEAK))
    combinations = [(members, CAP if odd[members[0]] else FEW) for members in groups]
    thumb = np.flatnonzero((records["value"] & 1 == 1) & (info & 15 == STT_FUNC))
    ranges = np.array([re.search(KINDS["ranges"], name) is not None for name in symtab.names])
    beside = np.flatnonzero(symtab.plain & np.isin(records["value"], records["value"][ranges]))
    return [*combinations, (thumb, CAP), (beside, CAP), (_section_edges(symtab), None)]


def _section_edges(symtab: Symtab) -> NDArray[np.int64]:
    """Return the first and the last symbol of each section by address."""
    plain = np.flatnonzero(symtab.plain)
    records = symtab.records[plain]
    order: NDArray[np.int64] = plain[np.lexsort((records["value"], records["index"]))]
    changes = np.flatnonzero(np.diff(symtab.records["index"][order].astype(np.int64)))
    return np.concatenate([order[changes], order[changes + 1]])


def _aliases(random: np.random.Generator, symtab: Symtab, count: int) -> NDArray[np.int64]:
    """Return whole groups of symbols at one address, about ``count`` symbols in all."""
    plain = np.flatnonzero(symtab.plain)
    values = symtab.records["value"][plain]
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    several = random.permutation(np.flatnonzero((sizes > 1) & (sizes < CAP)))
    taken = several[: int(np.searchsorted(np.cumsum(sizes[several]), count))]
    return plain[np.isin(group, taken)]


def reduced(symtab: Symtab, kept: NDArray[np.int64]) -> tuple[bytes, bytes, bytes, int]:
    """Return ``.symtab``, ``.strtab``, ``.symtab_shndx`` of the kept symbols, and the first global."""
    records = symtab.records[kept].copy()
    starts = {b"": 0}
    strings = bytearray(b"\0")
    for name in (symtab.names[index] for index in kept.tolist()):
        if name not in starts:
            starts[name] = len(strings)
            strings += name + b"\0"
    records["name"] = [starts[symtab.names[index]] for index in kept.tolist()]
    extended = symtab.extended[kept].tobytes() if len(symtab.extended) else b""
    outer = np.flatnonzero(records["info"] >> 4 != STB_LOCAL)
    return records.tobytes(), bytes(strings), extended, int(outer[0]) if len(outer) else len(records)
