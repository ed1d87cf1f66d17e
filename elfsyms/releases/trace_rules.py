# SPDX-License-Identifier: GPL-2.0-or-later
"""Every rule by which the kernel refuses to trace a function, as data.

A function that is in the tables may still be out of reach. Who asks decides by what: ftrace has a list of addresses
(``__mcount_loc``), kprobes have forbidden ranges and names, a BPF program wants a type, a live patch an index to
jump from. Each rule is a reason why one of them says no, with the versions in which it holds and a fix.

===============  =====================================================================================
``code``         what none of them can reach
``ftrace``       the function tracer and fprobes: a line in ``available_filter_functions``
``kprobe``       a kprobe event at the function's name (perf, bpftrace and bcc make such, too)
``fentry``       a BPF program of the kinds fentry and fexit
``livepatch``    a replacement by a live patch
``module``       of a module's symbols, what never reaches ``/proc/kallsyms``
===============  =====================================================================================

Follows ``kernel/trace/ftrace.c``, ``kernel/kprobes.c``, ``kernel/trace/trace_kprobe.c``,
``kernel/bpf/verifier.c``, ``kernel/livepatch/core.c``, ``kernel/module/kallsyms.c`` and the ports' ``kprobes.c``.
The order is the one in which :mod:`elfsyms.trace.traceability` asks them: the first that holds is the answer.

A file may lack what a question is answered by: a label, a function, a section. That alone proves nothing, for a
symbol table may have been cut, and an image has its kernel's own tables alone: such a rule names both readings, and
its ``known`` is False. Where a configuration is at hand, it decides: the kernel was built without (TR201, TR301,
TR401, TR501), or the file lacks symbols (TR105).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from elfsyms.releases.versions import When

__all__ = ["QUESTIONS", "TRACE_RULES", "TraceRule", "trace_rule"]

Question = Literal["code", "ftrace", "kprobe", "fentry", "livepatch", "module"]

# Who asks, with what it is, in the order of the catalogue.
QUESTIONS: dict[str, str] = {
    "code": "what no tracer reaches",
    "ftrace": "the function tracer and fprobes: a line in available_filter_functions",
    "kprobe": "a kprobe event at the function's name, as perf, bpftrace and bcc make them",
    "fentry": "a BPF program of the kinds fentry and fexit",
    "livepatch": "a replacement by a live patch",
    "module": "what of a module's symbols never reaches /proc/kallsyms",
}


@dataclass(frozen=True, slots=True)
class TraceRule:
    """One reason for a no; ``source`` is the kernel's file that has it.

    ``known`` is False where the file lacks what would tell: the answer may be yes. ``seen`` marks what a message in
    the file shows to be checked: then its releases are told and not asked, for vendors back-port.
    """

    id: str
    slug: str
    question: Question
    when: When
    reason: str
    fix: str
    source: str
    known: bool = True
    seen: bool = False


_ALL = When("..")
_BY_CALLER = "trace a function that calls it"
_MODULES = When("2.6.33..")
_ADDRESS = "give its address as an offset from a symbol that stands once: _text+0x..."

_WHOLE = (
    "give the whole vmlinux of the build or of its debug package, or with an image its System.map by --map; the "
    "configuration with --config"
)

_FENTRY = When("5.5..")

_FTRACE, _KPROBES = "kernel/trace/ftrace.c", "kernel/kprobes.c"
_EVENTS, _BPF = "kernel/trace/trace_kprobe.c", "kernel/bpf/verifier.c"
_LIVEPATCH = "kernel/livepatch/core.c"


def _code(name: str, slug: str, reason: str, fix: str, source: str = "kernel/extable.c") -> TraceRule:
    return TraceRule(name, slug, "code", _ALL, reason, fix, source)


def _ftrace(name: str, slug: str, reason: str, fix: str, when: When = _ALL) -> TraceRule:
    return TraceRule(name, slug, "ftrace", when, reason, fix, _FTRACE)


def _kprobe(
    name: str,
    slug: str,
    reason: str,
    fix: str,
    when: When = _ALL,
    source: str = _KPROBES,
    *,
    seen: bool = False,
) -> TraceRule:
    return TraceRule(name, slug, "kprobe", when, reason, fix, source, seen=seen)


def _fentry(name: str, slug: str, reason: str, fix: str, when: When = _FENTRY) -> TraceRule:
    return TraceRule(name, slug, "fentry", when, reason, fix, _BPF)


def _livepatch(name: str, slug: str, reason: str, fix: str) -> TraceRule:
    return TraceRule(name, slug, "livepatch", When("4.0.."), reason, fix, _LIVEPATCH)


def _unknown(name: str, slug: str, question: Question, lacks: str, otherwise: str, source: str) -> TraceRule:
    """Return a rule for a file that lacks what would tell; ``otherwise`` is the other reading."""
    reason = f"not known: the file lacks {lacks}. Either its symbols are not all there, or {otherwise}"
    return TraceRule(name, slug, question, _ALL, reason, _WHOLE, source, known=False)


def _module(
    name: str,
    slug: str,
    reason: str,
    fix: str = "none: the symbol is not one that the kernel can use",
    when: When = _MODULES,
    source: str = "kernel/module/kallsyms.c",
) -> TraceRule:
    return TraceRule(name, slug, "module", when, reason, fix, source)


# fmt: off
TRACE_RULES: tuple[TraceRule, ...] = (
    _code("TR101", "not-code", "it lies in no executable section: data, a number or a per-CPU offset",
          "trace the functions that use it, or watch its address with a hardware breakpoint"),
    _code("TR102", "not-in-tables", "the kernel cannot look up a name that its symbol table lacks",
          "see the rule that drops it; a kprobe can be put at _text+0x... all the same", "kernel/kallsyms.c"),
    _code("TR103", "init-freed", "__init and built-in __exit text is freed, or thrown away, when the kernel has "
          "started", "trace from the kernel's command line: ftrace_filter= with ftrace=function, or kprobe_event=",
          "init/main.c"),
    _code("TR104", "outside-text", "executable, but outside the kernel's text: _stext to _etext",
          _BY_CALLER),
    TraceRule("TR105", "cut", "code", _ALL, "not known: the configuration says that the kernel can, and the file "
              "lacks what would tell: its symbols are not all there",
              "give the whole vmlinux of the build or of its debug package, or with an image its System.map",
              "kernel/trace/ftrace.c", known=False),

    _ftrace("TR201", "no-ftrace", "the kernel was built without dynamic ftrace, as its configuration says",
            "CONFIG_FUNCTION_TRACER=y with CONFIG_DYNAMIC_FTRACE=y"),
    _ftrace("TR202", "padding", "the room before a function, not a function",
            "use the name without __pfx_ or __cfi_"),
    _ftrace("TR203", "noinstr", "noinstr: must run before it is safe to trace anything",
            _BY_CALLER, When("5.8..")),
    _ftrace("TR204", "piece", "a piece that the compiler split off a function: no call enters at its start",
            "trace the whole function: the name without .cold or .part.N"),
    _ftrace("TR205", "no-entry", "no call of ftrace at its start: marked notrace, in assembly, or of a file that "
            "is compiled without", "a kprobe may do, where CONFIG_KPROBE_EVENTS_ON_NOTRACE=y; else "
            + _BY_CALLER),
    _ftrace("TR206", "shadowed", "ftrace knows the place by the name that sorts first at this address",
            "use that name; fprobe events of 7.x take this one, too"),
    _unknown("TR207", "no-mcount-loc", "ftrace", "the list of places to patch (__start_mcount_loc)",
             "the kernel was built without CONFIG_DYNAMIC_FTRACE", _FTRACE),

    _kprobe("TR301", "no-kprobes", "the kernel was built without kprobes, as its configuration says",
            "CONFIG_KPROBES=y"),
    _kprobe("TR302", "nokprobe", "on the kernel's own blacklist: NOKPROBE_SYMBOL", _BY_CALLER),
    _kprobe("TR303", "kprobes-text", "in .kprobes.text: __kprobes marks what kprobes themselves need", _BY_CALLER),
    _kprobe("TR304", "noinstr", "in .noinstr.text: must run before a probe is safe", _BY_CALLER, When("5.8..")),
    _kprobe("TR305", "entry-text", "in .entry.text: the first instructions of system calls and exceptions",
            _BY_CALLER, source="arch/*/kernel/kprobes.c"),
    _kprobe("TR306", "irqentry-text", "in .irqentry.text, which this machine's kprobes leave alone", _BY_CALLER,
            source="arch/*/kernel/kprobes.c"),
    _kprobe("TR307", "hyp-text", "runs at EL2, where no kprobe works", _BY_CALLER,
            source="arch/arm64/kernel/probes/kprobes.c"),
    _kprobe("TR308", "idmap-text", "runs while the address map is changed", _BY_CALLER,
            source="arch/*/kernel/kprobes.c"),
    _kprobe("TR309", "head-text", "in the kernel's first code, where no probe works", _BY_CALLER,
            source="arch/powerpc/kernel/kprobes.c"),
    _kprobe("TR310", "piece-of-nokprobe", "a piece or clone of a function on the blacklist", _BY_CALLER,
            When("5.1.."), f"{_KPROBES} (within_kprobe_blacklist: not in 4.19 and 5.0, in 5.3, the latter as "
            "Ubuntu built them; 5.1 by the date)"),
    _kprobe("TR311", "padding", "the room before a function, not a function",
            "use the name without __pfx_ or __cfi_",
            When("5.10.224..5.11", "5.15.165..5.16", "6.1.105..6.2", "6.6.46..6.7", "6.10.5.."),
            f"{_KPROBES} (de02f2ac5d8c, without effect until 8c8acb8f26cb; 5.15 and 6.6 by the date)"),
    _kprobe("TR312", "patched", "its first instruction is one that the kernel patches: a static key, a static "
            "call or an alternative", "probe a later instruction: NAME+offset"),
    _kprobe("TR313", "instruction", "its first instruction cannot be executed elsewhere, as a kprobe does",
            "probe a later instruction: NAME+offset", source="arch/*/kernel/kprobes.c"),
    _kprobe("TR314", "notrace", "kprobe events leave alone what ftrace cannot trace",
            "CONFIG_KPROBE_EVENTS_ON_NOTRACE=y, or register_kprobe() from a module; else " + _BY_CALLER,
            When("4.19.."), f"{_EVENTS} (45408c4f9250)", seen=True),
    _kprobe("TR315", "not-unique", "several symbols have this name, and the kernel does not guess", _ADDRESS,
            When("5.10.227..5.11", "5.15.168..5.16", "6.1.60..6.2", "6.5.9..6.6", "6.6.."),
            f"{_EVENTS} (b022f0c7e404; 5.15 by the date)", seen=True),
    _kprobe("TR316", "finds-another", "several symbols have this name, and the kernel takes the first", _ADDRESS,
            When("..6.6"), _EVENTS, seen=True),

    _unknown("TR317", "no-register-kprobe", "kprobe", "register_kprobe",
             "the kernel was built without CONFIG_KPROBES", _KPROBES),
    TraceRule("TR318", "no-blacklist", "kprobe", When("3.16.."), "not known: the file lacks labels of what the "
              "kernel's kprobes avoid (__start_kprobe_blacklist, from 5.8 on __noinstr_text_start), which go with "
              "kprobes: its symbols are not all there",
              _WHOLE, _KPROBES, known=False),
    _kprobe("TR319", "in-module-too", "a module has a symbol of this name, too, and the kernel counts those of all "
            "loaded modules", f"{_ADDRESS}; MODULE:NAME is the module's",
            When("5.10.227..5.11", "5.15.168..5.16", "6.1.60..6.2", "6.5.9..6.6", "6.6..7.0.10"),
            f"{_EVENTS} (926fe783c8a6 to 1870ddcd94b0: 7.0.9 counts those, 7.0.10 does not, by Debian's code)"),
    _kprobe("TR320", "ftrace-patches", "its first instruction is the one that ftrace patches, and kprobes do not "
            "go through ftrace here (CONFIG_KPROBES_ON_FTRACE)",
            "probe a later instruction: NAME+offset; or a fprobe at its name, where the kernel has them",
            source=f"{_KPROBES} (check_ftrace_location)"),
    _kprobe("TR321", "bug", "its first instruction is one of BUG() or WARN()",
            "probe a later instruction: NAME+offset", When("5.4.."), f"{_KPROBES} (e336b4027775; 5.4 by the date)"),

    _fentry("TR401", "no-btf", "the kernel was built without its types, as its configuration says",
            "CONFIG_DEBUG_INFO_BTF=y"),
    _fentry("TR402", "not-in-btf", "its types name no function like this one: assembly, or pahole left it out "
            "because the compiler changed its arguments or its copies differ",
            "use a kprobe; pahole -V on the build's vmlinux says why"),
    _fentry("TR403", "twice-in-btf", "its types name several functions like this one",
            "use a kprobe at _text+0x..."),
    _fentry("TR404", "no-ftrace", "fentry patches the call that ftrace does, and there is none",
            "see the ftrace rule"),
    _fentry("TR405", "denied", "the verifier refuses it, because BPF itself needs it (btf_id_deny)", _BY_CALLER,
            When("5.13..")),
    _fentry("TR406", "finds-another", "several symbols have this name, and the kernel takes the first",
            "use a kprobe at _text+0x..."),

    _unknown("TR407", "no-btf-section", "fentry", "types that can be read (.BTF)",
             "the kernel was built without CONFIG_DEBUG_INFO_BTF", _BPF),

    _fentry("TR408", "no-trampoline", "the kernel cannot call a BPF program so: its port has no trampoline for it, "
            "or ftrace calls none (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS)",
            "use a kprobe; x86-64 has both, newer releases of arm64, s390, RISC-V, PowerPC and LoongArch, too"),

    _livepatch("TR501", "no-livepatch", "the kernel was built without live patching, as its configuration says",
               "CONFIG_LIVEPATCH=y"),
    _livepatch("TR502", "no-ftrace", "a live patch redirects the call that ftrace does, and there is none",
               "patch the functions that call it"),
    _livepatch("TR503", "piece", "a piece that the compiler split off a function: no call enters at its start",
               "patch the whole function"),
    _unknown("TR504", "no-klp", "livepatch", "klp_enable_patch",
             "the kernel was built without CONFIG_LIVEPATCH", _LIVEPATCH),

    _module("TR601", "no-name", "it has no name: a section's own symbol, or the table's first entry", when=_ALL),
    _module("TR602", "undefined", "another module or vmlinux defines it", "look for it there"),
    _module("TR603", "no-section", "it lies in no section: the name of a file, or a number"),
    _module("TR604", "not-loaded", "its section is not loaded: debug information, or what only the loader reads"),
    _module("TR605", "init", "its section is freed once the module has started",
            "trace the module while it starts"),
    _module("TR606", "exit", "its section is freed, too, in a kernel that never unloads modules",
            "CONFIG_MODULE_UNLOAD=y"),
    _module("TR607", "data", "no code, and the kernel keeps symbols of code alone", "CONFIG_KALLSYMS_ALL=y"),
    _module("TR608", "percpu", "per CPU, and the kernel keeps symbols of code alone; before 4.5, back-ports aside, "
            "in any case", "CONFIG_KALLSYMS_ALL=y, from 4.5 on",
            source="kernel/module/kallsyms.c (4.5 by the date: SUSE back-ported it in January 2016, and 4.4.302 "
            "has it; which 4.4.N was the first is not known)"),
)
# fmt: on


_BY_ID = {rule.id: index for index, rule in enumerate(TRACE_RULES)}


def trace_rule(name: str) -> int:
    """Return the index of a rule in :data:`TRACE_RULES`; :class:`KeyError` for an id that is none."""
    return _BY_ID[name]
