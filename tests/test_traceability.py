# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be traced: each rule on a kernel of a few bytes that has it, and one that has it not."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest
from elfmaker import Section, Symbol, vmlinux

from elfsyms.pipeline.kernel import load
from elfsyms.releases.trace_rules import QUESTIONS, TRACE_RULES, trace_rule
from elfsyms.trace.instructions import refused
from elfsyms.trace.kernel_facts import KernelFacts
from elfsyms.trace.traceability import filter_functions, rules_of_record, traceability

if TYPE_CHECKING:
    from pathlib import Path

TEXT = 0xFFFFFFFF81000000
TABLES = 0xFFFFFFFF82000000
STEP = 0x20
X86_64, ARM64, ARM, S390, PPC64, RISCV, LOONGARCH = 62, 183, 40, 22, 21, 243, 258
ENDBR64, NOP, INT3 = b"\xf3\x0f\x1e\xfa", b"\x0f\x1f\x44\x00\x00", b"\xcc"
ARM64_NOPS = struct.pack("<I", 0xD503201F) * 8
MESSAGES = b"\0Could not probe notrace function %ps\n\0The symbol is not unique\0"


@dataclass
class Tiny:
    """A kernel of functions, 32 bytes each, in the order given, with the lists that tracers go by.

    ``calls`` are the places that ftrace patches, as name and offset; ``labels`` go around functions: the two
    labels, the first function between them, the one behind the last.
    """

    names: list[str]
    calls: list[tuple[str, int]] = field(default_factory=list)
    blacklist: list[str] = field(default_factory=list)
    labels: list[tuple[str, str, str, str]] = field(default_factory=list)
    code: dict[str, bytes] = field(default_factory=dict)
    more: list[Symbol] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    release: str = "6.12.0"
    machine: int = X86_64
    messages: bytes = MESSAGES
    cut: tuple[str, ...] = ()  # lists whose labels the file lacks

    def address(self, name: str) -> int:
        """Return where a function is; the end of all for an empty name."""
        return TEXT + STEP * (self.names.index(name) if name else len(self.names))

    def file(self) -> bytes:
        """Return the kernel's file."""
        code = b"".join(self.code.get(name, b"\x90").ljust(STEP, b"\x90") for name in self.names)
        symbols = [Symbol(name, self.address(name), size=STEP) for name in self.names]
        symbols.append(Symbol("_text", TEXT, type="notype"))
        for first, last, name, behind in [("_stext", "_etext", self.names[0], ""), *self.labels]:
            symbols.append(Symbol(first, self.address(name), type="notype"))
            symbols.append(Symbol(last, self.address(behind), type="notype"))
        sections = [Section(".text", TEXT, code, flags="ax"), *self.sections]
        sections.append(Section(".rodata", TABLES + 0x2000, self.messages))
        calls = [self.address(name) + offset for name, offset in self.calls]
        listed = [self.address(name) for name in self.blacklist]
        for base, name, words in (
            (TABLES, "mcount_loc", calls),
            (TABLES + 0x1000, "kprobe_blacklist", listed),
        ):
            if words or name not in self.cut:
                data = struct.pack(f"<{len(words)}Q", *words) or bytes(8)
                sections.append(Section(f".{name}", base, data, flags="aw"))
                symbols.append(Symbol(f"__start_{name}", base, f".{name}", type="notype"))
                symbols.append(Symbol(f"__stop_{name}", base + 8 * len(words), f".{name}", type="notype"))
        if "noinstr" not in self.cut and "__noinstr_text_start" not in [row[0] for row in self.labels]:
            symbols += [Symbol(f"__noinstr_text_{edge}", TEXT, type="notype") for edge in ("start", "end")]
        # The map is in the order of nm: functions before the labels that stand at their addresses.
        return vmlinux([*symbols, *self.more], release=self.release, machine=self.machine, sections=sections)


