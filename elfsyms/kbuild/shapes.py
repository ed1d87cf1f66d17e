# SPDX-License-Identifier: GPL-2.0-or-later
"""The link scripts that the hook fits, told by their shape and not by the version in the Makefile.

``hook.sh`` redefines functions of ``scripts/link-vmlinux.sh``. That is right only where they are called as it
expects and where they leave the variables that the rest of the script reads; distributions and stable
releases move such things back and forth. So a script is read, not guessed: its functions, and the lines
between them. A shape is a row of :data:`SHAPES`; a script that fits none is refused with what did not fit.

Follows ``scripts/link-vmlinux.sh`` of 5.10 to 7.3, and what is known of the next, whose generator reads the
ELF file itself. Leaves out the scripts of 3.5 to 5.9, whose steps are lines of the script itself or make the
object elsewhere, and 3.4 and before, where the Makefile links.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from elfsyms.releases.options import OPTIONS

__all__ = ["ANCHOR", "SHAPES", "Mismatch", "Script", "Shape", "once_mismatch", "read_script", "recognise"]

# The first line after the function definitions, in every release since 3.5: the hook's line goes before it.
ANCHOR = '# Use "make V=1" to debug this script'

_DEFINITION = re.compile(r"(\w+)\(\)\s*\{?\s*")
_CALL = re.compile(r"(?:if )?(?:! )?(\w+)\b")
_LINK = re.compile(r'vmlinux_link (\.tmp_vmlinux([123]|\.btf)|vmlinux|"\$\{VMLINUX\}")( .*)?')
_OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")


class Mismatch(Exception):  # noqa: N818 (the answer to a question, made into a sentence by its caller)
    """Why a script is none that the hook fits."""


@dataclass(frozen=True, slots=True)
class Script:
    """A link script, taken apart: the lines of each function, and the lines outside of them."""

    functions: dict[str, tuple[str, ...]]
    main: tuple[str, ...]
    carriage: int = 0  # the first line with a carriage return, 0 where there is none


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of link script.

    ``replaced`` are the functions that the hook brings, ``used`` those that it calls. ``calls`` are all the
    ways in which the script's main part may call the replaced ones; ``inside`` are lines that the replaced
    functions must have, since the hook does the same. How many arguments ``vmlinux_link`` is given does not matter:
    the hook passes on what it gets.
    """

    name: str
    releases: str
    replaced: frozenset[str]
    used: frozenset[str]
    calls: tuple[re.Pattern[str], ...]
    inside: tuple[tuple[str, re.Pattern[str]], ...]
    options: frozenset[str] = frozenset()  # of the generator's, besides those of releases


def _patterns(*texts: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(text) for text in texts)


_STEP_CALL = r"kallsyms_step [123]"
_MAP_CALL = r'mksysmap (vmlinux|"\$\{VMLINUX\}") System\.map( \$\{kallsymso\})?'
_STEP = (
    ("kallsyms_step", re.compile(r"kallsyms_vmlinux=\.tmp_vmlinux\.kallsyms\$\{1\}")),
    (
        "kallsyms_step",
        re.compile(r'vmlinux_link \$\{kallsyms_vmlinux\} "\$\{kallsymso_prev\}" \$\{btf_vmlinux_bin_o\}'),
    ),
    ("kallsyms_step", re.compile(r"kallsymso=\$\{kallsyms_vmlinux\}\.o")),
)
_STEPPED = frozenset({"kallsyms", "kallsyms_step", "mksysmap"})

SHAPES: tuple[Shape, ...] = (
    Shape(
        "piped",
        "5.10 to 6.0",
        replaced=_STEPPED,
        used=frozenset({"info", "vmlinux_link"}),
        calls=_patterns(_STEP_CALL, _MAP_CALL, r"mksysmap \$\{kallsyms_vmlinux\} \.tmp_System\.map"),
        inside=(*_STEP, ("kallsyms", re.compile(r"\$\{NM\} -n .*\| *scripts/kallsyms .*"))),
    ),
    Shape(
        "stepped",
        "6.1 to 6.10",
        replaced=_STEPPED,
        used=frozenset({"info", "vmlinux_link"}),
        calls=_patterns(_STEP_CALL, _MAP_CALL),
        inside=(
            *_STEP,
            ("kallsyms_step", re.compile(r"mksysmap \$\{kallsyms_vmlinux\} \$\{kallsyms_vmlinux\}\.syms.*")),
        ),
    ),
    Shape(
        "linked first",
        "6.11 to 7.3",
        replaced=frozenset({"kallsyms", "mksysmap", "sysmap_and_kallsyms"}),
        used=frozenset({"info", "is_enabled"}),
        calls=_patterns(
            r"kallsyms \.tmp_vmlinux(\.kallsyms)?0\.syms \.tmp_vmlinux0\.kallsyms",
            r"sysmap_and_kallsyms \.tmp_vmlinux[123]",
            _MAP_CALL,
        ),
        inside=(
            ("kallsyms", re.compile(r'scripts/kallsyms \$\{kallsymopt\} "\$\{1\}" > "\$\{2\}\.S"')),
            ("kallsyms", re.compile(r"kallsymso=\$\{2\}\.o")),
            ("sysmap_and_kallsyms", re.compile(r'kallsyms "\$\{1\}\.syms" "\$\{1\}\.kallsyms"')),
            ("sysmap_and_kallsyms", re.compile(r"kallsyms_sysmap=\$\{1\}\.syms")),
        ),
    ),
    Shape(
        "reads ELF",
        "after 7.3",
        replaced=frozenset({"kallsyms", "mksysmap", "sysmap_and_kallsyms"}),
        used=frozenset({"info", "is_enabled"}),
        calls=_patterns(
            r"kallsyms \S+ \.tmp_vmlinux0\.kallsyms( \S+)?",
            r"sysmap_and_kallsyms \.tmp_vmlinux[123]",
            _MAP_CALL,
        ),
        inside=(
            ("kallsyms", re.compile(r'scripts/kallsyms .*--sysmap=\S+ .*"\$\{1\}" .*> "\$\{2\}\.S"')),
            ("kallsyms", re.compile(r"kallsymso=\$\{2\}\.o")),
            ("mksysmap", re.compile(r"scripts/kallsyms .*--sysmap=.*")),
            ("sysmap_and_kallsyms", re.compile(r'kallsyms "\$\{1\}" "\$\{1\}\.kallsyms" "\$\{1\}\.syms"')),
            ("sysmap_and_kallsyms", re.compile(r"kallsyms_sysmap=\$\{1\}\.syms")),
        ),
        options=frozenset({"--sysmap"}),
    ),
)


