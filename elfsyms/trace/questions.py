# SPDX-License-Identifier: GPL-2.0-or-later
"""The four questions, each as rules with the records that they hold for, in the order in which they speak.

The ids are those of :mod:`elfsyms.releases.trace_rules`, which has reasons, versions and fixes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from elfsyms.e_machine import (
    EM_68K,
    EM_386,
    EM_AARCH64,
    EM_ARM,
    EM_CSKY,
    EM_LOONGARCH,
    EM_PPC,
    EM_PPC64,
    EM_RISCV,
    EM_S390,
    EM_X86_64,
)
from elfsyms.image.sorting import among
from elfsyms.releases.versions import When
from elfsyms.trace.instructions import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elfsyms.image.btf import Btf
    from elfsyms.image.equal_names import Texts
    from elfsyms.trace.facts import Facts, Marks

__all__ = ["ASKED", "NOT_UNIQUE", "common_rules"]

Hits: TypeAlias = "Iterator[tuple[str, Marks]]"

# fmt: off
# Ranges that kprobes leave alone: the labels around, the rule, the machines (none: all).
_AREAS: tuple[tuple[str, str, str, tuple[int, ...]], ...] = (
    ("__kprobes_text_start", "__kprobes_text_end", "TR303", ()),
    ("__noinstr_text_start", "__noinstr_text_end", "TR304", ()),
    ("__entry_text_start", "__entry_text_end", "TR305", (EM_386, EM_X86_64, EM_AARCH64, EM_ARM)),
    ("__irqentry_text_start", "__irqentry_text_end", "TR306",
     (EM_AARCH64, EM_RISCV, EM_S390, EM_LOONGARCH, EM_CSKY, EM_ARM)),
    ("__hyp_text_start", "__hyp_text_end", "TR307", (EM_AARCH64,)),
    ("__hyp_idmap_text_start", "__hyp_idmap_text_end", "TR307", (EM_AARCH64,)),
    ("__idmap_text_start", "__idmap_text_end", "TR308", (EM_AARCH64, EM_ARM)),
    ("_stext", "__head_end", "TR309", (EM_PPC, EM_PPC64)),
)
# fmt: on

# Kernels have the labels, whether anything lies between them or not (TEXT_TEXT); powerpc's and m68k's scripts are
# their own.
_HAS_NOINSTR = When("5.8..")
_OWN_SCRIPT = (EM_68K, EM_PPC, EM_PPC64)

# Messages of the kernel that tell which checks it makes.
_NOTRACE = b"Could not probe notrace function"
NOT_UNIQUE = b"The symbol is not unique"


# What a question is answered by, where the file has it: the variable that builds it into the kernel, the rule where
# a configuration says no, and the one where nothing tells.
_ANSWERED_BY = {
    "ftrace": ("DYNAMIC_FTRACE", "TR201", "TR207"),
    "kprobe": ("KPROBES", "TR301", "TR317"),
    "fentry": ("DEBUG_INFO_BTF", "TR401", "TR407"),
    "livepatch": ("LIVEPATCH", "TR501", "TR504"),
}


def _unless(facts: Facts, question: str, present: bool) -> Hits:
    """Yield, where the file lacks what answers a question, what that means: a configuration alone proves it."""
    variable, without, unknown = _ANSWERED_BY[question]
    if not present:
        configured = facts.of_kernel.configured(variable)
        yield {None: unknown, False: without, True: "TR105"}[configured], facts.all_if(True)


def common_rules(facts: Facts) -> Hits:
    """Yield what nobody can trace."""
    yield "TR101", ~facts.code
    yield "TR103", facts.init
    yield "TR104", facts.outside


def _ftrace_rules(facts: Facts) -> Hits:
    """Yield why a function has no line of its own in ``available_filter_functions``."""
    missing = ~facts.entered
    yield from _unless(facts, "ftrace", facts.of_kernel.sites.has_ftrace)
    yield "TR202", facts.padding & missing
    yield "TR203", facts.within("__noinstr_text_start", "__noinstr_text_end") & missing
    yield "TR204", facts.piece & missing
    yield "TR205", missing
    yield "TR206", facts.shadowed


def _kprobe_rules(facts: Facts) -> Hits:
    """Yield why a kprobe event at a function's name is refused, in the order of the kernel's checks."""
    kernel_facts = facts.of_kernel
    unique = kernel_facts.says(NOT_UNIQUE)
    yield from _unless(facts, "kprobe", kernel_facts.has("register_kprobe"))
    yield "TR318", facts.all_if(not kernel_facts.sites.has_blacklist or _lacks_noinstr(facts))
    yield "TR315", facts.repeated & facts.all_if(unique)
    yield "TR316", facts.hidden_by_name & facts.all_if(not unique)
    yield "TR302", facts.listed
    forbidden = facts.listed
    for rule, marks in _areas(facts):
        yield rule, marks
        forbidden = forbidden | marks
    yield "TR310", facts.of_whole(forbidden)
    yield "TR311", facts.padding
    if kernel_facts.says(_NOTRACE):
        yield from _unless(facts, "ftrace", kernel_facts.sites.has_ftrace)
    # ftrace forgets what is freed: __init msg_init is no cover for msg_init.part.0.
    called = facts.called & ~facts.init
    yield "TR314", ~(called | facts.of_whole(called)) & facts.all_if(kernel_facts.says(_NOTRACE))
    yield "TR320", among(facts.probed, kernel_facts.calls_not_to_probe)
    yield "TR312", among(facts.probed, kernel_facts.sites.patched)
    words, order = kernel_facts.words(facts.probed), kernel_facts.kernel.image.abi.byte_order
    if not kernel_facts.is_thumb:
        yield "TR313", refused(kernel_facts.machine, order, kernel_facts.version, words)
    yield "TR321", among(facts.probed, kernel_facts.sites.bugs)


def _lacks_noinstr(facts: Facts) -> bool:
    """Tell whether the file lacks the labels of ``.noinstr.text`` that its kernel has."""
    kernel_facts = facts.of_kernel
    has = kernel_facts.version in _HAS_NOINSTR and kernel_facts.machine not in _OWN_SCRIPT
    return has and b"__noinstr_text_start" not in kernel_facts.sites.labels


def _areas(facts: Facts) -> Hits:
    for first, last, rule, machines in _AREAS:
        if not machines or facts.of_kernel.machine in machines:
            yield rule, facts.within(first, last)


def _fentry_rules(facts: Facts) -> Hits:
    """Yield why no BPF program can be attached to a function's entry."""
    kernel_facts = facts.of_kernel
    yield from _unless(facts, "fentry", kernel_facts.btf is not None)
    if kernel_facts.btf is None:
        return
    yield "TR408", facts.all_if(kernel_facts.lacks_trampoline)
    found = facts.names.among(kernel_facts.btf.names)
    yield "TR402", found == 0
    yield "TR403", found > 1
    yield "TR405", facts.names.among(_denied(facts, kernel_facts.btf)) > 0
    yield "TR406", facts.hidden_by_name
    yield from _unless(facts, "ftrace", kernel_facts.sites.has_ftrace)
    yield "TR404", ~facts.called