def verdict(kernel: Tiny, tmp_path: Path, name: str, question: str) -> str:
    """Return the id of the rule that refuses the last symbol of a name, empty where none does."""
    path = tmp_path / "vmlinux"
    path.write_bytes(kernel.file())
    with load(path) as loaded:
        symbol = loaded.symbols.find(name.encode())[-1]
        rules = traceability(loaded).rules(symbol)
        for record in np.flatnonzero(loaded.ordered.records.symbol == symbol).tolist():
            assert rules_of_record(KernelFacts(loaded), record) == rules, "asked alone, it is another answer"
    rule = rules[question]
    return rule.id if rule else ""


def tiny(*names: str, **more: object) -> Tiny:
    """Return a kernel that has kprobes and ftrace, and functions that ftrace can trace."""
    every = ["register_kprobe", *names]
    more.setdefault("calls", [(name, 0) for name in every])
    return Tiny(every, **more)  # type: ignore[arg-type] # fields by name


def test_a_function_with_a_call_of_ftrace_can_be_traced(tmp_path: Path) -> None:
    """An entry of ``__mcount_loc`` at a function's start is all that ftrace and a kprobe event ask for."""
    kernel = tiny("schedule")
    assert verdict(kernel, tmp_path, "schedule", "ftrace") == ""
    assert verdict(kernel, tmp_path, "schedule", "kprobe") == ""


def test_a_function_without_is_notrace_to_both(tmp_path: Path) -> None:
    """Without one ftrace says no, and kprobe events leave it alone, too."""
    kernel = tiny("schedule", calls=[("register_kprobe", 0)])
    assert verdict(kernel, tmp_path, "schedule", "ftrace") == "TR205"
    assert verdict(kernel, tmp_path, "schedule", "kprobe") == "TR314"


def test_a_kernel_that_does_not_check_takes_kprobes_on_notrace(tmp_path: Path) -> None:
    """Where the kernel has not the message, it has not the check (CONFIG_KPROBE_EVENTS_ON_NOTRACE)."""
    kernel = tiny("schedule", calls=[("register_kprobe", 0)], messages=b"\0The symbol is not unique\0")
    assert verdict(kernel, tmp_path, "schedule", "kprobe") == ""


@pytest.mark.parametrize(("offset", "expected"), [(0, ""), (4, ""), (5, "TR205"), (16, "TR205")])
def test_x86_wants_the_call_at_the_start(tmp_path: Path, offset: int, expected: str) -> None:
    """A call farther than an ENDBR from a symbol belongs to a weak function that the linker threw away."""
    kernel = tiny("schedule", calls=[("register_kprobe", 0), ("schedule", offset)])
    assert verdict(kernel, tmp_path, "schedule", "ftrace") == expected


def test_before_519_any_call_in_a_function_was_its_own(tmp_path: Path) -> None:
    """Without FTRACE_MCOUNT_MAX_OFFSET a lookup of the call's address names the function."""
    kernel = tiny("schedule", calls=[("register_kprobe", 0), ("schedule", 16)], release="5.18.0")
    assert verdict(kernel, tmp_path, "schedule", "ftrace") == ""


def test_the_room_before_a_function_may_hold_its_entry(tmp_path: Path) -> None:
    """With CALL_OPS the list names the NOPs before each function of arm64, 8 bytes of them."""
    names = [f"f{n}" for n in range(6)]
    kernel = tiny("notrace", *names, machine=ARM64, calls=[(name, -8) for name in names])
    kernel.code = dict.fromkeys(kernel.names, ARM64_NOPS)
    assert verdict(kernel, tmp_path, "f0", "ftrace") == ""
    assert verdict(kernel, tmp_path, "notrace", "ftrace") == "TR205"


def test_what_was_thrown_away_is_no_place(tmp_path: Path) -> None:
    """From 6.15 on the build zeroes the entries of weak functions that the linker threw away."""
    kernel = tiny("schedule", calls=[("register_kprobe", 0), ("register_kprobe", -TEXT)])
    assert verdict(kernel, tmp_path, "register_kprobe", "ftrace") == ""
    assert verdict(kernel, tmp_path, "schedule", "ftrace") == "TR205"


def test_ftrace_knows_one_name_at_an_address(tmp_path: Path) -> None:
    """An alias that does not sort first has no line of its own; a kprobe finds it by its name all the same."""
    kernel = tiny("schedule")
    kernel.more = [Symbol("weak_schedule", kernel.address("schedule"), binding="weak")]
    assert verdict(kernel, tmp_path, "weak_schedule", "ftrace") == "TR206"
    assert verdict(kernel, tmp_path, "weak_schedule", "kprobe") == ""