def read_script(text: str) -> Script:
    """Take a link script apart; a function begins in the first column and ends at the next ``}`` there."""
    functions: dict[str, list[str]] = {}
    main: list[str] = []
    lines = main
    rows = text.split("\n")  # as a shell reads it: no other character ends a line
    for line in rows:
        if lines is main and (definition := _DEFINITION.fullmatch(line)):
            lines = functions.setdefault(definition[1], [])
        elif line == "}":
            lines = main
        else:
            lines.append(line.strip())
    carriage = next((number for number, line in enumerate(rows, 1) if "\r" in line), 0)
    return Script({name: tuple(body) for name, body in functions.items()}, tuple(main), carriage)


def recognise(script: Script) -> Shape:
    """Return the shape that a script has; :class:`Mismatch` tells what fits none.

    >>> recognise(read_script("echo hello"))
    Traceback (most recent call last):
    elfsyms.kbuild.shapes.Mismatch: it defines neither kallsyms_step nor sysmap_and_kallsyms
    """
    if script.carriage:
        raise Mismatch(
            f"line {script.carriage} has a carriage return, as files with CRLF line ends have: no shell runs such "
            "a script; convert it (dos2unix, or git's core.autocrlf=input)"
        )
    steps = [name for name in ("kallsyms_step", "sysmap_and_kallsyms") if name in script.functions]
    if not steps:
        raise Mismatch("it defines neither kallsyms_step nor sysmap_and_kallsyms")
    mismatches = []
    for shape in (shape for shape in SHAPES if shape.replaced.issuperset(steps)):
        reason = _mismatch(script, shape)
        if reason is None:
            return shape
        mismatches.append(f"as one of {shape.releases}, {reason}")
    raise Mismatch("; ".join(mismatches) or f"it defines both {' and '.join(steps)}")


def once_mismatch(script: Script) -> str:
    """Return why a script's links cannot be left out (``ELFSYMS_LINK=once``), or nothing where they can.

    The hook tells them by their outputs, and has the last one go to a file of another name.
    """
    if "vmlinux_link" not in script.functions:
        return "it lacks the function vmlinux_link"
    if any("VMLINUX}" in line for line in script.functions["vmlinux_link"]):
        return "its function vmlinux_link looks at the name of the final vmlinux"
    for line in script.main:
        if _calls(line) == "vmlinux_link" and not _LINK.fullmatch(line):
            return f"it has an unknown call: {line}"
    return ""


def _mismatch(script: Script, shape: Shape) -> str | None:
    """Return why a script has not a shape, or None if it has."""
    missing = sorted((shape.replaced | shape.used) - script.functions.keys())
    if missing:
        return f"it lacks the function {missing[0]}"
    for name, pattern in shape.inside:
        if not any(pattern.fullmatch(line) for line in script.functions[name]):
            return f"its function {name} works in another way"
    foreign = sorted(
        set(_OPTION.findall("\n".join(script.functions["kallsyms"]))) - _known_options() - shape.options
    )
    if foreign:
        return f"it passes {foreign[0]} to scripts/kallsyms, which no release of Linux knows"
    for line in script.main:
        if _calls(line) in shape.replaced and not any(pattern.fullmatch(line) for pattern in shape.calls):
            return f"it has an unknown call: {line}"
    if script.main.count(ANCHOR) != 1:
        return f"it has not one line {ANCHOR!r}, where the functions end"
    return None


def _known_options() -> set[str]:
    """Return the generator's options of all releases; a distribution may have given it more."""
    return {option.flag for option in OPTIONS if option.of_generator}


def _calls(line: str) -> str:
    """Return the command that a line begins with."""
    match = _CALL.match(line)
    return match[1] if match else ""
