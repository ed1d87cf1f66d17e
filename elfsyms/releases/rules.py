# SPDX-License-Identifier: GPL-2.0-or-later
"""Every rule by which a symbol is dropped on its way from ``.symtab`` to the tables, as data.

A rule has a stable id, the stage that applies it, the versions in which it is in force, a matcher, one line of
why the kernel has it, and a cure. The stages follow the stock chain:

=========  ==============================================================================================
``nm``     entries that ``nm`` does not list
``map``    lines that ``scripts/mksysmap`` removes (from 6.1 on the generator reads what it leaves)
``read``   what ``scripts/kallsyms.c`` refuses while it reads the map
``valid``  what it refuses afterwards (until 5.4 a step of its own, ``symbol_valid``)
``range``  what lies outside the kept address ranges
=========  ==============================================================================================

Rules whose matcher is None need more than a name and a letter; ``filters.py`` applies them by id. This module
knows nothing of output, and nothing else decides what is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from elfsyms.releases.matchers import Contains, Exact, Letters, Matcher, Pattern, Prefix, Suffix
from elfsyms.releases.versions import When

if TYPE_CHECKING:
    from elfsyms.releases.versions import Version

__all__ = ["KEPT_ABSOLUTE", "RULES", "TABLE_LABELS", "Rule", "rule_by_id", "rules_in_force"]

Stage = Literal["nm", "map", "read", "valid", "range"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One drop rule; ``stripped``: the name is looked at without its ``--symbol-prefix``."""

    id: str
    slug: str
    stage: Stage
    when: When
    matcher: Matcher | None
    reason: str
    cure: str
    stripped: bool = False
    source: str = ""

    @property
    def file(self) -> str:
        """The program that applies the rule."""
        return self.source or {"nm": "binutils/nm.c", "map": "scripts/mksysmap"}.get(
            self.stage, "scripts/kallsyms.c"
        )


_NONE = "none: the symbol is not one that the kernel can use"
_RENAME = "rename the symbol: the rule goes by its name alone"
_ALL = "CONFIG_KALLSYMS_ALL=y (--all-symbols)"
_SECTION = "define the symbol inside a section: absolute symbols have no place in the image"
_DEFINE = "define the symbol in what is linked, or drop the weak reference"

_NM = (
    Rule(
        "KS101", "null-entry", "nm", When(".."), None, "entry 0 of every symbol table is empty (gABI)", _NONE
    ),
    Rule(
        "KS102", "file-symbol", "nm", When(".."), None, "names a source file, not a place (STT_FILE)", _NONE
    ),
    Rule("KS103", "section-symbol", "nm", When(".."), None, "stands for a section (STT_SECTION)", _NONE),
    Rule(
        "KS104",
        "target-special",
        "nm",
        When(".."),
        None,
        "a mapping symbol or local label, which BFD takes for the target's own",
        _RENAME,
        source="bfd, is_target_special_symbol",
    ),
)

# When mksysmap's dollar was quoted right: not in 6.4.0 (ec336aa83162), nor from 6.10 on (7a6c355b55c0).
_DOLLAR = When("6.1..6.4", "6.4.1..6.10", "6.12.9..")
_ALL_MAPS, _NEW_MAPS = When(".."), When("6.4..")

_MAP_LETTERS = (
    Rule(
        "KS201",
        "map-absolute",
        "map",
        _ALL_MAPS,
        Letters(b"a"),
        "local absolute symbols are numbers",
        _SECTION,
    ),
    Rule(
        "KS202", "map-undefined", "map", _ALL_MAPS, Letters(b"U"), "undefined: there is no address", _DEFINE
    ),
    Rule(
        "KS203",
        "map-weak-undefined",
        "map",
        _ALL_MAPS,
        Letters(b"w"),
        "weak and undefined: no address",
        _DEFINE,
    ),
    Rule(
        "KS204", "map-debugging", "map", When("2.6.26.."), Letters(b"N"), "lies in a debugging section", _NONE
    ),
)