def test_the_lines_are_those_of_the_first_names(tmp_path: Path) -> None:
    """``filter_functions`` names each place once, in the order of the addresses, and leaves out what is freed."""
    kernel = tiny("b", "a", "setup", labels=[("_sinittext", "_einittext", "setup", "")])
    path = tmp_path / "vmlinux"
    path.write_bytes(kernel.file())
    with load(path) as loaded:
        assert filter_functions(loaded) == [b"register_kprobe", b"b", b"a"]


@pytest.mark.parametrize(
    ("machine", "kind", "edges"),
    [
        (ARM64, 1027, ("__pi_rela_start", "__pi_rela_end")),
        (ARM64, 1027, ("__rela_start", "__rela_end")),
        (ARM64, 1027, ("__rela_offset", "__rela_size")),  # before 6.0: numbers
        (RISCV, 3, ("__rela_dyn_start", "__rela_dyn_end")),  # and s390
        (LOONGARCH, 3, ("__rela_dyn_begin", "__rela_dyn_end")),
    ],
)
def test_what_an_image_keeps_apart_is_filled_in(
    tmp_path: Path, machine: int, kind: int, edges: tuple[str, str]
) -> None:
    """An image may have zeros for what its lists hold; rows of ``.rela.dyn``, among others, tell what is there."""
    kernel = tiny("entry", "schedule", machine=machine, cut=("kprobe_blacklist",))
    kernel.code = dict.fromkeys(kernel.names, ARM64_NOPS)
    kernel.calls = [(name, 8) for name in kernel.names]
    at, apart = TABLES + 0x1000, TABLES + 0x3000
    rows = [(at - 8, kind, 1), (at, 257, 2), (at, kind, kernel.address("entry")), (at + 8, kind, 3)]
    data = b"".join(struct.pack("<3Q", *row) for row in rows)
    kernel.sections = [Section(".listed", at, bytes(8)), Section(".rela", apart, data)]
    numbers = "offset" in edges[0]
    rela = (
        [(apart - TEXT, "ABS"), (len(data), "ABS")]
        if numbers
        else [(apart, ".rela"), (apart + len(data), ".rela")]
    )
    kernel.more = [
        Symbol(name, address, section, type="notype")
        for name, (address, section) in zip(
            ("__start_kprobe_blacklist", "__stop_kprobe_blacklist", *edges),
            [(at, ".listed"), (at + 8, ".listed"), *rela],
            strict=True,
        )
    ]
    assert verdict(kernel, tmp_path, "entry", "kprobe") == "TR302"
    assert verdict(kernel, tmp_path, "schedule", "kprobe") == ""
    kernel.more = kernel.more[:2]
    assert verdict(kernel, tmp_path, "entry", "kprobe") == ""


@pytest.mark.parametrize(("nops", "line"), [(2, b"__ftrace_invalid_address___20"), (1, b"g")])
def test_powerpc_patches_the_second_of_two_nops(tmp_path: Path, nops: int, line: bytes) -> None:
    """Where a function begins with two the list names the first, and 16 bytes is the farthest of both."""
    code = [0x60000000] * nops + [0x7C0802A6] * (4 - nops)  # nop, mflr r0
    kernel = tiny("f", "g", machine=PPC64, calls=[("register_kprobe", 0), ("f", 0), ("g", 16)])
    kernel.code = dict.fromkeys(kernel.names, struct.pack("<8I", *code, *code))
    path = tmp_path / "vmlinux"
    path.write_bytes(kernel.file())
    with load(path) as loaded:
        assert filter_functions(loaded) == [b"register_kprobe", b"f", line]


def test_what_is_freed_lets_no_piece_of_it_be_probed(tmp_path: Path) -> None:
    """A piece goes by the call of its whole, which ftrace has forgotten if that was ``__init``."""
    kernel = tiny("msg_init.part.0", "msg_init", calls=[("register_kprobe", 0), ("msg_init", 0)])
    assert verdict(kernel, tmp_path, "msg_init.part.0", "kprobe") == ""
    kernel.labels = [("__init_begin", "__init_end", "msg_init", "")]
    assert verdict(kernel, tmp_path, "msg_init.part.0", "kprobe") == "TR314"


