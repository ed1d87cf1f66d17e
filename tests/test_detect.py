# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel, its configuration and its build tree tell of release and options, and who is believed."""

from __future__ import annotations

import functools
import gzip
import os
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from elfmaker import Section, Symbol, vmlinux
from treemaker import make_tree

from elfsyms.detect.banner import banner_version, find_banners
from elfsyms.detect.request import Request
from elfsyms.detect.tree import tree_release
from elfsyms.errors import InputError, UsageError
from elfsyms.pipeline.kernel import empty_kernel, load
from elfsyms.releases.format_history import find_release
from elfsyms.releases.table_labels import find_labels
from elfsyms.releases.versions import NEWEST, NEXT, format_version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from elfsyms.detect.request import Findings

TEXT = 0xFFFFFFFF81000000
RODATA = TEXT + 0x800000
EM_386, EM_S390, EM_ARM = 3, 22, 40

DEBIAN_12 = (
    "Linux version 6.1.0-56-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld "
    "(GNU Binutils for Debian) 2.40)"
)
UBUNTU_18 = (
    "Linux version 4.15.0-65-generic (buildd@lgw01) (gcc version 7.4.0 (Ubuntu 7.4.0-1ubuntu1~18.04.1))"
)

# Banners as distributions write them, and the release that was built.
BANNERS = [
    ("Linux version 6.12.0 (builder@host) (gcc 14) #1 SMP PREEMPT_DYNAMIC", "6.12"),
    (f"{DEBIAN_12} #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-05-01)", "6.1.192"),
    ("Linux version 5.10.0-33-s390x (gcc-10 (Debian 10.2.1-6)) #1 SMP Debian 5.10.226-1 (2024)", "5.10.226"),
    (
        f"{UBUNTU_18} #74-Ubuntu SMP Tue Sep 17 17:06:04 UTC 2019 (Ubuntu 4.15.0-65.74-generic 4.15.18)",
        "4.15.18",
    ),
    ("Linux version 6.8.0-45-generic (gcc-13 (Ubuntu 13.2.0-23ubuntu4) 13.2.0) #45-Ubuntu SMP", "6.8"),
    (
        "Linux version 6.11.4-301.fc41.x86_64 (mockbuild@host) (gcc (GCC) 14.2.1 20240912) #1 SMP PREEMPT_DYNAMIC",
        "6.11.4",
    ),
    ("Linux version 6.13.0-rc3-00017-g231825b2e1ff (me@host) (clang version 19.1.4) #2 SMP", "6.13"),
    ("Linux version 5.15-rc7 (me@host) #2", "5.15"),
    (
        "Linux version 6.6.30-android15-8-gdd9c02ccfe27-ab11987101-4k (kleaf@build-host) #1 SMP PREEMPT",
        "6.6.30",
    ),
    ("Linux version 2.6.32.71 (root@host) (gcc version 4.4.7) #1 SMP", "2.6.32.71"),
    ("Linux version 6.6.87.2-microsoft-standard-WSL2 (root@host) #1 SMP", "6.6.87.2"),
    ("Linux version 6.1.5 (me@host) (Debian clang version 14.0.6, Debian LLD 14.0.6) #1 SMP", "6.1.5"),
    (
        "Linux version 6.1.5 (me@host) (Ubuntu clang version 14.0.0-1ubuntu1, Ubuntu LLD 14.0.0) #1 SMP",
        "6.1.5",
    ),
]


def test_banners_are_found_in_raw_bytes() -> None:
    """Each banner is found where it is, to its line's end or 512 bytes; a format, and words, are none."""
    texts = [banner.encode() for banner, _ in BANNERS]
    long = b"Linux version 6.1.5 (me@host) #1 " + b"x" * 1000
    data = b"Linux version %s (%s) #\0Linux version 7 (a) #\n" + b"\0--".join(
        (*texts, b"Linux version 6.1\n#", long)
    )
    assert find_banners(data) == [(data.index(text), text[:512]) for text in (*texts, long)]


def test_a_file_full_of_banners_costs_no_more_than_a_few_thousand() -> None:
    """A line that never ends, of nothing but beginnings of banners, is no banner for each of them."""
    found = find_banners(b"Linux version 6.1 (#" * 100_000)
    assert sum(len(text) for _, text in found) <= 2_000_000
    assert len(find_banners(b"Linux version 6.1 (#\n" * 100_000)) == 1 << 14