_MAP_NAMES = (
    Rule(
        "KS210",
        "map-crc",
        "map",
        When("..6.1"),
        Contains(b"__crc_"),
        "checksum of an export (modversions)",
        _NONE,
    ),
    Rule(
        "KS211",
        "map-crc",
        "map",
        When("6.1.."),
        Prefix(b"__crc_"),
        "checksum of an export (modversions)",
        _NONE,
    ),
    Rule(
        "KS212",
        "map-mapping-adt",
        "map",
        When("..6.1"),
        Pattern(rb"\$[adt]", b"$"),
        "mapping symbol of ARM",
        _RENAME,
    ),
    Rule("KS213", "map-mapping", "map", _DOLLAR, Prefix(b"$"), "mapping symbol: $a, $d, $t, $x", _RENAME),
    Rule(
        "KS214",
        "map-second-letter-l",
        "map",
        When("4.2..5.4.59", "5.5..5.8"),
        Pattern(rb".L", b""),
        "meant for local labels (.L); the dot was not escaped, so any second letter L goes (72d24accf02a)",
        _RENAME,
    ),
    Rule(
        "KS215",
        "map-local-label",
        "map",
        When("5.8..", "5.4.59..5.5"),
        Prefix(b".L"),
        "local label of the compiler",
        _RENAME,
    ),
    Rule(
        "KS216",
        "map-l0",
        "map",
        When("6.0..6.1", "5.10.145..5.11", "5.15.70..5.16", "5.19.11..5.20"),
        Prefix(b"L0"),
        "fake label of RISC-V's assembler (c17a2538704f)",
        _RENAME,
    ),
    Rule("KS217", "map-l0", "map", When("6.1.."), Exact(b"L0"), "fake label of RISC-V's assembler", _RENAME),
    Rule("KS218", "map-kstrtab", "map", When("6.1.."), Prefix(b"__kstrtab_"), "string of an export", _NONE),
    Rule(
        "KS219",
        "map-kstrtabns",
        "map",
        When("6.1.."),
        Prefix(b"__kstrtabns_"),
        "namespace of an export",
        _NONE,
    ),
    Rule("KS220", "map-efistub", "map", _NEW_MAPS, Prefix(b"__efistub_"), "EFI stub's alias", _NONE),
    Rule(
        "KS221",
        "map-nvhe-mapping",
        "map",
        When("6.4.1..6.10", "6.12.9.."),
        Prefix(b"__kvm_nvhe_$"),
        "mapping symbol of the arm64 hypervisor's object",
        _RENAME,
    ),
    Rule(
        "KS222",
        "map-nvhe-local-label",
        "map",
        _NEW_MAPS,
        Prefix(b"__kvm_nvhe_.L"),
        "local label of the arm64 hypervisor's object",
        _RENAME,
    ),
    Rule(
        "KS223",
        "map-thunk",
        "map",
        When("6.4..6.8"),
        Pattern(
            rb"__(?:AArch64ADRP|ARMV5PILong|ARMV7PILong|ThumbV7PILong|LA25|microLA25)Thunk_",
            head=b"__",
            holds=b"Thunk_",
        ),
        "range extension thunk of lld: it may come and go between passes",
        _RENAME,
    ),
    Rule(
        "KS224",
        "map-thunk",
        "map",
        When("6.8.."),
        Pattern(rb"__[0-9A-Za-z]*Thunk_", head=b"__", holds=b"Thunk_"),
        "range extension thunk of lld: it may come and go between passes",
        _RENAME,
    ),
    Rule("KS225", "map-kcfi", "map", _NEW_MAPS, Prefix(b"__kcfi_typeid_"), "type hash of kCFI", _NONE),
    Rule(
        "KS226",
        "map-nvhe-kcfi",
        "map",
        When("6.5.."),
        Prefix(b"__kvm_nvhe___kcfi_typeid_"),
        "type hash of kCFI in the arm64 hypervisor's object",
        _NONE,
    ),
    Rule(
        "KS227",
        "map-pi-mapping",
        "map",
        When("6.5..6.10", "6.12.111..6.13", "7.2.."),
        Prefix(b"__pi_$"),
        "mapping symbol of the position independent start code",
        _RENAME,
    ),
    Rule(
        "KS228",
        "map-pi-local-label",
        "map",
        When("6.5.."),
        Prefix(b"__pi_.L"),
        "local label of the position independent start code",
        _RENAME,
    ),
    Rule(
        "KS229",
        "map-pi-kcfi",
        "map",
        When("6.5.."),
        Prefix(b"__pi___kcfi_typeid_"),
        "type hash of kCFI in the position independent start code",
        _NONE,
    ),
    Rule(
        "KS230",
        "map-from-arm",
        "map",
        _NEW_MAPS,
        Suffix(b"_from_arm"),
        "mode switch veneer of GNU ld",
        _RENAME,
    ),
    Rule(
        "KS231",
        "map-from-thumb",
        "map",
        _NEW_MAPS,
        Suffix(b"_from_thumb"),
        "mode switch veneer of GNU ld",
        _RENAME,
    ),
    Rule(
        "KS232", "map-veneer", "map", _NEW_MAPS, Suffix(b"_veneer"), "long branch veneer of GNU ld", _RENAME
    ),
    Rule(
        "KS233", "map-sda-base", "map", _NEW_MAPS, Exact(b"_SDA_BASE_"), "PowerPC's small data anchor", _NONE
    ),
    Rule(
        "KS234",
        "map-sda2-base",
        "map",
        _NEW_MAPS,
        Exact(b"_SDA2_BASE_"),
        "PowerPC's small data anchor",
        _NONE,
    ),
    Rule(
        "KS235",
        "map-long-branch",
        "map",
        _NEW_MAPS,
        Contains(b".long_branch."),
        "PowerPC's long branch stub",
        _RENAME,
    ),
    Rule(
        "KS236",
        "map-plt-branch",
        "map",
        _NEW_MAPS,
        Contains(b".plt_branch."),
        "PowerPC's branch stub",
        _RENAME,
    ),
    Rule(
        "KS237",
        "map-table-symbol",
        "map",
        When("6.4..6.10"),
        None,
        "defined by the previous pass's table object: there in one pass, not in the first",
        "--no-exclude-tables, as a first pass has it",
    ),
    Rule(
        "KS238",
        "map-device-table",
        "map",
        When("6.18.."),
        Prefix(b"__mod_device_table__"),
        "device table that modpost reads",
        _NONE,
    ),
    Rule(
        "KS239",
        "map-modinfo",
        "map",
        When("6.18..7.2"),
        Pattern(rb"__UNIQUE_ID_modinfo[0-9]*\Z", b"__UNIQUE_ID_modinfo"),
        "module information string",
        _NONE,
    ),
    Rule(
        "KS240",
        "map-modinfo",
        "map",
        When("7.2.."),
        Pattern(rb"__UNIQUE_ID_modinfo_[0-9]*\Z", b"__UNIQUE_ID_modinfo_"),
        "module information string",
        _NONE,
    ),
    # What misquoted patterns really match. They name no symbol that a compiler makes; exact is exact.
    Rule(
        "KS241", "map-misquoted", "map", When("6.4..6.4.1"), Exact(b""), "meant for $ (ec336aa83162)", _RENAME
    ),
    Rule(
        "KS242",
        "map-misquoted",
        "map",
        When("6.4..6.4.1"),
        Exact(b"__kvm_nvhe_"),
        "meant for __kvm_nvhe_$",
        _RENAME,
    ),
    Rule(
        "KS243",
        "map-misquoted",
        "map",
        When("6.10..6.12.9"),
        Exact(b"\\"),
        "meant for $ (7a6c355b55c0)",
        _RENAME,
    ),
    Rule(
        "KS244",
        "map-misquoted",
        "map",
        When("6.10..6.12.9"),
        Exact(b"__kvm_nvhe_\\"),
        "meant for __kvm_nvhe_$ (7a6c355b55c0)",
        _RENAME,
    ),
    Rule(
        "KS245",
        "map-misquoted",
        "map",
        When("6.10..6.12.111", "6.13..7.2"),
        Exact(b"__pi_\\"),
        "meant for __pi_$",
        _RENAME,
    ),
)