def test_a_call_of_nobody_has_a_line_of_its_own(tmp_path: Path) -> None:
    """A weak function that was dropped leaves its call, which x86 from 5.19 on shows by its distance."""
    kernel = tiny("b", calls=[("register_kprobe", 0), ("b", 16), ("b", 4)])
    path = tmp_path / "vmlinux"
    for release, lines in (("6.1.0", [b"b", b"__ftrace_invalid_address___16"]), ("5.18.0", [b"b", b"b"])):
        kernel.release = release
        path.write_bytes(kernel.file())
        with load(path) as loaded:
            assert filter_functions(loaded) == [b"register_kprobe", *lines]


AREAS = [
    ("__kprobes_text_start", "TR303", X86_64),
    ("__noinstr_text_start", "TR304", X86_64),
    ("__entry_text_start", "TR305", X86_64),
    ("__irqentry_text_start", "TR306", ARM64),
    ("__hyp_text_start", "TR307", ARM64),
    ("__idmap_text_start", "TR308", ARM64),
]


@pytest.mark.parametrize(("label", "rule", "machine"), AREAS)
def test_kprobes_leave_ranges_alone(tmp_path: Path, label: str, rule: str, machine: int) -> None:
    """A function between the labels of a forbidden range is refused by the rule of that range, and no other is."""
    kernel = tiny(
        "inside",
        "outside",
        labels=[(label, label.replace("start", "end"), "inside", "outside")],
        machine=machine,
    )
    kernel.code = dict.fromkeys(kernel.names, ARM64_NOPS) if machine == ARM64 else {}
    assert verdict(kernel, tmp_path, "inside", "kprobe") == rule
    assert verdict(kernel, tmp_path, "outside", "kprobe") == ""


def test_irqentry_text_may_be_probed_on_x86(tmp_path: Path) -> None:
    """The range of interrupt entries is forbidden on some machines only."""
    kernel = tiny(
        "inside", "outside", labels=[("__irqentry_text_start", "__irqentry_text_end", "inside", "outside")]
    )
    assert verdict(kernel, tmp_path, "inside", "kprobe") == ""


def test_the_blacklist_is_the_kernel_s_own(tmp_path: Path) -> None:
    """NOKPROBE_SYMBOL refuses the function, and its pieces and clones with it."""
    kernel = tiny("do_trap", "do_trap.cold", "do_trap.isra.0", "other.cold", blacklist=["do_trap"])
    assert verdict(kernel, tmp_path, "do_trap", "kprobe") == "TR302"
    assert verdict(kernel, tmp_path, "do_trap.cold", "kprobe") == "TR310"
    assert verdict(kernel, tmp_path, "do_trap.isra.0", "kprobe") == "TR310"
    assert verdict(kernel, tmp_path, "other.cold", "kprobe") == ""


def test_a_name_that_two_have_is_refused_by_name(tmp_path: Path) -> None:
    """Since 6.6 a kprobe event at a name that is not unique is refused, all of that name."""
    kernel = tiny("show")
    kernel.more = [Symbol("show", kernel.address("register_kprobe") + 8, binding="local")]
    assert verdict(kernel, tmp_path, "show", "kprobe") == "TR315"


def test_before_the_first_of_two_was_taken(tmp_path: Path) -> None:
    """A kernel without the check takes the first of a name, and nobody can name the second."""
    kernel = tiny("show", messages=b"Could not probe notrace function", release="6.1.0")
    kernel.more = [Symbol("show", kernel.address("register_kprobe") + 8)]
    kernel.calls.append(("register_kprobe", 8))
    assert verdict(kernel, tmp_path, "show", "kprobe") == ""
    kernel.more = [Symbol("show", kernel.address("show") + 8)]
    assert verdict(kernel, tmp_path, "show", "kprobe") == "TR316"


