# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel's source or build tree: its release, its configuration, and what its own scripts look like.

The version in the ``Makefile`` says what the tree descends from; its ``scripts/kallsyms.c`` and ``mksysmap`` say
what it does. A table of strings to look for (:data:`SIGNS`) turns the scripts into the same kind of constraints
that ``evidence.py`` finds in a kernel. Nothing is run and nothing else is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfsyms.detect.evidence import Constraint
from elfsyms.errors import InputError
from elfsyms.files import read_regular
from elfsyms.releases.rules import RULES, rule_by_id
from elfsyms.releases.versions import parse_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from elfsyms.releases.traits import Release
    from elfsyms.releases.versions import Version

__all__ = ["tree_config", "tree_constraints", "tree_version"]

_MAKEFILE = re.compile(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *=[ \t]*(\S*)", re.MULTILINE)
_CONFIGS = ("include/config/auto.conf", ".config")


@dataclass(frozen=True, slots=True)
class Sign:
    """A text in one of the tree's scripts; the release must have the trait if and only if the text is there."""

    file: str
    text: str
    seen: str
    trait: Callable[[Release], bool]


def _rule(rule_id: str) -> Callable[[Release], bool]:
    """Ask whether a rule is in force."""
    return lambda release: release.version in RULES[rule_by_id(rule_id)].when


_GENERATOR, _MAP = "scripts/kallsyms.c", "scripts/mksysmap"

SIGNS = (
    Sign(_GENERATOR, "getopt_long", "reads its map from a file", lambda r: r.map_is_input),
    Sign(_GENERATOR, "ULEB128", "writes ULEB128 lengths", lambda r: r.length_encoding == "uleb128"),
    Sign(
        _GENERATOR,
        'output_label("kallsyms_seqs_of_names")',
        "writes name sequences",
        lambda r: r.sequence_width > 0,
    ),
    Sign(
        _GENERATOR,
        'output_label("kallsyms_addresses")',
        "writes addresses",
        lambda r: r.addresses is not None,
    ),
    Sign(_GENERATOR, "absolute-percpu", "knows --absolute-percpu", lambda r: r.knows("--absolute-percpu")),
    Sign(_GENERATOR, "base-relative", "knows --base-relative", lambda r: r.knows("--base-relative")),
    Sign(_GENERATOR, "lto-clang", "knows --lto-clang", lambda r: r.knows("--lto-clang")),
    Sign(_GENERATOR, "pc-relative", "knows --pc-relative", lambda r: r.knows("--pc-relative")),
    Sign(_GENERATOR, "symbol-prefix", "knows --symbol-prefix", lambda r: r.knows("--symbol-prefix")),
    Sign(_GENERATOR, "page-offset", "knows --page-offset", lambda r: r.knows("--page-offset")),
    Sign(_GENERATOR, ".balign", "aligns by .balign", lambda r: r.align != "align"),
    Sign(_GENERATOR, ".llvm.", "cuts names at .llvm.", lambda r: r.lto_cut == ".llvm."),
    Sign(_GENERATOR, '"__start_"', "keeps __start_ and __stop_", lambda r: bool(r.kept_prefixes)),
    Sign(_GENERATOR, "getline", "reads lines", lambda r: r.reader == "lines"),
    Sign(_GENERATOR, ".size", "writes sizes", lambda r: r.sizes),
    Sign(_GENERATOR, "may_be_linker_script", "puts linker script names behind", lambda r: r.order == "full"),
    Sign(_GENERATOR, "_from_arm", "drops _from_arm", lambda r: _rule("KS447")(r) or _rule("KS474")(r)),
    Sign(_GENERATOR, "__AArch64ADRPThunk_", "drops lld's thunks", _rule("KS440")),
    Sign(_GENERATOR, ".LASANPC", "drops .LASANPC", _rule("KS409")),
    Sign(_GENERATOR, "__kcfi_typeid_", "drops __kcfi_typeid_", _rule("KS446")),
    Sign(_MAP, "__kstrtab_", "drops __kstrtab_", _rule("KS218")),
    Sign(_MAP, "__kcfi_typeid_", "drops __kcfi_typeid_", _rule("KS225")),
    Sign(_MAP, "__pi_", "drops __pi_", _rule("KS228")),
    Sign(_MAP, "[[:alnum:]]*Thunk_", "drops any thunk", _rule("KS224")),
    Sign(_MAP, "__mod_device_table__", "drops device tables", _rule("KS238")),
    Sign(_MAP, "__UNIQUE_ID_modinfo_", "drops modinfo strings", _rule("KS240")),
)


def tree_version(tree: Path) -> Version:
    """Return the version of the tree's Makefile; :class:`InputError` where there is none."""
    fields = dict(_MAKEFILE.findall(_text(tree, "Makefile")))
    if not (fields.get("VERSION", "").isdigit() and fields.get("PATCHLEVEL", "").isdigit()):
        raise InputError(
            f"{tree} is no kernel tree: its Makefile tells no VERSION; give the source tree's top"
        )
    parts = [fields[name] for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL") if fields.get(name)]
    extra = fields.get("EXTRAVERSION", "") if fields["VERSION"] == "2" else ""
    return parse_version(".".join(parts) + extra)


def tree_constraints(tree: Path) -> Iterator[Constraint]:
    """Yield what the tree's scripts show."""
    texts = {file: _text(tree, file) for file in (_GENERATOR, _MAP)}
    for sign in SIGNS:
        present = sign.text in texts[sign.file]
        yield Constraint(
            f"{sign.file} {'' if present else 'does not have: '}{sign.seen}",
            lambda release, sign=sign, present=present: bool(sign.trait(release)) == present,  # type: ignore[misc] # mypy cannot infer a lambda with bound defaults
        )
    counts_32 = bool(re.search(r"\.long\\t%u", texts[_GENERATOR]))
    yield Constraint(f"{_GENERATOR} counts in 32 bits: {counts_32}", lambda r: r.wide_counts != counts_32)


def tree_config(tree: Path) -> Path | None:
    """Return the configuration of a tree that was configured, or None."""
    return next((tree / name for name in _CONFIGS if (tree / name).is_file()), None)


def _text(tree: Path, name: str) -> str:
    try:
        return read_regular(tree / name).decode("utf-8", "replace")
    except OSError as error:
        raise InputError(f"{tree} is no kernel tree: cannot read {name} ({error.strerror})") from error