_READ = (
    Rule(
        "KS301",
        "no-address",
        "read",
        When(".."),
        None,
        "the line has no address (undefined), so the reader passes over it",
        _DEFINE,
    ),
    Rule(
        "KS302",
        "too-long",
        "read",
        When("3.13.."),
        None,
        "the name is longer than the kernel's buffers (KSYM_NAME_LEN)",
        "shorten the name, or raise KSYM_NAME_LEN in the kernel and its generator",
    ),
    Rule(
        "KS303",
        "misread",
        "read",
        When(".."),
        None,
        "blanks in a name, or no name, lead the reader astray: the line is taken for something else",
        _RENAME,
    ),
)

_OLD, _MIDDLE, _BEFORE_MAPS = When("..5.5"), When("5.5..6.4"), When("..6.4")
_LABELS = (
    "kallsyms_addresses",
    "kallsyms_num_syms",
    "kallsyms_names",
    "kallsyms_markers",
    "kallsyms_token_table",
    "kallsyms_token_index",
)
_THUNKS = (
    "__AArch64ADRPThunk_",
    "__ARMV5PILongThunk_",
    "__ARMV7PILongThunk_",
    "__ThumbV7PILongThunk_",
    "__LA25Thunk_",
    "__microLA25Thunk_",
)

_LETTERS = (
    Rule(
        "KS401",
        "absolute",
        "read",
        When(".."),
        None,
        "absolute symbols are numbers, not places (four of ia64 and PowerPC's are let through)",
        _SECTION,
    ),
    Rule("KS402", "undefined", "read", _BEFORE_MAPS, Letters(b"Uu"), "undefined, or unique", _DEFINE),
    Rule(
        "KS403", "unique", "read", _NEW_MAPS, Letters(b"u"), "unique global symbols are not expected", _NONE
    ),
    Rule(
        "KS404",
        "arm-mapping",
        "read",
        _OLD,
        Pattern(rb"\$[adt](?:\.|\Z)", b"$"),
        "mapping symbol of ARM",
        _RENAME,
        stripped=True,
    ),
    Rule(
        "KS405",
        "arm64-mapping",
        "read",
        When("3.18..5.5"),
        Pattern(rb"\$x(?:\.|\Z)", b"$"),
        "mapping symbol of AArch64",
        _RENAME,
        stripped=True,
    ),
    Rule(
        "KS406",
        "dollar",
        "read",
        When("2.6.14..6.1"),
        Prefix(b"$"),
        "names the compiler made (6f00df24ee39)",
        _RENAME,
    ),
    Rule(
        "KS407",
        "debugging",
        "read",
        When("2.6.26..6.4"),
        Letters(b"N"),
        "lies in a debugging section",
        _NONE,
    ),
    Rule(
        "KS408",
        "not-loaded",
        "read",
        When("4.14.."),
        Letters(b"n"),
        "lies in a section that is not loaded",
        _NONE,
    ),
    Rule(
        "KS409",
        "lasanpc",
        "read",
        When("5.3..5.18", "4.4.187..4.5", "4.9.187..4.10", "4.14.136..4.15", "4.19.63..4.20", "5.2.5..5.3"),
        Prefix(b".LASANPC"),
        "local label of KASAN on s390 (33177f01ca3f)",
        _RENAME,
        stripped=True,
    ),
    Rule(
        "KS410",
        "local-label",
        "read",
        When("5.18..6.1"),
        Prefix(b".L"),
        "local label (d4c858643263)",
        _RENAME,
    ),
)