def test_what_the_file_shows_goes_before_what_its_release_says(tmp_path: Path) -> None:
    """A vendor's 5.4 with the message has the check, whatever mainline's 5.4 had."""
    kernel = tiny("show", release="5.4.0")
    kernel.more = [Symbol("show", kernel.address("register_kprobe") + 8, binding="local")]
    assert verdict(kernel, tmp_path, "show", "kprobe") == "TR315"


@pytest.mark.parametrize("prefix", ["__pfx_", "__cfi_"])
def test_padding_is_no_function(tmp_path: Path, prefix: str) -> None:
    """The room before a function has a symbol, and neither ftrace nor kprobes take it."""
    kernel = tiny(f"{prefix}f", "f", calls=[("register_kprobe", 0), ("f", 0)])
    assert verdict(kernel, tmp_path, f"{prefix}f", "ftrace") == "TR202"
    assert verdict(kernel, tmp_path, f"{prefix}f", "kprobe") == "TR311"


@pytest.mark.parametrize(
    ("machine", "code", "expected"),
    [
        (X86_64, ENDBR64 + INT3, "TR313"),
        (X86_64, ENDBR64 + b"\x0f\x0b", "TR313"),
        (X86_64, NOP, ""),
        (ARM64, struct.pack("<I", 0xD4210000), "TR313"),  # brk
        (ARM64, struct.pack("<I", 0xD51B4220), "TR313"),  # msr daif, x0
        (ARM64, struct.pack("<I", 0xD503245F), ""),  # bti c
        (ARM64, struct.pack("<I", 0xD503233F), ""),  # paciasp
        (ARM64, struct.pack("<I", 0xD503203F), "TR313"),  # yield
        (PPC64, struct.pack("<I", 0x7C000124), "TR313"),  # mtmsr r0
        (PPC64, struct.pack("<3I", 0x3C4C0001, 0x38420010, 0x0FE00000), "TR313"),  # twi behind the TOC's two
        (PPC64, struct.pack("<I", 0x7C0802A6), ""),  # mflr r0
        (RISCV, struct.pack("<I", 0x10500073), "TR313"),  # wfi
        (RISCV, struct.pack("<I", 0x90029002), "TR313"),  # c.ebreak
        (RISCV, struct.pack("<I", 0x80828082), ""),  # c.jr ra: executed by hand
        (LOONGARCH, struct.pack("<I", 0x20000085), "TR313"),  # ll.w
        (LOONGARCH, struct.pack("<I", 0x38600000), "TR313"),  # amswap.w
        (LOONGARCH, struct.pack("<I", 0x02FFC063), ""),  # addi.d sp, sp, -16
    ],
)
def test_some_first_instructions_cannot_be_moved(
    tmp_path: Path, machine: int, code: bytes, expected: str
) -> None:
    """A probe executes an instruction elsewhere: one that traps or is bound to its place is refused."""
    calls = [("register_kprobe", 0), ("f", 16 + 4)]  # not at the start: a kprobe through ftrace moves nothing
    kernel = tiny("f", machine=machine, code={"f": code}, calls=[("f", 0)] if machine == X86_64 else calls)
    assert verdict(kernel, tmp_path, "f", "kprobe") == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("83000024", True),  # diag
        ("c60000000010", True),  # exrl
        ("c0e500000010", False),  # brasl
        ("b2b20000", False),  # lpswe
        ("b98d0010", True),  # epsw
        ("eb6ff0480024", False),  # stmg
    ],
)
def test_instructions_of_s390_are_read_from_their_first_byte(code: str, expected: bool) -> None:
    """Its code is big-endian, and instructions have two, four or six bytes."""
    word = int.from_bytes(bytes.fromhex(code).ljust(8, b"\7"), "little")
    found = refused(S390, ">", (6, 12, 0, 0), np.array([word], np.uint64))
    assert found.tolist() == [expected]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (0xE1A0C00D, False),  # mov ip, sp
        (0xE92DD800, False),  # push {fp, ip, lr, pc}
        (0xEE1D3F70, True),  # mrc p15
        (0xF57FF05F, True),  # dmb
        (0xF5D0F000, False),  # pld [r0]
        (0xE10F0000, False),  # mrs r0, cpsr
        (0xE129F000, True),  # msr cpsr, r0
        (0xE1912F9F, True),  # ldrex
        (0xE320F002, False),  # wfe
        (0xE7F001F2, True),  # udf: BUG()
        (0xE6BF3FB3, False),  # revsh: not a load as another user
    ],
)
def test_instructions_of_arm_that_need_their_mode_are_refused(word: int, expected: bool) -> None:
    """The kernel neither copies nor does by hand coprocessors, barriers, changes of mode, exclusive access."""
    assert refused(ARM, "<", (6, 12, 0, 0), np.array([word], np.uint64)).tolist() == [expected]