def _denied(facts: Facts, btf: Btf) -> Texts:
    """Return the functions that the verifier refuses: ``btf_id_deny``, a count and that many type numbers."""
    kernel_facts = facts.of_kernel
    address = kernel_facts.kernel.symbols.address_of(b"btf_id_deny")
    data = kernel_facts.kernel.image.read_some(address, 4096) if address is not None else b""
    numbers = np.frombuffer(data[: len(data) // 4 * 4], f"{kernel_facts.kernel.image.abi.byte_order}u4")
    return btf.numbered(numbers[1 : 1 + int(numbers[0])] if len(numbers) else numbers)


def _livepatch_rules(facts: Facts) -> Hits:
    """Yield why a live patch cannot replace a function."""
    yield from _unless(facts, "livepatch", facts.of_kernel.has("klp_enable_patch"))
    yield from _unless(facts, "ftrace", facts.of_kernel.sites.has_ftrace)
    yield "TR503", facts.piece & ~facts.called
    yield "TR502", ~facts.called


# By the name of the question: what refuses.
ASKED: dict[str, Callable[[Facts], Hits]] = {
    "ftrace": _ftrace_rules,
    "kprobe": _kprobe_rules,
    "fentry": _fentry_rules,
    "livepatch": _livepatch_rules,
}