def _names(
    first: int, stage: Stage, when: When, slug: str, matchers: tuple[Matcher, ...], *why: str
) -> tuple[Rule, ...]:
    """Make one rule a matcher, with ids counted up from the first."""
    reason, cure = why
    return tuple(
        Rule(f"KS{first + i}", slug, stage, when, matcher, reason, cure, stripped=stage == "valid")
        for i, matcher in enumerate(matchers)
    )


_LABEL_WHY = ("a label of these very tables, which the first pass does not have", _NONE)
_SDA_WHY = ("anchor of PowerPC's small data", _NONE)
_THUNK_WHY = ("range extension thunk of lld: it may come and go between passes (efe6e3068067)", _RENAME)
_NVHE_WHY = ("symbol of the arm64 hypervisor's object", _RENAME)
_STUB_WHY = ("linker-made branch stub: it may come and go between passes", _RENAME)
_EFI_WHY = ("alias made for the EFI stub (1212f7a16af4)", _NONE)
_CRC_WHY = ("checksum of an export (modversions, 71810db27c1c)", _NONE)

_OWN = tuple(Exact(label.encode()) for label in _LABELS)
_OWN_RELATIVE = (Exact(b"kallsyms_offsets"), Exact(b"kallsyms_relative_base"))
_SDA = (Exact(b"_SDA_BASE_"), Exact(b"_SDA2_BASE_"))
_LLD = tuple(Prefix(thunk.encode()) for thunk in _THUNKS)
_MODE = (Suffix(b"_from_arm"), Suffix(b"_from_thumb"))
_PPC = (Contains(b".long_branch."), Contains(b".plt_branch."))