def test_thumb_code_is_not_read_as_arm(tmp_path: Path) -> None:
    """Halfwords may look like a coprocessor's instruction; where most functions begin otherwise nothing is said."""
    thumb, mrc, mov = (struct.pack("<I", word) for word in (0xAF00B580, 0xEE1D3F70, 0xE1A0C00D))
    kernel = tiny("a", "b", "vfp", machine=ARM, messages=b"\0The symbol is not unique\0")
    kernel.code = dict.fromkeys(kernel.names, thumb) | {"vfp": mrc}
    assert verdict(kernel, tmp_path, "vfp", "kprobe") != "TR313"
    kernel.code = dict.fromkeys(kernel.names, mov) | {"vfp": mrc}
    kernel.calls = [(name, 8) for name in kernel.names]
    assert verdict(kernel, tmp_path, "vfp", "kprobe") == "TR313"


@pytest.mark.parametrize(
    ("machine", "release", "through_ftrace", "expected"),
    [
        (RISCV, "6.12.0", False, "TR320"),
        (RISCV, "6.1.0", True, ""),
        (RISCV, "7.2.0", False, ""),  # ftrace patches the second instruction of those at the start
        (ARM64, "6.12.0", False, ""),
        (X86_64, "6.12.0", False, ""),
    ],
)
def test_what_ftrace_patches_takes_a_kprobe_through_ftrace_alone(
    tmp_path: Path, machine: int, release: str, through_ftrace: bool, expected: str
) -> None:
    """A kernel without CONFIG_KPROBES_ON_FTRACE refuses a kprobe at the very address that ftrace patches."""
    names = ["f", *(["kprobe_ftrace_handler"] if through_ftrace else [])]
    nops = dict.fromkeys(names, ARM64_NOPS if machine == ARM64 else b"\x01\x00" * 16)
    kernel = tiny(*names, machine=machine, release=release, code=nops)
    assert verdict(kernel, tmp_path, "f", "kprobe") == expected
    kernel.calls = [(name, 8) for name in kernel.names]
    if machine != X86_64:
        assert verdict(kernel, tmp_path, "f", "kprobe") == "", "behind the first instruction"


@pytest.mark.parametrize("form", ["distances", "pointers"])
def test_a_function_that_begins_with_a_warning_takes_no_kprobe(tmp_path: Path, form: str) -> None:
    """The instruction of BUG() or WARN() is found by its table, whatever it is and however the entry names it."""
    base = TABLES + 0x4000
    kernel = tiny("warns", "other", machine=LOONGARCH, calls=[("warns", 4), ("other", 4)])
    at, other = kernel.address("warns"), kernel.address("other") + 8
    entries = [struct.pack("<iiHH", where - (base + 12 * n), 0, 1, 0) for n, where in enumerate((at, other))]
    words = [struct.pack("<QQHHI", where, 0, 1, 0, 0) for where in (at, other)]
    table = b"".join(entries if form == "distances" else words)
    kernel.sections = [Section("__bug_table", base, table, flags="aw")]
    kernel.more = [
        Symbol("__start___bug_table", base, "__bug_table", type="notype"),
        Symbol("__stop___bug_table", base + len(table), "__bug_table", type="notype"),
    ]
    assert verdict(kernel, tmp_path, "warns", "kprobe") == "TR321"
    assert verdict(kernel, tmp_path, "other", "kprobe") == ""