def kernel_file(
    folder: Path,
    banner: str | None,
    symbols: Sequence[Symbol] = (),
    sections: Sequence[Section] = (),
    **abi: Any,
) -> Path:
    """Write a kernel with a banner of any text."""
    everything = [Symbol("_text", TEXT), Symbol("_stext", TEXT), Symbol("_etext", TEXT + 0x1000), *symbols]
    if banner is not None:
        place = TEXT + 0xF00000
        sections = [*sections, Section(".banner", place, banner.encode() + b"\n\0")]
        everything.append(Symbol("linux_banner", place, ".banner", type="object"))
    path = folder / "vmlinux"
    path.write_bytes(vmlinux(everything, release=None, sections=sections, **abi))
    return path


def findings(path: Path, **request: Any) -> Findings:
    """Return what is found in a file."""
    with load(path, **request) as kernel:
        return kernel.findings


def source_of(found: Findings, what: str) -> str:
    """Return what told one of the findings."""
    (source,) = [finding.source for finding in found.found if finding.what == what]
    return source


def table_labels(sizes: dict[str, int]) -> list[Symbol]:
    """Return the labels of tables that lie one behind the other."""
    places = accumulate(sizes.values(), initial=RODATA)
    return [Symbol(f"kallsyms_{n}", p, ".rodata", type="object") for n, p in zip(sizes, places, strict=False)]


def sizes_6_1(count: int, sequence: int) -> dict[str, int]:
    """Return the tables of a late 6.1 with sequences of so many bytes, aligned to 8."""
    sizes = {
        "offsets": 4 * count,
        "relative_base": 8,
        "num_syms": 4,
        "names": 11 * count,
        "markers": 4 * (count // 256),
        "seqs_of_names": sequence * count,
        "token_table": 900,
        "token_index": 512,
    }
    return {name: size + -size % 8 for name, size in sizes.items() if size}


@pytest.mark.parametrize(("banner", "release"), BANNERS)
def test_release_is_that_of_the_banner(tmp_path: Path, banner: str, release: str) -> None:
    """The banner tells the release; Debian and Ubuntu tell at its end what was really built."""
    found = findings(kernel_file(tmp_path, banner))
    assert found.release.name == release
    assert "linux_banner" in source_of(found, "release")
    assert not found.warnings


@pytest.mark.parametrize("banner", [b"", b"Linux version x", b"Linux version 6", b"Linux 6.12"])
def test_banner_that_tells_nothing(banner: bytes) -> None:
    """A banner without a version number tells none."""
    assert banner_version(banner) is None


def test_banner_of_a_prefixed_symbol(tmp_path: Path) -> None:
    """Where C symbols have an underscore in front, so has the banner."""
    text = b"Linux version 3.4.0 (me@host) #1\n\0"
    symbols = [Symbol("__text", TEXT), Symbol("__stext", TEXT), Symbol("_linux_banner", RODATA, ".banner")]
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux(symbols, release=None, sections=[Section(".banner", RODATA, text)]))
    found = findings(path)
    assert (found.release.name, found.options.symbol_prefix) == ("3.4", b"_")


