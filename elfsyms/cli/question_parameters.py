# SPDX-License-Identifier: GPL-2.0-or-later
"""The options of ``list``, ``explain`` and ``decode`` as rows: what is asked for, and how it is to be shown."""

from __future__ import annotations

from elfsyms.cli.parameters import JSON, VERBOSE, WHAT_IF, Parameter, what_if

__all__ = ["DECODE", "EXPLAIN", "LIST"]

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

EXPLAIN: tuple[Parameter, ...] = (
    Parameter("source", ("--from",), "path", "Read what to explain, one a line; - too.", "FILE"),
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
        "Work out bytes and tokens, where no tables inside the file tell (0.5 s).",
    ),
    Parameter(
        "dwarf",
        ("--source",),
        "pair",
        "Say where a function is defined and inlined, by DWARF (else for few questions).",
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
    Parameter("source", ("--from",), "path", "Only names that a file lists; - too.", "FILE"),
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
        "Only symbols of which that is so; a glob, != for not; ftrace=no, kprobe=TR302, section=.text.",
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
    Parameter("kaslr", ("--kaslr",), "text", "With --elf: how far the kernel was moved.", "OFFSET"),
    VERBOSE,
    JSON,
    *what_if("release", "base_relative"),
)