def test_messages_are_found_where_no_section_is_read_only(tmp_path: Path) -> None:
    """A kernel made of an image may have all its data in one section: the checks in it are found all the same."""
    kernel = tiny("f", "f2", calls=[("register_kprobe", 0), ("f", 0)], messages=b"\0")
    kernel.sections = [Section(".data.1", TABLES + 0x4000, MESSAGES, flags="aw")]
    path = tmp_path / "vmlinux"
    path.write_bytes(kernel.file().replace(b"\0.rodata\0", b"\0.xodata\0"))
    with load(path) as loaded:
        assert KernelFacts(loaded).says(b"The symbol is not unique")


def test_init_text_is_gone(tmp_path: Path) -> None:
    """What lies between the labels of the memory that is freed can be traced by nobody."""
    kernel = tiny("setup", labels=[("__init_begin", "__init_end", "setup", "")])
    assert {verdict(kernel, tmp_path, "setup", question) for question in ("ftrace", "kprobe", "fentry")} == {
        "TR103"
    }


def test_data_is_no_function(tmp_path: Path) -> None:
    """A variable is refused as what it is, even in a section that is executable by mistake."""
    kernel = tiny("f", sections=[Section(".data", TABLES + 0x3000, bytes(16), flags="awx")])
    kernel.more = [Symbol("jiffies", TABLES + 0x3000, ".data", type="object")]
    assert verdict(kernel, tmp_path, "jiffies", "ftrace") == "TR101"
    assert verdict(kernel, tmp_path, "jiffies", "kprobe") == "TR101"


def btf(*names: str) -> Section:
    """Return types that describe functions of some names."""
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in names)
    offsets = [strings.index(b"\0" + name.encode() + b"\0") + 1 for name in names]
    types = struct.pack("<III", 0, 13 << 24, 0)  # void f(void)
    types += b"".join(struct.pack("<III", offset, 12 << 24, 1) for offset in offsets)
    head = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    return Section(".BTF", TABLES + 0x4000, head + types + strings)


def test_fentry_wants_one_function_of_the_name(tmp_path: Path) -> None:
    """A BPF program attaches to a function by its type: one of that name, and one only."""
    kernel = tiny("one", "two", "none", sections=[btf("one", "two", "two")])
    found = {name: verdict(kernel, tmp_path, name, "fentry") for name in ("one", "two", "none")}
    assert found == {"one": "", "two": "TR403", "none": "TR402"}


def test_fentry_wants_types_and_a_call(tmp_path: Path) -> None:
    """Without ``.BTF`` there is nothing to attach to, and without ftrace's call nothing to patch."""
    assert verdict(tiny("one"), tmp_path, "one", "fentry") == "TR407"
    kernel = tiny("one", sections=[btf("one")], calls=[("register_kprobe", 0)])
    assert verdict(kernel, tmp_path, "one", "fentry") == "TR404"


@pytest.mark.parametrize(
    ("binding", "functions", "expected"),
    [
        ("global", (), ""),
        ("weak", (), "TR408"),
        ("global", ("register_ftrace_function",), "TR408"),
        ("global", ("register_ftrace_function", "register_ftrace_direct"), ""),
    ],
)
def test_fentry_wants_a_trampoline_that_ftrace_calls(
    tmp_path: Path, binding: str, functions: tuple[str, ...], expected: str
) -> None:
    """The maker of trampolines is weak where a port has none, and ftrace calls one by a function of its own."""
    kernel = tiny("one", *functions, sections=[btf("one")])
    kernel.more = [Symbol("arch_prepare_bpf_trampoline", kernel.address("one") + 16, binding=binding)]
    assert verdict(kernel, tmp_path, "one", "fentry") == expected


def test_the_verifier_denies_a_few(tmp_path: Path) -> None:
    """``btf_id_deny`` in the file names by number what the verifier refuses."""
    deny = Section(".BTF_ids", TABLES + 0x5000, struct.pack("<II", 1, 3))
    kernel = tiny("one", "two", sections=[btf("one", "two"), deny])
    kernel.more = [Symbol("btf_id_deny", TABLES + 0x5000, ".BTF_ids", type="object")]
    assert verdict(kernel, tmp_path, "one", "fentry") == ""
    assert verdict(kernel, tmp_path, "two", "fentry") == "TR405"