def test_banner_of_damaged_bytes_is_no_accident(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 in a banner do not matter to the version in front of them."""
    path = kernel_file(tmp_path, "Linux version 6.12.5")
    path.write_bytes(path.read_bytes().replace(b"6.12.5\n", b"6.12.5\xff"))
    assert findings(path).release.name == "6.12.5"


@pytest.mark.parametrize("banner", [None, "Linux version unknown"])
def test_no_banner_asks_for_the_release(tmp_path: Path, banner: str | None) -> None:
    """A file that does not tell its release, and no --release: the error says what to give."""
    with pytest.raises(InputError, match=r"no linux_banner that tells its release: give --release"):
        findings(kernel_file(tmp_path, banner))


@pytest.mark.parametrize("release", ["2.6.11", "1.0", format_version(NEXT), "99.9"])
def test_unknown_release_is_refused(tmp_path: Path, release: str) -> None:
    """A release that is asked for and not known is an error that names those that are."""
    with pytest.raises(UsageError, match=f"is unknown: elfsyms knows 2.6.12 to {NEWEST}"):
        findings(kernel_file(tmp_path, None), release=release)


@pytest.mark.parametrize("release", ["", "newest", "6", "v", "-1.2"])
def test_what_is_no_release_is_refused(tmp_path: Path, release: str) -> None:
    """A request that names no release is wrong usage, with an example of one."""
    path = kernel_file(tmp_path, None)
    with pytest.raises((UsageError, InputError), match=r"6\.12"):
        findings(path, release=release)


def test_kernel_newer_than_all_known_is_told(tmp_path: Path) -> None:
    """A banner of tomorrow is treated as the newest release known, with a warning, never silently."""
    found = findings(kernel_file(tmp_path, "Linux version 8.1.0 (me@host) #1 SMP"))
    newest = find_release(NEWEST)
    assert (found.release.tables, found.release.sizes) == (newest.tables, newest.sizes)
    (warning,) = found.warnings
    assert "linux_banner" in warning
    assert "8.1" in warning
    assert "--release" in warning


@pytest.mark.parametrize(
    ("sequence", "since", "until"), [(3, "6.1.60", "6.2"), (4, "6.1.42", "6.1.60"), (0, "6.1", "6.1.42")]
)
def test_tables_inside_are_believed(tmp_path: Path, sequence: int, since: str, until: str) -> None:
    """6.1.0 may be any 6.1: the name sequence tells, which came in 6.1.42 with 4 bytes and has 3 since 6.1.60."""
    banner = "Linux version 6.1.0-vendor (me@host) #1 SMP"
    path = kernel_file(tmp_path, banner, table_labels(sizes_6_1(4096, sequence)))
    found = findings(path)
    assert find_release(since).version <= found.release.version < find_release(until).version
    assert bool(found.warnings) == (sequence > 0)
    for warning in found.warnings:
        assert "says 6.1, but its tables are" in warning
        assert f"going on as {found.release.name}" in warning
        assert "kallsyms" not in warning or "--release" in warning


def test_series_of_the_banner_is_preferred(tmp_path: Path) -> None:
    """Of the releases that agree with the tables one of the banner's own series is taken."""
    path = kernel_file(tmp_path, "Linux version 6.1.0 (me@host) #1 SMP", table_labels(sizes_6_1(4096, 3)))
    assert findings(path).release.version[:2] == (6, 1)


def test_explicit_release_wins_over_the_tables(tmp_path: Path) -> None:
    """--release is taken as it is, whatever the file shows."""
    path = kernel_file(tmp_path, "Linux version 6.1.0 (me@host) #1 SMP", table_labels(sizes_6_1(4096, 3)))
    found = findings(path, release="6.1.10")
    assert (found.release.name, source_of(found, "release"), found.warnings) == ("6.1.10", "--release", ())


def test_labels_all_at_one_place_tell_nothing(tmp_path: Path) -> None:
    """The labels of a first pass (PROVIDEd, all at one address) are no tables."""
    labels = [Symbol(f"kallsyms_{name}", RODATA, ".rodata") for name in sizes_6_1(4096, 3)]
    found = findings(kernel_file(tmp_path, "Linux version 6.1.0 (me@host) #1 SMP", labels))
    assert (found.release.name, found.warnings) == ("6.1", ())


@pytest.mark.parametrize(
    ("banner", "start", "until_6_15"),
    [
        ("6.12.5", 0, True),
        ("6.12.5", TEXT + 0x700000, False),
        ("6.16.1", TEXT + 0x700000, False),
        ("6.16.1", 0, True),
    ],
)
def test_per_cpu_base_of_x86_64_tells(tmp_path: Path, banner: str, start: int, until_6_15: bool) -> None:
    """x86-64's per-CPU area begins at zero until 6.14, and in the image from 6.15 on; the file is believed."""
    text = f"Linux version {banner} (me@host) #1 SMP PREEMPT_DYNAMIC"
    found = findings(kernel_file(tmp_path, text, [Symbol("__per_cpu_start", start, ".data..percpu")]))
    assert (found.release.version < find_release("6.15").version) == until_6_15
    contradicted = (find_release(banner).version < find_release("6.15").version) != until_6_15
    assert bool(found.warnings) == contradicted
    if not contradicted:
        assert found.release.name == banner


@pytest.mark.parametrize(
    ("banner", "start", "agrees"),
    [
        ("2.6.18", TEXT + 0x700000, True),
        ("2.6.29.6", TEXT + 0x700000, True),
        ("2.6.30", 0, True),
        ("2.6.32", TEXT + 0x700000, False),
    ],
)
def test_per_cpu_area_of_x86_64_is_at_zero_since_2_6_30(
    tmp_path: Path, banner: str, start: int, agrees: bool
) -> None:
    """Before 2.6.30 the area lies in the image: an old kernel is not taken for one of 6.15."""
    text = f"Linux version {banner} (me@host) (gcc version 4.1.2) #1 SMP Fri"
    found = findings(kernel_file(tmp_path, text, [Symbol("__per_cpu_start", start, ".data.percpu")]))
    assert (found.release.name == banner, bool(found.warnings)) == (agrees, not agrees)


@pytest.mark.parametrize(("banner", "option"), [("3.14.1", None), ("4.4.302", True), ("4.6.1", False)])
def test_absolute_percpu_of_one_processor(tmp_path: Path, banner: str, option: bool | None) -> None:
    """From 3.15 to 4.5 Kconfig sets it for every x86-64 kernel, later for those with SMP alone."""
    percpu = [Symbol("__per_cpu_start", TEXT + 0x700000, ".data..percpu")]
    found = findings(kernel_file(tmp_path, f"Linux version {banner} (me@host) #1 PREEMPT Fri", percpu))
    assert found.options.absolute_percpu == bool(option)
    assert found.release.knows("--absolute-percpu") == (option is not None)


def test_per_cpu_base_of_one_processor_tells_nothing(tmp_path: Path) -> None:
    """Without SMP the per-CPU area lies in the image in every release."""
    percpu = [Symbol("__per_cpu_start", TEXT + 0x700000, ".data..percpu")]
    found = findings(kernel_file(tmp_path, "Linux version 6.12.5 (me@host) #1 PREEMPT", percpu))
    assert (found.release.name, found.warnings, found.options.absolute_percpu) == ("6.12.5", (), False)


def test_absolute_percpu_follows_the_per_cpu_base(tmp_path: Path) -> None:
    """On x86-64 per-CPU symbols are offsets where the area begins at zero."""
    percpu = [Symbol("__per_cpu_start", 0, ".data..percpu")]
    found = findings(kernel_file(tmp_path, "Linux version 6.12.5 (me@host) #1 SMP", percpu))
    assert found.options.absolute_percpu
    assert source_of(found, "absolute-percpu") == "__per_cpu_start is at 0x0"


@pytest.mark.parametrize(
    ("machine", "bits", "pc_relative"),
    [(62, 64, True), (EM_S390, 64, True), (EM_ARM, 32, False), (EM_386, 32, True)],
)
def test_pc_relative_by_machine(tmp_path: Path, machine: int, bits: int, pc_relative: bool) -> None:
    """From 7.0 on 64-bit kernels are PC-relative; of 32-bit ones those that are relocatable, as i386."""
    text = b"Linux version 7.2.0 (me@host) #1\n\0"
    symbols = [Symbol("_text", 0xC0000000), Symbol("linux_banner", 0xC1000000, ".banner")]
    path = tmp_path / "vmlinux"
    sections = [Section(".banner", 0xC1000000, text)]
    path.write_bytes(vmlinux(symbols, release=None, bits=bits, machine=machine, sections=sections))
    assert findings(path).options.pc_relative == pc_relative


@pytest.mark.parametrize(
    ("text", "data", "offset"),
    [
        (0xC0008000, 0xC0C00000, 0xC0000000),
        (0x80108000, None, 0x80000000),
        (0x20008000, 0x20100000, None),
        (0xBF000000, 0xC0008000, None),
    ],
)
def test_page_offset_of_arm_is_where_its_memory_begins(
    tmp_path: Path, text: int, data: int | None, offset: int | None
) -> None:
    """From 3.13 to 4.6 ARM's build drops what lies below its memory, but of a kernel that runs in place."""
    symbols = [Symbol("_text", text), Symbol("vector_irq", 0x1000, ".stubs")]
    symbols += [] if data is None else [Symbol("_sdata", data, ".data", type="object")]
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux(symbols, release="4.4.302", bits=32, machine=EM_ARM))
    with load(path) as kernel:
        assert kernel.options.page_offset == offset
        assert (b"vector_irq" in set(kernel.verdicts.kept.names())) == (offset is None)
    with load(path, page_offset=0) as kernel:
        assert b"vector_irq" in set(kernel.verdicts.kept.names())


