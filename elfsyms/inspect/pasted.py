# SPDX-License-Identifier: GPL-2.0-or-later
r"""What a pasted line names: a symbol with an offset, an address, or both.

People paste whole lines: of an oops, of ``trace``, of ``perf script``, of ``/proc/kallsyms``. Each form is a row of
:data:`_FORMS`, the most telling first. Follows ``kernel/kallsyms.c``, ``__sprint_symbol`` (``name+0x1a2/0xe50
[module buildid]``), ``arch/*/kernel/dumpstack.c`` and ``kernel/trace/trace_output.c``. Nothing is looked up here;
words of a line that fits no form are left to whoever knows the names (:func:`words`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from elfsyms.inspect.globs import is_glob

__all__ = ["Pasted", "asked_glob", "has_words", "parse_pasted", "words"]

_NAME = r"(?P<name>[A-Za-z_.$][\w.$]*)"
_NUMBER = r"(?:0x[0-9a-fA-F]{1,16}|\d{1,19})"
_MODULE = r"(?:[ \t]+[\[(]+(?P<module>[\w.-]+)(?: [0-9a-f]+)?[\])]+)?"
_AT = rf"{_NAME}\+(?P<offset>{_NUMBER})(?:/(?P<size>{_NUMBER}))?{_MODULE}"
_BARE = r"(?:0[xX])?(?P<address>[0-9a-fA-F]{8,16})"
_BETWEEN_WORDS = re.compile(r"[\s:;,()`'\"]")
# A word of bpftrace and libbpf before a name; no symbol has such a character.
_TRACER = re.compile(r"\A[a-z_.]+[:/](?!:)(?:vmlinux:)?")
_NO_MODULE = ("kernel", "guest.kernel", "vmlinux", "unreliable")  # what else stands where a module may

_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"\[<{_BARE}>\]\s+(?:\? )?\(?{_AT}",  # [<ffffffff8107a0c0>] schedule+0x2e/0xb0
        rf"\[{_BARE}\]\s+{_AT}",  # PowerPC: NIP [c000000000012345] schedule+0x2e/0xb0
        rf"^\s*{_BARE} {_AT}",  # perf script: ffffffff81a2b3c4 tcp_v4_rcv+0x1a2 ([kernel.kallsyms])
        rf"(?<![\w.$]){_AT}",  # RIP: 0010:tcp_v4_rcv+0x1a2/0xe50; bpftrace: tcp_v4_rcv+418
        rf"^\s*{_BARE} \S {_NAME}{_MODULE}\s*$",  # /proc/kallsyms
        rf"^\s*{_BARE} {_NAME} \(",  # perf script, without an offset
        rf"\[<{_BARE}>\]",  # an address in an oops
        rf":\s+{_NAME}{_MODULE}\s+<-",  # function tracer
        rf"\|\s+(?:/\* )?{_NAME}{_MODULE}\(\)",  # function graph tracer
        rf"\}}\s*/\* {_NAME}{_MODULE} \*/",  # the same, where a function returns
        rf"=> {_NAME}{_MODULE}\s*$",  # stack of a trace
        r"(?<![\w.])(?:0[xX](?P<address>[0-9a-fA-F]{1,16})|(?P<plain>(?!0{16})[0-9a-fA-F]{16}))(?![\w.])",
        r"^\s*(?P<address>[0-9a-fA-F]{8,17})\s*$",
    )
)


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a text names. ``offset`` and ``size`` are None where it does not have them; so is ``address``.

    ``module`` is empty where the symbol is the kernel's own.
    """

    name: str = ""
    offset: int | None = None
    size: int | None = None
    module: str = ""
    address: int | None = None


def parse_pasted(text: str) -> Pasted | None:
    """Find what a text names; None where it has none of the known forms.

    >>> parse_pasted("RIP: 0010:tcp_v4_rcv+0x1a2/0xe50")
    Pasted(name='tcp_v4_rcv', offset=418, size=3664, module='', address=None)
    >>> parse_pasted(" ? nft_do_chain+0x10/0x20 [nf_tables]").module
    'nf_tables'
    """
    for form in _FORMS:
        match = form.search(text)
        if match:
            return _pasted(match.groupdict())
    return None


def has_words(text: str) -> bool:
    """Tell whether a text is no name, but may have one in it: a line, a call, a word of bpftrace.

    >>> has_words("tcp_sendmsg"), has_words("tcp_sendmsg()"), has_words("kprobe:tcp_sendmsg")
    (False, True, True)
    """
    return _BETWEEN_WORDS.search(text) is not None


def asked_glob(text: str) -> str:
    """Return the glob that a text is, without a tracer's word before it; empty for a line with a bracket in it.

    >>> asked_glob("tcp_*"), asked_glob("kprobe:tcp_*"), asked_glob("[<ffffffff8107a0c0>]")
    ('tcp_*', 'tcp_*', '')
    """
    found = is_glob(text) and " " not in text.strip() and "[<" not in text
    return _TRACER.sub("", text, count=1) if found else ""


def words(text: str) -> list[str]:
    """Return the words of a line that may be names of symbols.

    >>> words("kprobe:tcp_v4_rcv { @ = count(); }")
    ['kprobe', 'tcp_v4_rcv', 'count']
    """
    return re.findall(r"[A-Za-z_.$][\w.$]*", text)


def _pasted(found: dict[str, str | None]) -> Pasted:
    module = found.get("module") or ""
    address = found.get("address") or found.get("plain")
    return Pasted(
        name=found.get("name") or "",
        offset=_number(found.get("offset")),
        size=_number(found.get("size")),
        module="" if module.startswith(_NO_MODULE) else module,
        address=int(address, 16) if address else None,
    )


def _number(text: str | None) -> int | None:
    return None if text is None else int(text, 0) if text.startswith("0x") else int(text)