def test_live_patches_want_ftrace_and_a_kernel_that_takes_them(tmp_path: Path) -> None:
    """A live patch redirects ftrace's call; a piece of a function has none."""
    assert verdict(tiny("f"), tmp_path, "f", "livepatch") == "TR504"
    kernel = tiny("klp_enable_patch", "f", "g", "f.cold", calls=[("f", 0)])
    found = {name: verdict(kernel, tmp_path, name, "livepatch") for name in ("f", "g", "f.cold")}
    assert found == {"f": "", "g": "TR502", "f.cold": "TR503"}


LACKING = [
    ("ftrace", "DYNAMIC_FTRACE", "TR207", "TR201"),
    ("kprobe", "KPROBES", "TR317", "TR301"),
    ("fentry", "DEBUG_INFO_BTF", "TR407", "TR401"),
    ("livepatch", "LIVEPATCH", "TR504", "TR501"),
]


@pytest.mark.parametrize(("question", "variable", "unknown", "without"), LACKING)
def test_what_a_file_lacks_proves_nothing(
    tmp_path: Path, question: str, variable: str, unknown: str, without: str
) -> None:
    """Without what answers a question nothing is known, and the rule says so; a configuration proves either."""
    kernel = Tiny(["f"], cut=("mcount_loc", "kprobe_blacklist"))
    assert verdict(kernel, tmp_path, "f", question) == unknown
    rule = TRACE_RULES[trace_rule(unknown)]
    assert not rule.known
    assert "symbols are not all there, or" in rule.reason
    assert f"CONFIG_{variable}" in rule.reason
    (tmp_path / ".config").write_text("CONFIG_SMP=y\n")
    assert verdict(kernel, tmp_path, "f", question) == without
    (tmp_path / ".config").write_text(f"CONFIG_{variable}=y\n")
    assert verdict(kernel, tmp_path, "f", question) == "TR105"


def test_who_needs_ftrace_does_not_know_without_its_list(tmp_path: Path) -> None:
    """No call of ftrace in a function is a fact only where the list of them is in the file."""
    kernel = Tiny(["register_kprobe", "klp_enable_patch", "f"], sections=[btf("f")], cut=("mcount_loc",))
    found = {
        question: verdict(kernel, tmp_path, "f", question) for question in ("fentry", "livepatch", "kprobe")
    }
    assert found == {"fentry": "TR207", "livepatch": "TR207", "kprobe": "TR207"}


def test_a_kernel_with_kprobes_has_a_blacklist(tmp_path: Path) -> None:
    """Where its label is missing the table was cut, and nobody knows what is on it; before 3.16 there was none."""
    kernel = tiny("f", cut=("kprobe_blacklist",))
    assert verdict(kernel, tmp_path, "f", "kprobe") == "TR318"
    kernel.release = "3.15.0"
    assert verdict(kernel, tmp_path, "f", "kprobe") == ""


def test_from_58_on_a_kernel_has_labels_around_noinstr_text(tmp_path: Path) -> None:
    """Where they are missing the table was cut, and nobody knows what lies between them."""
    kernel = tiny("f", cut=("noinstr",))
    assert verdict(kernel, tmp_path, "f", "kprobe") == "TR318"
    kernel.release = "5.7.0"
    assert verdict(kernel, tmp_path, "f", "kprobe") == ""


def test_text_of_the_start_is_known_by_its_section(tmp_path: Path) -> None:
    """A cut table lacks the labels around what is freed; the section of a function tells it, too."""
    start = Section(".init.text", TEXT + 0x100000, bytes(STEP), flags="ax")
    more = [Symbol("setup", TEXT + 0x100000, ".init.text", size=STEP)]
    kernel = tiny("f", sections=[start], more=more)
    assert verdict(kernel, tmp_path, "setup", "ftrace") == "TR103"


def test_every_rule_has_its_parts() -> None:
    """Ids are unique and ascend, and each rule belongs to a question and says why, since when and what to do."""
    assert [rule.id for rule in TRACE_RULES] == sorted({rule.id for rule in TRACE_RULES})
    for rule in TRACE_RULES:
        assert rule.question in QUESTIONS
        assert all((rule.reason, rule.fix, rule.source, rule.when.text))
        assert TRACE_RULES[trace_rule(rule.id)] is rule