def test_lto_is_seen_in_the_names(tmp_path: Path) -> None:
    """Names with ``.llvm.`` mean a kernel linked with LTO."""
    banner = "Linux version 6.8.0 (me@host) #1 SMP"
    assert not findings(kernel_file(tmp_path, banner)).options.lto_clang
    assert findings(kernel_file(tmp_path, banner, [Symbol("f.llvm.123", TEXT)])).options.lto_clang


def test_addresses_inside_mean_pc_relative(tmp_path: Path) -> None:
    """A kernel with kallsyms_addresses was made without --base-relative."""
    sizes = {
        "addresses": 8000,
        "num_syms": 8,
        "names": 9000,
        "markers": 16,
        "token_table": 904,
        "token_index": 512,
    }
    banner = "Linux version 6.1.5 (me@host) #1 SMP"
    assert findings(kernel_file(tmp_path, banner)).options.base_relative
    assert not findings(kernel_file(tmp_path, banner, table_labels(sizes))).options.base_relative


# Configurations: lines, a release, and the options of link-vmlinux.sh.
CONFIGS: list[tuple[str, str, dict[str, Any]]] = [
    ("CONFIG_KALLSYMS=y\n# CONFIG_KALLSYMS_ALL is not set\n", "6.12", {"all_symbols": False}),
    ("CONFIG_KALLSYMS_ALL=y\n", "6.12", {"all_symbols": True, "absolute_percpu": False}),
    ("CONFIG_KALLSYMS_ABSOLUTE_PERCPU=y\n", "6.12", {"absolute_percpu": True}),
    ("CONFIG_KALLSYMS_ABSOLUTE_PERCPU=y\n", "6.15", {"absolute_percpu": False}),
    ("CONFIG_KALLSYMS_BASE_RELATIVE=y\n", "5.10", {"base_relative": True}),
    ("CONFIG_KALLSYMS_BASE_RELATIVE=n\n", "5.10", {"base_relative": False}),
    ("CONFIG_LTO_CLANG=y\n", "6.6", {"lto_clang": True}),
    ("CONFIG_LTO_CLANG=y\n", "6.12", {"lto_clang": False}),
    ("CONFIG_64BIT=y\n", "7.0", {"pc_relative": True}),
    ("CONFIG_RELOCATABLE=y\n", "7.0", {"pc_relative": True}),
    ("CONFIG_KALLSYMS=y\n", "7.0", {"pc_relative": False}),
    ("CONFIG_HAVE_UNDERSCORE_SYMBOL_PREFIX=y\n", "3.10", {"symbol_prefix": b"_"}),
    ('CONFIG_SYMBOL_PREFIX="_"\n', "3.6", {"symbol_prefix": b"_"}),
    ("CONFIG_ARM=y\nCONFIG_PAGE_OFFSET=0xC0000000\n", "3.13", {"page_offset": 0xC0000000}),
    ("CONFIG_ARM=y\nCONFIG_XIP_KERNEL=y\nCONFIG_PAGE_OFFSET=0xC0000000\n", "3.15", {"page_offset": None}),
    (
        "CONFIG_ARM=y\nCONFIG_XIP_KERNEL=y\nCONFIG_PAGE_OFFSET=0xC0000000\n",
        "3.14",
        {"page_offset": 0xC0000000},
    ),
    ("CONFIG_PAGE_OFFSET=0xC0000000\n", "3.13", {"page_offset": None}),
]


