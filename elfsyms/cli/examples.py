# SPDX-License-Identifier: GPL-2.0-or-later
"""Command lines to begin with, by command: ``--help`` ends with them, and so does each man page.

Each is a line for a shell, and runs in a folder that holds what it names. A test runs them all.
"""

from __future__ import annotations

__all__ = ["EXAMPLES"]

# What one wants, and the line that does it.
EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "build": (
        ("an object to link, and System.map", "elfsyms vmlinux -o kallsyms.o --system-map System.map"),
        ("assembly, as the kernel's own build makes it", "elfsyms vmlinux -o kallsyms.S"),
        ("as a kernel without data symbols", "elfsyms vmlinux --no-all-symbols -o kallsyms.o"),
    ),
    "explain": (
        ("why a name is missing", "elfsyms explain vmlinux __kstrtab_reset_devices"),
        ("what an address of an oops is", "elfsyms explain vmlinux ffffffff8104783a"),
        ("all names that match, for a program", "elfsyms explain vmlinux 'nmi_*' --json"),
        ("what if data symbols were left out", "elfsyms explain vmlinux pipefifo_fops --no-all-symbols"),
    ),
    "ledger": (
        ("how many each rule dropped", "elfsyms ledger vmlinux"),
        ("the same under another release's rules", "elfsyms ledger vmlinux --release 6.1"),
    ),
    "rules": (
        ("one rule, with its source and fix", "elfsyms rules KS218"),
        ("what holds in a release", "elfsyms rules --release 5.10 --stage map"),
    ),
    "list": (
        ("as /proc/kallsyms will show it", "elfsyms list vmlinux"),
        ("functions that ftrace cannot trace", "elfsyms list vmlinux --where ftrace=no --where letter=t"),
        ("as a table for other tools", "elfsyms list vmlinux --columns name,address,size --csv"),
    ),
    "decode": (
        ("the symbols of a kernel that has no .symtab", "elfsyms decode vmlinuz"),
        ("an ELF file for gdb and perf", "elfsyms decode vmlinuz --elf symbols.elf"),
    ),
    "verify": (
        ("whether the tables inside are right", "elfsyms verify linked"),
        ("the running kernel against its file", "elfsyms verify linked --proc-kallsyms /proc/kallsyms"),
    ),
    "diff": (
        ("two kernels", "elfsyms diff vmlinux-6.12 vmlinux"),
        ("two passes of one link", "elfsyms diff linked-before linked"),
    ),
    "check": (
        ("whether a tool will find its names", "elfsyms check vmlinux --needs needs.txt"),
        ("the same, of the running kernel", "elfsyms check --needs needs.txt"),
    ),
    "symbolize": (
        ("an oops that was copied from another machine", "elfsyms symbolize vmlinux < oops.txt"),
        ("of the running kernel", "dmesg | elfsyms symbolize"),
    ),
    "stats": (
        ("what the tables take", "elfsyms stats vmlinux"),
        ("for a program", "elfsyms stats vmlinux --json"),
    ),
    "reserve": (("room for the tables of the link to come", "elfsyms reserve vmlinux -o kallsyms.o"),),
    "fill": (
        ("the tables of a kernel linked with that room", "elfsyms fill vmlinux --system-map System.map"),
    ),
    "report": (
        ("a page about a kernel", "elfsyms report vmlinux -o report.html"),
        ("what changed between two", "elfsyms report vmlinux-6.12 vmlinux -o changes.html"),
    ),
    "export": (
        ("all kernels that are installed", "elfsyms export /boot/vmlinuz-* -o atlas/"),
        ("one that was just built", "elfsyms export vmlinux -o atlas/"),
    ),
    "atlas": (
        ("which kernels it holds", "elfsyms atlas --in atlas/"),
        ("what became of a name", "elfsyms atlas tcp_sendmsg --in atlas/"),
        ("what the newest kernels have lost", "elfsyms atlas 'tcp_*' --gone --in atlas/"),
    ),
    "kbuild": (
        ("use it in a kernel's build", "elfsyms kbuild install linux/ && make -C linux ELFSYMS=elfsyms"),
        ("whether the hook fits", "elfsyms kbuild status linux/"),
    ),
    "releases": (("what tables a release makes", "elfsyms releases 6.12"),),
}
