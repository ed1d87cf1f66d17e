# SPDX-License-Identifier: GPL-2.0-or-later
"""What the commands that answer questions take, as rows: of which file, what is asked, how it is to be shown."""

from __future__ import annotations

from elfsyms.cli.parameters import JSON, VERBOSE, WHAT_IF, Parameter, Word, what_if

__all__ = [
    "CHECK",
    "CHECK_WORDS",
    "DECODE",
    "DECODE_WORDS",
    "EXPLAIN",
    "EXPLAIN_WORDS",
    "LEDGER",
    "LEDGER_WORDS",
    "LIST",
    "LIST_WORDS",
    "STATS",
    "STATS_WORDS",
    "SYMBOLIZE",
    "SYMBOLIZE_WORDS",
    "VERIFY",
    "VERIFY_WORDS",
]

_SYSTEM_MAP = Parameter(
    "system_map",
    ("--map",),
    "path",
    "The System.map of a kernel without symbols: what its build knew of it.",
    "FILE",
)

_MODULES = Parameter(
    "modules",
    ("--modules",),
    "texts",
    "Modules whose names count as well: .ko files, packed or not, or a folder of them; repeat.",
    "PATH",
)

_ALL_SYMBOLS = Parameter("everything", ("--all",), "switch", "Show every symbol, not examples.")

EXPLAIN_WORDS = (
    Word(
        "file",
        "optional file",
        "VMLINUX",
        "A vmlinux, vmlinuz, boot.img, System.map or text of /proc/kallsyms; the running kernel's where not given.",
    ),
    Word(
        "what",
        "texts",
        "WHAT",
        "A name, a glob, an address, or a line of an oops, a trace or perf; - reads them from "
        "standard input, one a line.",
    ),
)
EXPLAIN: tuple[Parameter, ...] = (
    Parameter(
        "source", ("--from",), "path", "A file of what to explain, one a line; - is standard input.", "FILE"
    ),
    Parameter(
        "kaslr",
        ("--kaslr",),
        "text",
        "How far the running kernel was moved: hexadecimal, or dmesg's line 'Kernel Offset: ...'.",
        "OFFSET",
    ),
    Parameter(
        "tokens",
        ("--bytes",),
        "switch",
        "Work out bytes and tokens, where no tables inside the file tell: takes half a second.",
    ),
    Parameter(
        "dwarf",
        ("--source",),
        "pair",
        "Say where a function is defined and inlined, by DWARF; not given: of up to three questions.",
    ),
    _MODULES,
    _SYSTEM_MAP,
    Parameter(
        "verbose",
        ("--verbose", "-v"),
        "switch",
        "Show each stage's evidence, the position in the tables, and what was found.",
    ),
    JSON,
    *WHAT_IF,
)

LIST_WORDS = (
    Word(
        "file",
        "optional file",
        "VMLINUX",
        "A vmlinux, vmlinuz, boot.img; the running kernel's where not given.",
    ),
)
LIST: tuple[Parameter, ...] = (
    Parameter(
        "kaslr",
        ("--kaslr",),
        "text",
        "How far the kernel was moved: hexadecimal, or dmesg's line 'Kernel Offset: ...'.",
        "OFFSET",
    ),
    Parameter("glob", ("--filter",), "text", "Only names that match, as 'tcp_*'.", "GLOB"),
    Parameter("regex", ("--regex",), "text", "Only names in which a regular expression is found.", "RE"),
    Parameter(
        "source",
        ("--from",),
        "path",
        "Only names that a file lists, one a line; - is standard input.",
        "FILE",
    ),
    Parameter(
        "duplicates",
        ("--duplicates",),
        "switch",
        "Only names that several symbols have, each with its object.",
    ),
    _MODULES,
    Parameter(
        "where",
        ("--where",),
        "texts",
        "Only symbols whose column is or matches that, != for not: ftrace=no, kprobe=TR302, section=.init*.",
        "COLUMN=VALUE",
    ),
    Parameter("columns", ("--columns",), "text", "Which columns: for --json, --csv and --tsv.", "NAME,..."),
    Parameter(
        "form", ("--format",), "text", "/proc/kallsyms, or System.map.", "proc|system-map", usual="proc"
    ),
    Parameter("csv", ("--csv",), "switch", "Print comma-separated values, a head first."),
    Parameter("tsv", ("--tsv",), "switch", "Print tab-separated values, a head first."),
    _SYSTEM_MAP,
    VERBOSE,
    JSON,
    *WHAT_IF,
)