@pytest.mark.parametrize(("text", "release", "options"), CONFIGS)
def test_options_of_a_configuration(tmp_path: Path, text: str, release: str, options: dict[str, Any]) -> None:
    """A configuration decides what link-vmlinux.sh would pass to the generator, if that knows the option."""
    config = tmp_path / ".config"
    config.write_text(text)
    found = findings(kernel_file(tmp_path, None), release=release, config=config)
    assert {name: getattr(found.options, name) for name in options} == options


def test_configuration_names_itself_as_source(tmp_path: Path) -> None:
    """A finding from a configuration file names the file."""
    config = tmp_path / "auto.conf"
    config.write_text("CONFIG_KALLSYMS_ALL=y\n")
    found = findings(kernel_file(tmp_path, None), release="6.12", config=config)
    assert source_of(found, "all-symbols") == str(config)


@pytest.mark.parametrize("value", ["soon", "-1", "0x1" + 16 * "0", '""'])
def test_configuration_of_no_sense_is_refused(tmp_path: Path, value: str) -> None:
    """An address that is none is an error about the configuration, not an accident."""
    config = tmp_path / ".config"
    config.write_text(f"CONFIG_ARM=y\nCONFIG_PAGE_OFFSET={value}\n")
    with pytest.raises(InputError, match="CONFIG_PAGE_OFFSET"):
        findings(kernel_file(tmp_path, None), release="3.13", config=config)