# 5.5 to 6.3 refuse names while reading; until 5.4 the same names go after sorting.
_READ_NAMES = (
    *_names(420, "read", _MIDDLE, "own-table", _OWN, *_LABEL_WHY),
    *_names(426, "read", _MIDDLE, "own-table", _OWN_RELATIVE, *_LABEL_WHY),
    *_names(
        428,
        "read",
        When("6.3..6.4", "6.1.42..6.2"),
        "own-table",
        (Exact(b"kallsyms_seqs_of_names"),),
        *_LABEL_WHY,
    ),
    *_names(430, "read", _MIDDLE, "small-data", _SDA, *_SDA_WHY),
    *_names(432, "read", When("5.5..6.1"), "crc", (Prefix(b"__crc_"),), *_CRC_WHY),
    *_names(433, "read", _MIDDLE, "efistub", (Prefix(b"__efistub_"),), *_EFI_WHY),
    *_names(434, "read", When("5.9..5.19"), "nvhe", (Prefix(b"__kvm_nvhe_"),), *_NVHE_WHY),
    *_names(
        435,
        "read",
        When("5.19..6.4"),
        "nvhe",
        (Prefix(b"__kvm_nvhe_$"), Prefix(b"__kvm_nvhe_.L")),
        *_NVHE_WHY,
    ),
    *_names(440, "read", When("5.11..6.4", "5.10.17..5.11"), "thunk", _LLD, *_THUNK_WHY),
    *_names(446, "read", When("6.1..6.4"), "kcfi", (Prefix(b"__kcfi_typeid_"),), "type hash of kCFI", _NONE),
    *_names(447, "read", _MIDDLE, "veneer", (*_MODE, Suffix(b"_veneer")), *_STUB_WHY),
    *_names(450, "read", When("5.9..6.4", "5.8.14..5.9"), "ppc-stub", _PPC, *_STUB_WHY),
)

_VALID_NAMES = (
    *_names(
        460,
        "valid",
        When("..4.1"),
        "compiled",
        (Contains(b"_compiled."),),
        "a compiler's file marker",
        _RENAME,
    ),
    *_names(461, "valid", _OLD, "own-table", _OWN, *_LABEL_WHY),
    *_names(467, "valid", When("4.6..5.5"), "own-table", _OWN_RELATIVE, *_LABEL_WHY),
    *_names(469, "valid", _OLD, "small-data", _SDA, *_SDA_WHY),
    *_names(471, "valid", When("4.10..5.5"), "crc", (Prefix(b"__crc_"),), *_CRC_WHY),
    *_names(
        472, "valid", When("4.18..5.5", "4.14.177..4.15"), "efistub", (Prefix(b"__efistub_"),), *_EFI_WHY
    ),
    *_names(473, "valid", When("4.1..5.5"), "veneer", (Suffix(b"_veneer"),), *_STUB_WHY),
    *_names(474, "valid", When("4.7..5.5"), "veneer", _MODE, *_STUB_WHY),
)

_RANGE = (
    Rule(
        "KS501",
        "outside-text",
        "range",
        When(".."),
        None,
        "not in a text range (_stext.._etext, _sinittext.._einittext)",
        _ALL,
    ),
    Rule(
        "KS502",
        "range-end",
        "range",
        When(".."),
        None,
        "lies right at the end of a text range, where only the end symbol itself is kept",
        _ALL,
    ),
    Rule(
        "KS503",
        "below-page-offset",
        "range",
        When("3.13..4.7", "3.10.105..3.11"),
        None,
        "lies below --page-offset (f6537f2f0eba)",
        "leave out --page-offset",
    ),
)

RULES: tuple[Rule, ...] = (
    *_NM,
    *_MAP_LETTERS,
    *_MAP_NAMES,
    *_READ,
    *_LETTERS,
    *_READ_NAMES,
    *_VALID_NAMES,
    *_RANGE,
)

# Absolute symbols that the generator lets through, by name.
KEPT_ABSOLUTE = tuple(
    Exact(name)
    for name in (b"__kernel_syscall_via_break", b"__kernel_syscall_via_epc", b"__kernel_sigtramp", b"__gp")
)

# What a table object defines, and so what --exclude-tables takes out of the map.
TABLE_LABELS = (*_OWN, *_OWN_RELATIVE, Exact(b"kallsyms_seqs_of_names"))

_BY_ID = {rule.id: index for index, rule in enumerate(RULES)}


def rule_by_id(rule_id: str) -> int:
    """Return the place of a rule in :data:`RULES`."""
    return _BY_ID[rule_id]


@cache
def rules_in_force(version: Version, stage: Stage) -> tuple[int, ...]:
    """Return the places in :data:`RULES` of a stage's rules that hold in a version, in their order."""
    return tuple(i for i, rule in enumerate(RULES) if rule.stage == stage and version in rule.when)