DECODE_WORDS = (
    Word("file", "file", "FILE", "A kernel in any form: vmlinux, vmlinuz, boot.img, dump, core."),
)
DECODE: tuple[Parameter, ...] = (
    Parameter(
        "address",
        ("--address",),
        "texts",
        "Where a table lies, as num_syms=ffffffff82000000.",
        "TABLE=HEX",
    ),
    Parameter("text", ("--text",), "text", "The address of _text, for an object.", "HEX"),
    Parameter("dump_at", ("--dump-at",), "text", "FILE is raw memory from this address on.", "HEX"),
    Parameter("like", ("--like",), "path", "A file of the dump's class and byte order.", "ELF"),
    Parameter("elf", ("--elf",), "path", "Write a vmlinux: the image's bytes, and its symbols.", "OUT"),
    Parameter(
        "kaslr", ("--kaslr",), "text", "With --elf: how far to move the kernel, as for list.", "OFFSET"
    ),
    VERBOSE,
    JSON,
    *what_if("release", "base_relative"),
)

_ANY_KERNEL = Word(
    "file", "file", "VMLINUX", "A vmlinux, or a kernel in any other form: vmlinuz, boot.img, dump."
)

STATS_WORDS = (_ANY_KERNEL,)
STATS: tuple[Parameter, ...] = (
    Parameter(
        "pack", ("--packed",), "switch", "Compress the tables too, as kernel images are: takes seconds."
    ),
    Parameter("everything", ("--all",), "switch", "Show every token."),
    _SYSTEM_MAP,
    VERBOSE,
    JSON,
    *WHAT_IF,
)

LEDGER_WORDS = (_ANY_KERNEL,)
LEDGER: tuple[Parameter, ...] = (
    Parameter("view", ("--by",), "text", "Count by rule, section, letter or class.", "VIEW", usual="rule"),
    Parameter("row", ("--rule",), "text", "List the symbols behind a row: KS201, kept, or a remark.", "ID"),
    _SYSTEM_MAP,
    VERBOSE,
    JSON,
    *WHAT_IF,
)

VERIFY_WORDS = (
    Word(
        "file",
        "optional file",
        "VMLINUX",
        "A finished vmlinux, or an image with --map; the running kernel's where not given.",
    ),
)
VERIFY: tuple[Parameter, ...] = (
    Parameter(
        "proc_kallsyms", ("--proc-kallsyms",), "path", "Compare a running kernel's text instead.", "FILE"
    ),
    Parameter("exact", ("--exact",), "switch", "Compare the bytes of the tables too, with those made anew."),
    _ALL_SYMBOLS,
    _SYSTEM_MAP,
    VERBOSE,
    JSON,
    *WHAT_IF,
)

CHECK_WORDS = LIST_WORDS
CHECK: tuple[Parameter, ...] = (
    Parameter(
        "needs",
        ("--needs",),
        "path",
        "Names, one a line: _text, kprobe:schedule, fentry:..., ftrace:..., livepatch:...; - is standard input.",
        "FILE",
    ),
    VERBOSE,
    JSON,
    *WHAT_IF,
)

SYMBOLIZE_WORDS = (
    Word(
        "file",
        "optional file",
        "VMLINUX",
        "The kernel of the log, as vmlinux or vmlinuz; the running kernel's where not given.",
    ),
)
SYMBOLIZE: tuple[Parameter, ...] = (
    Parameter(
        "modules",
        ("--modules",),
        "texts",
        "The modules of the log: .ko files, packed or not, or a folder of them; repeat.",
        "PATH",
    ),
    Parameter(
        "kaslr",
        ("--kaslr",),
        "text",
        "How far the kernel was moved, as for list; else the log tells.",
        "OFFSET",
    ),
    Parameter(
        "lines",
        ("--lines",),
        "pair",
        "Name source lines, where there is debug information.",
        usual=True,
    ),
    VERBOSE,
    *WHAT_IF,
)