def test_configuration_of_a_pipe_is_read_as_often_as_it_is_asked_for(tmp_path: Path) -> None:
    """``--config <(...)`` gives a pipe, which some questions read more than once."""
    end, other = os.pipe()
    os.write(other, b"CONFIG_KALLSYMS_ALL=y\n")
    os.close(other)
    for _ in range(2):
        found = findings(kernel_file(tmp_path, None), release="6.12", config=Path(f"/proc/self/fd/{end}"))
        assert found.options.all_symbols
    os.close(end)


def test_configuration_may_be_packed(tmp_path: Path) -> None:
    """``/proc/config.gz`` is taken as it is, and a damaged one is called so."""
    config = tmp_path / "config.gz"
    packed = gzip.compress(b"CONFIG_KALLSYMS_ALL=y\n" * 2)
    config.write_bytes(packed)
    assert findings(kernel_file(tmp_path, None), release="6.12", config=config).options.all_symbols
    config.write_bytes(packed[:10] + b"\xff" * 9)
    with pytest.raises(InputError, match="is a damaged gzip file"):
        findings(kernel_file(tmp_path, None), release="6.12", config=config)


def test_configuration_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A configuration file that cannot be read is named."""
    with pytest.raises(InputError, match=r"cannot read .*nowhere: No such file"):
        findings(kernel_file(tmp_path, None), release="6.12", config=tmp_path / "nowhere")


def embedded(text: str, *, magic: bool) -> tuple[list[Symbol], list[Section]]:
    """Return symbols and section of a configuration inside; old kernels have the magic behind the label."""
    packed = gzip.compress(text.encode())
    data = b"IKCFG_ST" + packed + b"IKCFG_ED"
    start, end = RODATA + (0 if magic else 8), RODATA + 8 + len(packed)
    symbols = [
        Symbol("kernel_config_data", start, ".rodata"),
        Symbol("kernel_config_data_end", end, ".rodata"),
    ]
    return symbols, [Section(".rodata", RODATA, data)]


@pytest.mark.parametrize("magic", [True, False])
def test_options_of_the_configuration_inside(tmp_path: Path, magic: bool) -> None:
    """CONFIG_IKCONFIG embeds the configuration; it tells the options where no file is given."""
    parts = embedded("# CONFIG_KALLSYMS_ALL is not set\nCONFIG_KALLSYMS_BASE_RELATIVE=y\n", magic=magic)
    found = findings(kernel_file(tmp_path, "Linux version 6.1.5 (me@host) #1 SMP", *parts))
    assert (found.options.all_symbols, found.options.base_relative) == (False, True)
    assert "IKCONFIG" in source_of(found, "all-symbols")


def test_damaged_configuration_inside_is_passed_over(tmp_path: Path) -> None:
    """What is no gzip stream, as the zeros of a sample, tells nothing."""
    symbols, _ = embedded("", magic=True)
    sections = [Section(".rodata", RODATA, bytes(64))]
    found = findings(kernel_file(tmp_path, "Linux version 6.1.5 (me@host) #1 SMP", symbols, sections))
    assert "IKCONFIG" not in source_of(found, "all-symbols")


def test_end_before_the_configuration_is_passed_over(tmp_path: Path) -> None:
    """An end label below the beginning does not make a length below zero."""
    (start, _), sections = embedded("CONFIG_KALLSYMS_ALL=y\n", magic=True)
    symbols = [start, Symbol("kernel_config_data_end", RODATA - 64, ".rodata")]
    found = findings(kernel_file(tmp_path, "Linux version 6.1.5 (me@host) #1 SMP", symbols, sections))
    assert found.options.all_symbols


def test_given_configuration_wins_over_the_one_inside(tmp_path: Path) -> None:
    """--config is asked before the configuration inside."""
    config = tmp_path / ".config"
    config.write_text("CONFIG_KALLSYMS_ALL=y\n")
    parts = embedded("# CONFIG_KALLSYMS_ALL is not set\n", magic=True)
    path = kernel_file(tmp_path, "Linux version 6.1.5 (me@host) #1 SMP", *parts)
    assert findings(path, config=config).options.all_symbols


@pytest.mark.parametrize("wanted", [True, False])
def test_explicit_flag_always_wins(tmp_path: Path, wanted: bool) -> None:
    """What the caller says is not asked of any configuration or file."""
    config = tmp_path / ".config"
    config.write_text(
        "# CONFIG_KALLSYMS_ALL is not set\n"
        if wanted
        else "CONFIG_KALLSYMS_ALL=y\nCONFIG_KALLSYMS_BASE_RELATIVE=y\n"
    )
    path = kernel_file(tmp_path, None)
    found = findings(path, release="6.1.5", config=config, all_symbols=wanted, base_relative=wanted)
    assert (found.options.all_symbols, found.options.base_relative) == (wanted, wanted)
    assert source_of(found, "all-symbols") == ("--all-symbols" if wanted else "--no-all-symbols")


def test_option_that_the_release_does_not_know_is_refused(tmp_path: Path) -> None:
    """An option that the release's generator would not take is wrong usage, with those that it takes."""
    with (
        load(kernel_file(tmp_path, None), release="6.12", pc_relative=True) as kernel,
        pytest.raises(UsageError, match=r"release 6\.12 does not know --pc-relative; it knows --all-symbols"),
    ):
        _ = kernel.verdicts


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a tree of a version, in one place."""
    return functools.partial(make_tree, tmp_path / "linux")


@pytest.mark.parametrize("name", ["Makefile", "scripts/kallsyms.c", "scripts/mksysmap"])
def test_a_pipe_in_a_tree_is_not_waited_for(tree: Callable[..., Path], name: str) -> None:
    """A FIFO that nobody writes to is no file of a tree."""
    top = tree("6.12")
    (top / name).unlink()
    os.mkfifo(top / name)
    with pytest.raises(InputError, match=rf"cannot read {name} \(Not a regular file\)"):
        tree_release(top)


def test_a_script_is_read_whole_or_not_at_all(tree: Callable[..., Path]) -> None:
    """A script larger than any real one is refused: its beginning alone would give another answer."""
    top = tree("6.12")
    with (top / "scripts/mksysmap").open("a") as script:
        script.write("#" * (1 << 22) + "\n/ foo/d\n")
    with pytest.raises(InputError, match=r"cannot read scripts/mksysmap \(File too large\)"):
        tree_release(top)


def test_release_of_a_tree(tmp_path: Path, tree: Callable[..., Path]) -> None:
    """--tree takes the name of the release from the Makefile, whatever the kernel says."""
    found = findings(kernel_file(tmp_path, "Linux version 5.4.0 (me@host) #1"), tree=tree("6.12.20"))
    assert (found.release.name, found.warnings) == ("6.12.20", ())
    assert "Makefile" in source_of(found, "release")


def test_scripts_of_a_tree_are_obeyed(tmp_path: Path, tree: Callable[..., Path]) -> None:
    """A tree of 6.12 with the generator of 7.0 does what 7.0 does, and is called 6.12."""
    found = findings(kernel_file(tmp_path, None), tree=tree("6.12.20", like="7.0"))
    assert (found.release.name, found.release.knows("--pc-relative")) == ("6.12.20", True)
    assert found.warnings == ()


def test_generator_that_is_not_understood_is_refused(tmp_path: Path, tree: Callable[..., Path]) -> None:
    """A generator that is neither known nor understood is refused with its line, never replaced by a release's."""
    top = tree("6.12.20")
    (top / "scripts" / "kallsyms.c").write_text('#include <stdio.h>\nint main(void) { return puts(""); }\n')
    with pytest.raises(InputError, match=r"scripts/kallsyms\.c:\d+: .* is not understood"):
        findings(kernel_file(tmp_path, None), tree=top)


