# SPDX-License-Identifier: GPL-2.0-or-later
"""Which functions of a kernel can be traced, by whom, and the rule that says no.

One pass over the whole symbol table: for each of its entries and each who may ask (ftrace, a kprobe event, a BPF
fentry program, a live patch) the rule of :mod:`elfsyms.releases.trace_rules` that refuses, or none. Everything is
read off the file: the kernel's own lists (``places.py``), its types, its labels, the order of its names.

What holds is what the running kernel says once it has started and freed its ``__init`` text. Leaves out what no
file knows: lockdown, what modules have of the same name, other probes in place, and on machines other than x86 and
arm64 whether a first instruction may be probed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.btf import read_btf
from elfsyms.pipeline.addressing import ordered, seen_address
from elfsyms.releases.matchers import Names, Prefix
from elfsyms.releases.trace_rules import TRACE_RULES, trace_rule
from elfsyms.trace.instructions import ENDBR, refused
from elfsyms.trace.places import EM_386, EM_AARCH64, EM_X86_64, Places

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from elfsyms.image.btf import Btf
    from elfsyms.image.records import Records
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.releases.trace_rules import TraceRule

__all__ = ["CAN", "Traceability", "traceability"]

CAN = -1

Marks = np.ndarray[tuple[int], np.dtype[np.bool_]]

_SHF_EXECINSTR = 0x4
_EM_PPC, _EM_PPC64, _EM_S390, _EM_ARM, _EM_RISCV, _EM_CSKY, _EM_LOONGARCH = 20, 21, 22, 40, 243, 252, 258

# Ranges that kprobes leave alone: the labels around, the rule, the machines (none: all).
_AREAS = (
    ("__kprobes_text_start", "__kprobes_text_end", "TR303", ()),
    ("__noinstr_text_start", "__noinstr_text_end", "TR304", ()),
    ("__entry_text_start", "__entry_text_end", "TR305", (EM_386, EM_X86_64, EM_AARCH64, _EM_ARM)),
    (
        "__irqentry_text_start",
        "__irqentry_text_end",
        "TR306",
        (EM_AARCH64, _EM_RISCV, _EM_S390, _EM_LOONGARCH, _EM_CSKY, _EM_ARM),
    ),
    ("__hyp_text_start", "__hyp_text_end", "TR307", (EM_AARCH64,)),
    ("__hyp_idmap_text_start", "__hyp_idmap_text_end", "TR307", (EM_AARCH64,)),
    ("__idmap_text_start", "__idmap_text_end", "TR308", (EM_AARCH64, _EM_ARM)),
    ("_stext", "__head_end", "TR309", (_EM_PPC, _EM_PPC64)),
)
# How far behind a symbol's address ftrace's call may lie (FTRACE_MCOUNT_MAX_OFFSET), since 5.19.
_FAR = 1 << 62
_CALL_LIMIT = {EM_386: 0, EM_X86_64: 4, _EM_PPC: 8, _EM_PPC64: 16}
_LIMIT_SINCE = (5, 19, 0, 0)

_PIECES = (b".cold", b".part.")
_NOTRACE_TEXT, _NOT_UNIQUE_TEXT = b"Could not probe notrace function", b"The symbol is not unique"


@dataclass(frozen=True, slots=True, eq=False)
class Traceability:
    """The verdict about every entry of ``.symtab``: places in :data:`TRACE_RULES`, or :data:`CAN` (int16).

    ``code`` (bool) marks what is kept and lies in an executable section: the rest is no function to anybody.
    """

    code: NDArray[np.bool_]
    ftrace: NDArray[np.int16]
    kprobe: NDArray[np.int16]
    fentry: NDArray[np.int16]
    livepatch: NDArray[np.int16]

    def rules(self, symbol: int) -> dict[str, TraceRule | None]:
        """Return the rule that refuses one entry by who asks, None where it can be done."""
        columns = {
            "ftrace": self.ftrace,
            "kprobe": self.kprobe,
            "fentry": self.fentry,
            "livepatch": self.livepatch,
        }
        return {name: _rule(int(column[symbol])) for name, column in columns.items()}


def traceability(kernel: Kernel) -> Traceability:
    """Return what can be traced in a kernel, for every entry of its symbol table."""
    return _Judge(kernel).judge()


def _rule(place: int) -> TraceRule | None:
    return None if place == CAN else TRACE_RULES[place]


class _Judge:
    """The facts that the questions share, as arrays over the kept records in table order."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.places = Places(kernel)
        self.records: Records = ordered(kernel)[0]
        self.address: NDArray[np.uint64] = seen_address(kernel, self.records.address)
        self.version = kernel.release.version
        self.machine = kernel.image.abi.machine

    def judge(self) -> Traceability:
        """Ask all four."""
        code = self._code
        ftrace = self._ask(code, self._ftrace_rules())
        kprobe = self._ask(code, self._kprobe_rules())
        fentry = self._ask(code, self._fentry_rules())
        livepatch = self._ask(code, self._livepatch_rules())
        executable = np.zeros(len(self.kernel.symbols), np.bool_)
        executable[self.records.symbol] = code
        return Traceability(executable, ftrace, kprobe, fentry, livepatch)

    def _ask(self, code: Marks, rules: Iterable[tuple[str, Marks]]) -> NDArray[np.int16]:
        """Let rules speak in their order; return the verdict of every entry of the symbol table."""
        verdict = np.full(len(self.records), CAN, np.int16)
        verdict[~code] = trace_rule("TR101")
        for id, marks in (*self._common(), *rules):
            place = trace_rule(id)
            if self.version in TRACE_RULES[place].when:
                verdict[marks & (verdict == CAN)] = place
        result = np.full(len(self.kernel.symbols), trace_rule("TR102"), np.int16)
        result[self._not_code_entries] = trace_rule("TR101")
        result[self.records.symbol] = verdict
        return result

    # What is asked of all.

    @cached_property
    def _executable(self) -> NDArray[np.bool_]:
        """By section number: whether it holds code."""
        flags = [bool(s.flags & _SHF_EXECINSTR) for s in self.kernel.symbols.sections]
        return np.array(flags or [False])

    @cached_property
    def _not_code_entries(self) -> NDArray[np.bool_]:
        """Entries of the symbol table, kept or not, that lie in no code."""
        section = self.kernel.symbols.section
        inside = (section > 0) & (section < len(self._executable))
        return ~(inside & self._executable[np.where(inside, section, 0)])

    @cached_property
    def _code(self) -> Marks:
        return ~self._not_code_entries[self.records.symbol]

    @cached_property
    def _init(self) -> Marks:
        """What is freed once the kernel has started."""
        return self._within(("__init_begin", "__init_end")) | self._within(("_sinittext", "_einittext"))

    @cached_property
    def _outside(self) -> Marks:
        bounds = self.places.bounds("_stext", "_etext")
        return self._nothing if bounds is None else ~self._within(("_stext", "_etext")) & ~self._init

    def _common(self) -> Iterable[tuple[str, Marks]]:
        return ("TR103", self._init), ("TR104", self._outside)

    def _within(self, labels: tuple[str, str]) -> Marks:
        bounds = self.places.bounds(*labels)
        if bounds is None:
            return self._nothing
        return (self.address >= np.uint64(bounds[0])) & (self.address < np.uint64(bounds[1]))

    @cached_property
    def _nothing(self) -> Marks:
        return np.zeros(len(self.records), np.bool_)

    @property
    def _everything(self) -> Marks:
        return ~self._nothing

    def _all_if(self, condition: bool) -> Marks:
        return self._everything if condition else self._nothing

    # Names.

    @cached_property
    def _padding(self) -> Marks:
        names = Names(self.records)
        return Prefix(b"__pfx_").marks(names) | Prefix(b"__cfi_").marks(names)

    @cached_property
    def _dotted(self) -> NDArray[np.int64]:
        """The places of the records that are code and have a dot behind the first letter of their names."""
        pool = np.frombuffer(self.records.pool, np.uint8)
        dots = np.zeros(len(pool) + 1, np.int32)
        np.cumsum(pool == ord("."), out=dots[1:])
        start, size = self.records.start, self.records.size
        inside = (size > 1) & (dots[start + size] > dots[np.minimum(start + 1, len(pool))])
        return np.flatnonzero(inside & self._code)

    @cached_property
    def _piece(self) -> Marks:
        """Parts of functions that begin somewhere in their middle."""
        marks = self._nothing.copy()
        for place in self._dotted.tolist():
            marks[place] = any(piece in self.records.name(place)[1:] for piece in _PIECES)
        return marks

    @cached_property
    def _names(self) -> list[bytes]:
        return list(self.records.names())

    @cached_property
    def _places_by_name(self) -> dict[bytes, int]:
        """The first place of each name in table order."""
        return {name: place for place, name in reversed(list(enumerate(self._names)))}

    @cached_property
    def _first_of_name(self) -> NDArray[np.int64]:
        """For each record, the first record of the same name."""
        first = self._places_by_name
        return np.fromiter((first[name] for name in self._names), np.int64, len(self._names))

    @cached_property
    def _repeated(self) -> Marks:
        """Records whose names others have, too."""
        counts = np.bincount(self._first_of_name, minlength=len(self.records))
        return counts[self._first_of_name] > 1

    # ftrace.

    @cached_property
    def _starts(self) -> NDArray[np.uint64]:
        return np.unique(self.address)

    @cached_property
    def _entries(self) -> NDArray[np.int64]:
        """The place in :attr:`_starts` of the symbol below each of ftrace's calls, and how far below."""
        return self._starts.searchsorted(self._calls, "right").astype(np.int64) - 1

    @cached_property
    def _calls(self) -> NDArray[np.uint64]:
        calls = self.places.ftrace(self._starts)
        return calls[calls >= self._starts[0]] if len(self._starts) else calls[:0]

    @cached_property
    def _slot(self) -> NDArray[np.int64]:
        """The place of each record's address in :attr:`_starts`."""
        return self._starts.searchsorted(self.address).astype(np.int64)

    @cached_property
    def _called(self) -> Marks:
        """Records in whose range, up to the next symbol, one of ftrace's calls lies."""
        marks = np.zeros(len(self._starts), np.bool_)
        marks[self._entries] = True
        return marks[self._slot]

    @cached_property
    def _entered(self) -> Marks:
        """Records at whose start the call lies: near enough for ftrace to give it their name."""
        limit = _CALL_LIMIT.get(self.machine, _FAR) if self.version >= _LIMIT_SINCE else _FAR
        near = (self._calls - self._starts[self._entries]) <= np.uint64(limit)
        marks = np.zeros(len(self._starts), np.bool_)
        marks[self._entries[near]] = True
        return marks[self._slot]

    @cached_property
    def _shadowed(self) -> Marks:
        """Records behind another at the same address."""
        return np.append(False, self.address[1:] == self.address[:-1])[: len(self.address)]

    def _ftrace_rules(self) -> Iterable[tuple[str, Marks]]:
        yield "TR201", self._all_if(not self.places.has_ftrace)
        missing = ~self._entered
        yield "TR202", self._padding & missing
        yield "TR203", self._within(("__noinstr_text_start", "__noinstr_text_end")) & missing
        yield "TR204", self._piece & missing
        yield "TR205", missing
        yield "TR206", self._shadowed

    # kprobes.

    @cached_property
    def _probed(self) -> NDArray[np.uint64]:
        """Where a kprobe at each record's name goes: behind ENDBR, else at its address."""
        if self.machine not in (EM_386, EM_X86_64):
            return self.address
        return self.address + 4 * np.isin(self._words(self.address) & np.uint64(0xFFFFFFFF), ENDBR).astype(
            np.uint64
        )

    def _words(self, places: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return the eight bytes at places in code, little-endian; zero elsewhere."""
        result = np.zeros(len(places), np.uint64)
        for section in self.kernel.symbols.sections:
            if not section.flags & _SHF_EXECINSTR or not section.flags & 2:
                continue
            data = self.kernel.image.section_bytes(section)
            if not data:
                continue
            numbers = np.ndarray((len(data),), "<u8", data + bytes(8), strides=(1,))
            inside = np.flatnonzero(
                (places >= np.uint64(section.address)) & (places < np.uint64(section.address + len(data)))
            )
            result[inside] = numbers[places[inside] - np.uint64(section.address)]
        return result

    @cached_property
    def _blacklisted(self) -> Marks:
        """What stands on the kernel's list: each entry covers its symbol up to the next."""
        listed = np.isin(self._starts, self.places.blacklist)
        return listed[self._slot]

    @cached_property
    def _piece_of_blacklisted(self) -> Marks:
        """Symbols with a suffix, of a function that is on the list or in a range."""
        forbidden = self._blacklisted.copy()
        for _, marks in self._areas():
            forbidden |= marks
        marks = self._nothing.copy()
        for place in self._dotted.tolist():
            whole = self._places_by_name.get(self._names[place].split(b".")[0])
            marks[place] = whole is not None and forbidden[whole]
        return marks

    def _areas(self) -> Iterable[tuple[str, Marks]]:
        for first, last, id, machines in _AREAS:
            if not machines or self.machine in machines:
                yield id, self._within((first, last))

    def _kprobe_rules(self) -> Iterable[tuple[str, Marks]]:
        yield "TR301", self._all_if(not self._has("register_kprobe"))
        yield "TR315", self._repeated & self._all_if(self._says(_NOT_UNIQUE_TEXT))
        other = self.address[self._first_of_name] != self.address
        yield "TR316", other & self._all_if(not self._says(_NOT_UNIQUE_TEXT))
        yield "TR302", self._blacklisted
        yield from self._areas()
        yield "TR310", self._piece_of_blacklisted
        yield "TR311", self._padding
        yield "TR314", ~self._traced_by_events & self._all_if(self._says(_NOTRACE_TEXT))
        yield "TR312", np.isin(self._probed, self.places.patched)
        yield "TR313", refused(self.machine, self.version, self._words(self._probed))

    @cached_property
    def _traced_by_events(self) -> Marks:
        """What kprobe events take for traceable: a clone or piece also where its namesake without suffix is."""
        marks = self._called.copy()
        for place in self._dotted.tolist():
            whole = self._places_by_name.get(self._names[place].split(b".")[0])
            if not marks[place] and whole is not None:
                marks[place] = self._called[whole]
        return marks

    def _has(self, name: str) -> bool:
        return self.kernel.symbols.address_of(name.encode()) is not None

    def _says(self, text: bytes) -> bool:
        """Tell whether the kernel has a message: what it checks, whatever its release is."""
        return any(text in data for data in self._readonly)

    @cached_property
    def _readonly(self) -> list[bytes]:
        image = self.kernel.image
        sections = [s for s in image.sections if s.name.startswith((".rodata", ".init.rodata"))]
        return [image.section_bytes(section) for section in sections]

    # BPF and live patches.

    @cached_property
    def _btf(self) -> Btf | None:
        return read_btf(self.kernel.image)

    def _fentry_rules(self) -> Iterable[tuple[str, Marks]]:
        yield "TR401", self._all_if(self._btf is None)
        counts = self._btf.count if self._btf else {}
        found = np.fromiter((counts.get(name, 0) for name in self._names), np.int64, len(self._names))
        yield "TR402", found == 0
        yield "TR403", found > 1
        yield "TR405", self._named(self._denied())
        yield "TR406", self.address[self._first_of_name] != self.address
        yield "TR404", ~self._called

    def _named(self, names: set[bytes]) -> Marks:
        marks = self._nothing.copy()
        for name in names & self._places_by_name.keys():
            marks |= self._first_of_name == self._places_by_name[name]
        return marks

    def _denied(self) -> set[bytes]:
        """Return the names of the functions that the verifier refuses: a count, and that many type numbers."""
        address = self.kernel.symbols.address_of(b"btf_id_deny")
        if address is None or self._btf is None:
            return set()
        kind = f"{self.kernel.image.abi.byte_order}u4"
        head = self.kernel.image.read_some(address, 4)
        count = int(np.frombuffer(head, kind)[0]) if len(head) == 4 else 0
        data = self.kernel.image.read_some(address + 4, 4 * min(count, 1000))
        numbers = np.frombuffer(data[: len(data) // 4 * 4], kind).tolist()
        names = self._btf.by_number
        return {names[number] for number in numbers if number in names}

    def _livepatch_rules(self) -> Iterable[tuple[str, Marks]]:
        yield "TR501", self._all_if(not self._has("klp_enable_patch"))
        yield "TR503", self._piece & ~self._called
        yield "TR502", ~self._called


