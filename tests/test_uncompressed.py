# SPDX-License-Identifier: GPL-2.0-or-later
"""OpenWrt's uncompressed tables: written where the tree's generator can, told by the tables inside, refused else.

That they are to the byte those of a generator so changed is the matter of ``test_tree_edits.py``.
"""

from __future__ import annotations

import struct
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest
from elfmaker import Section, Symbol, vmlinux
from treemaker import UNCOMPRESSED, generator_text, make_tree

from elfsyms.errors import UsageError
from elfsyms.pipeline.kernel import load
from elfsyms.writers.build import assembly_of

if TYPE_CHECKING:
    from pathlib import Path

TEXT, RODATA = 0xFFFFFFFF81000000, 0xFFFFFFFF82000000
SYMBOLS = [
    ("T", "_stext", 0),
    ("T", "_text", 0),
    ("t", "do_one", 0x40),
    ("T", "f" * 200, 0x80),
    ("T", "_etext", 0x100),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a tree of 6.12 whose generator knows the option, configured to use it."""
    tree = make_tree(tmp_path / "linux", "6.12.52")
    (tree / "scripts" / "kallsyms.c").write_text(generator_text(f"6.12{UNCOMPRESSED}"))
    (tree / ".config").write_text("CONFIG_KALLSYMS_ALL=y\nCONFIG_KALLSYMS_UNCOMPRESSED=y\n")
    return tree


def kernel_symbols() -> list[Symbol]:
    """Return the symbols as an ELF file has them."""
    return [
        Symbol(name, TEXT + offset, binding="global" if letter.isupper() else "local")
        for letter, name, offset in SYMBOLS
    ]


def names() -> tuple[bytes, list[int]]:
    """Return the names as they are, behind their lengths, and where each begins."""
    texts = [f"{letter}{name}".encode() for letter, name, _ in SYMBOLS]
    heads = [bytes([len(t)] if len(t) < 0x80 else [len(t) & 0x7F | 0x80, len(t) >> 7]) for t in texts]
    records = [head + text for head, text in zip(heads, texts, strict=True)]
    return b"".join(records), [0, *accumulate(map(len, records))]


def test_names_are_written_as_they_are(tree: Path, tmp_path: Path) -> None:
    """With the tree's configuration the names keep their letters, and there are no token tables."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux(kernel_symbols(), release="6.12.52"))
    with load(path, tree=tree) as kernel:
        assert kernel.options.uncompressed
        tables, text = kernel.tables, assembly_of(kernel)
    stream = tables.names.tobytes()
    assert stream.startswith(names()[0])
    assert tables.labels() == ("num_syms", "names", "markers", "offsets", "relative_base", "seqs_of_names")
    assert b"kallsyms_token" not in text


def test_no_release_of_linux_knows_it(tmp_path: Path) -> None:
    """Without such a tree the option is refused."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux(kernel_symbols(), release="6.12.52"))
    with load(path, uncompressed=True) as kernel, pytest.raises(UsageError, match="--uncompressed"):
        _ = kernel.verdicts


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """Make a kernel with such tables inside, by hand."""
    stream, starts = names()
    rows = sorted(range(len(SYMBOLS)), key=lambda i: SYMBOLS[i][1])
    parts = {
        "num_syms": struct.pack("<I", len(SYMBOLS)),
        "names": stream,
        "markers": struct.pack("<I", starts[0]),
        "offsets": struct.pack(f"<{len(SYMBOLS)}I", *(offset for _, _, offset in SYMBOLS)),
        "relative_base": struct.pack("<Q", TEXT),
        "seqs_of_names": b"".join(i.to_bytes(3, "big") for i in rows),
    }
    data, labels = b"", []
    for name, part in parts.items():
        labels.append(Symbol(f"kallsyms_{name}", RODATA + len(data), section=".rodata", type="notype"))
        data += part + bytes(-len(part) % 8)
    banner = b"Linux version 6.12.52 (builder@host) (gcc) #0 SMP\n\0"
    labels.append(Symbol("linux_banner", RODATA + len(data), section=".rodata", type="object"))
    path = tmp_path / "vmlinux"
    sections = [Section(".rodata", RODATA, data + banner)]
    path.write_bytes(vmlinux([*kernel_symbols(), *labels], release=None, sections=sections))
    return path


def test_tables_inside_tell_it(finished: Path) -> None:
    """A kernel whose tables have names and no tokens is one of its release, without a warning."""
    with load(finished) as kernel:
        assert kernel.findings.warnings == ()
        assert (kernel.release.name, kernel.options.uncompressed) == ("6.12.52", True)