@pytest.mark.parametrize("name", ["include/config/auto.conf", ".config"])
def test_configuration_of_a_tree(tmp_path: Path, tree: Callable[..., Path], name: str) -> None:
    """A tree that was configured tells the options too."""
    top = tree("6.12.20")
    (top / name).parent.mkdir(parents=True, exist_ok=True)
    (top / name).write_text("CONFIG_KALLSYMS_ABSOLUTE_PERCPU=y\n")
    found = findings(kernel_file(tmp_path, None), tree=top)
    assert (found.options.absolute_percpu, found.options.all_symbols) == (True, False)


@pytest.mark.parametrize("missing", ["Makefile", "scripts/kallsyms.c", "scripts/mksysmap"])
def test_tree_that_lacks_a_file_is_refused(tmp_path: Path, tree: Callable[..., Path], missing: str) -> None:
    """A folder that is no kernel tree is named, with the file that it lacks."""
    top = tree("6.12.20")
    (top / missing).unlink()
    with pytest.raises(InputError, match=f"is no kernel tree: cannot read {missing}"):
        findings(kernel_file(tmp_path, None), tree=top)


@pytest.mark.parametrize("text", ["all:\n", "VERSION = six\nPATCHLEVEL = twelve\n", "VERSION = 6\n"])
def test_makefile_of_something_else_is_refused(tmp_path: Path, tree: Callable[..., Path], text: str) -> None:
    """A Makefile without a kernel's version is that of another project."""
    top = tree("6.12.20")
    (top / "Makefile").write_text(text)
    with pytest.raises(InputError, match="is no kernel tree: its Makefile tells no VERSION"):
        findings(kernel_file(tmp_path, None), tree=top)


def test_empty_table_takes_release_and_options_from_the_request(
    tmp_path: Path, tree: Callable[..., Path]
) -> None:
    """For the first link there is no kernel to look at: release and options come from flags, tree or banner."""
    path = kernel_file(tmp_path, "Linux version 6.14.2 (me@host) #1 SMP")
    with empty_kernel(path, Request(release="7.2", pc_relative=True)) as kernel:
        assert (kernel.release.name, kernel.options.pc_relative) == ("7.2", True)
    with empty_kernel(path, Request(tree=tree("6.12.20"))) as kernel:
        assert kernel.release.name == "6.12.20"
    with empty_kernel(path, Request()) as kernel:
        assert kernel.release.name == "6.14.2"
        assert len(kernel.tables.records) == 0


def test_same_findings_in_any_byte_order(tmp_path: Path) -> None:
    """Nothing of what is found depends on the byte order."""
    banner = "Linux version 6.1.0 (me@host) #1 SMP"
    seen = []
    for order in "<>":
        path = kernel_file(tmp_path, banner, table_labels(sizes_6_1(4096, 3)), order=order, machine=21)
        found = findings(path)
        seen.append((found.release.name, found.options, found.warnings))
    assert seen[0] == seen[1]


def test_labels_with_a_symbol_prefix_are_labels(sample: Callable[[str], Path]) -> None:
    """Where C names have a prefix the tables' labels have it too, and are found by everybody who asks."""
    with load(sample("amd64-edge-prefix")) as kernel:
        found = find_labels(kernel.symbols)
        assert found is not None
        assert found.prefix == b"_"
        names = {kernel.symbols.name(entry) for entry in found.entries.values()}
        assert b"_kallsyms_names" in names
        assert "no tables inside" not in " ".join(finding.source for finding in kernel.findings.found)
