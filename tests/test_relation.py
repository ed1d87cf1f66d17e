# SPDX-License-Identifier: GPL-2.0-or-later
"""How the text of /proc/kallsyms and a kernel are related: the same, moved, hidden, another build or release.

Each text is written line by line here, as a kernel would show it; nothing of the answer is asked of the program.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from elfmaker import Symbol, vmlinux

from elfsyms.cli.app import run
from elfsyms.compare.counters import differ_by_counter
from elfsyms.compare.reasons import likely_reason
from elfsyms.compare.verify import verify_running
from elfsyms.pipeline.kernel import load

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.compare.verification import Verification

X86_64, ARM64, S390, RISCV, ARM = 62, 183, 22, 243, 40
TEXT = {X86_64: 0xFFFFFFFF81000000, ARM64: 0xFFFF800080000000, S390: 0x100000, RISCV: 0xFFFFFFFF80000000}
TEXT[ARM] = 0xC0008000
FUNCTIONS = 60

Rows = list[tuple[int, str, str]]


def rows_of(machine: int, step: int = 0x40, names: str = "function_{}") -> Rows:
    """Return the lines of a kernel, in the order of addresses."""
    text = TEXT[machine]
    rows = [(text, "T", "_stext"), (text, "T", "_text")]
    rows += [(text + step * (1 + at), "t", names.format(at)) for at in range(FUNCTIONS)]
    end = text + step * (FUNCTIONS + 2)
    return [*rows, (end, "T", "_etext"), (end + 0x1000, "D", "jiffies"), (end + 0x1010, "d", "__key.12")]


def kernel(path: Path, machine: int = X86_64, percpu: bool = False) -> Path:
    """Write a kernel that has the rows' symbols, and one per-CPU symbol at zero if so."""
    symbols = [
        Symbol(
            name, address, ".text" if letter in "tT" else ".data", "global" if letter.isupper() else "local"
        )
        for address, letter, name in rows_of(machine)
    ]
    if percpu:
        bounds = [
            Symbol("__per_cpu_start", 0, ".data..percpu"),
            Symbol("__per_cpu_end", 0x2000, ".data..percpu"),
        ]
        symbols += [*bounds, Symbol("cpu_number", 0x1000, ".data..percpu")]
    bits, order = (32 if machine == ARM else 64), (">" if machine == S390 else "<")
    path.write_bytes(vmlinux(symbols, release=None, bits=bits, order=order, machine=machine))
    return path


def answer_of(
    folder: Path, rows: Rows, machine: int = X86_64, null: frozenset[str] = frozenset()
) -> Verification:
    """Verify a kernel by a text of these rows; ``null`` names are shown as ``(null)``."""
    digits = 8 if machine == ARM else 16
    lines = [
        f"{'(null)' if name in null else format(address, f'0{digits}x'):>{digits}} {letter} {name}\n"
        for address, letter, name in rows
    ]
    text = folder / "kallsyms"
    text.write_text("".join(lines), encoding="ascii")
    with load(kernel(folder / "vmlinux", machine), release="6.12", all_symbols=True) as opened:
        return verify_running(opened, text)


def moved(rows: Rows, by: int) -> Rows:
    """Return rows whose addresses are moved."""
    return [(address + by, letter, name) for address, letter, name in rows]


def kind(answer: Verification) -> str:
    """Return how the text is related to the kernel."""
    assert answer.relation is not None
    return answer.relation.kind


@pytest.mark.parametrize(
    ("machine", "by"),
    [(X86_64, 0x1C400000), (ARM64, 0x3C7E4D610000), (S390, 0x1FFFC4C84000), (RISCV, 0x2E00000)],
)
def test_a_kernel_that_kaslr_moved_is_the_same(machine: int, by: int, tmp_path: Path) -> None:
    """All symbols moved by one offset, which the machine's rule allows: the same kernel, moved by KASLR."""
    answer = answer_of(tmp_path, moved(rows_of(machine), by), machine)
    assert (answer.equal, answer.kaslr, kind(answer)) == (True, by, "moved")
    assert answer.relation is not None
    assert answer.relation.sentence == f"the same kernel, moved by KASLR: +{by:#x}"


@pytest.mark.parametrize(
    ("machine", "by"),
    [(X86_64, -0xC80), (X86_64, 0x1C480000), (ARM64, 0x8000), (S390, 0x1000), (RISCV, 0x10000)],
)
def test_what_no_rule_allows_is_no_kaslr(machine: int, by: int, tmp_path: Path) -> None:
    """A distance that the machine's KASLR cannot have makes the text another build's, wherever all of it lies."""
    answer = answer_of(tmp_path, moved(rows_of(machine), by), machine)
    assert (answer.equal, answer.kaslr, kind(answer)) == (False, 0, "build")
    assert "KASLR" not in likely_reason(answer)


def test_a_machine_without_kaslr_may_be_moved_as_a_whole(tmp_path: Path) -> None:
    """Where no rule is known, all symbols at one distance of whole pages are the same kernel; no more is said."""
    answer = answer_of(tmp_path, moved(rows_of(ARM), 0x100000), ARM)
    assert (answer.equal, kind(answer)) == (True, "moved")
    assert answer.relation is not None
    assert "KASLR" not in answer.relation.sentence


def test_another_build_is_told_though_text_did_not_move(tmp_path: Path) -> None:
    """The same names at other distances from each other are another build; no link is blamed, no KASLR claimed."""
    answer = answer_of(tmp_path, rows_of(X86_64, step=0x50))
    assert (answer.equal, answer.kaslr, kind(answer)) == (False, 0, "build")
    assert likely_reason(answer).startswith("the text is of another build of this release")
    assert "link once more" not in likely_reason(answer)


def test_another_build_may_be_moved_too(tmp_path: Path) -> None:
    """Of another build, the distance of ``_text`` is the offset, if the rule allows it."""
    answer = answer_of(tmp_path, moved(rows_of(X86_64, step=0x50), 0x1C400000))
    assert (answer.kaslr, kind(answer)) == (0x1C400000, "build")


def test_what_compilers_count_is_another_build(tmp_path: Path) -> None:
    """A name that differs by a count alone was compiled anew, even where every address agrees."""
    rows = [(a, letter, name.replace("__key.12", "__key.15")) for a, letter, name in rows_of(X86_64)]
    assert kind(answer_of(tmp_path, rows)) == "build"


def test_another_release_is_said_first(tmp_path: Path) -> None:
    """Where many names are foreign, the text is of another release, and that is the second line that is printed."""
    rows = rows_of(X86_64)
    rows = [*rows[:30], *rows_of(X86_64, names="other_{}")[30:]]
    answer = answer_of(tmp_path, rows)
    assert kind(answer) == "release"
    assert likely_reason(answer).startswith("the text is of another release")


@pytest.mark.parametrize("null", [False, True])
def test_hidden_addresses_are_told_whether_zero_or_null(null: bool, tmp_path: Path) -> None:
    """All addresses zero, or all ``(null)`` as 4.15 to 4.17 print it: names, letters and order are compared."""
    rows = [(0, letter, name) for _, letter, name in rows_of(X86_64)]
    hidden = frozenset(name for _, _, name in rows) if null else frozenset()
    answer = answer_of(tmp_path, rows, null=hidden)
    assert (answer.equal, answer.hidden, answer.kaslr, kind(answer)) == (True, True, None, "hidden")


def test_hidden_addresses_of_another_build_are_told(tmp_path: Path) -> None:
    """Names in another order are another build's, although no address is to be seen."""
    rows = rows_of(X86_64)
    rows[5], rows[20] = rows[20], rows[5]
    answer = answer_of(tmp_path, [(0, letter, name) for _, letter, name in rows])
    assert (answer.equal, kind(answer)) == (False, "build")


def test_hidden_addresses_among_others_are_no_moved_symbols(tmp_path: Path) -> None:
    """A text that hides some addresses is compared by the others, and counts those it hides."""
    rows = moved(rows_of(X86_64), 0x1C400000)
    answer = answer_of(tmp_path, rows, null=frozenset({"function_3", "function_7"}))
    assert (answer.equal, answer.hidden, answer.unseen, answer.kaslr) == (True, False, 2, 0x1C400000)
    assert answer.moved == ()


def test_a_null_that_is_an_address_is_not_hidden(tmp_path: Path) -> None:
    """4.15 prints a per-CPU symbol at zero as ``(null)`` even to root: that one is not hidden."""
    path = kernel(tmp_path / "vmlinux", percpu=True)
    rows = [(0, "A", "__per_cpu_start"), (0x1000, "A", "cpu_number"), (0x2000, "A", "__per_cpu_end")]
    lines = [f"{a:016x} {letter} {name}\n" for a, letter, name in [*rows, *rows_of(X86_64)]]
    lines[0] = "          (null) A __per_cpu_start\n"
    (tmp_path / "text").write_text("".join(lines), encoding="ascii")
    with load(path, release="4.16", all_symbols=True, base_relative=False) as opened:
        answer = verify_running(opened, tmp_path / "text")
    assert answer.unseen == 0
    assert {odd.name for odd in answer.missing + answer.extra} == set()
    assert answer.moved == ()


def test_the_command_says_the_relation_right_after_the_verdict(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The cause is the second line, in JSON it has a word."""
    path, text = kernel(tmp_path / "vmlinux"), tmp_path / "text"
    lines = [f"{a:016x} {letter} {name}\n" for a, letter, name in rows_of(X86_64, step=0x50)]
    text.write_text("".join(lines), encoding="ascii")
    words = ["verify", str(path), "--proc-kallsyms", str(text), "--release", "6.12", "--all-symbols"]
    assert run(words) == 1
    assert "another build of this release" in " ".join(capfd.readouterr().out.splitlines()[1:3])
    assert run([*words, "--json"]) == 1
    assert json.loads(capfd.readouterr().out)["running"]["relation"] == "build"


@pytest.mark.parametrize(
    ("old", "new", "noise"),
    [
        ("CSWTCH.515", "CSWTCH.808", True),
        ("__compound_literal.3", "__compound_literal.14", True),
        ("__func__.1", "__func__.2", True),
        ("_rs.7", "_rs.9", True),
        ("probe.llvm.123456789", "probe.llvm.987654321", True),
        ("probe.llvm.12.cold", "probe.llvm.34.cold", True),
        ("one.lto_priv.0", "one.lto_priv.1", True),
        ("_ZN4core3fmt5write17h0123456789abcdefE", "_ZN4core3fmt5write17hfedcba9876543210E", True),
        ("__UNIQUE_ID_license12", "__UNIQUE_ID_license13", True),
        ("__UNIQUE_ID_ddebug898.12", "__UNIQUE_ID_ddebug904.7", True),
        (
            "__initcall__kmod_fuse__410_2170_fs_initcall6",
            "__initcall__kmod_fuse__411_2190_fs_initcall6",
            True,
        ),
        ("work.isra.0", "work.isra.1", False),
        ("work", "work.isra.0", False),
        ("work.part.0", "work.cold", False),
        ("CSWTCH.515", "CSWTCH", False),
        ("probe4", "probe6", False),
        ("same.1", "same.1", False),
    ],
)
def test_what_compilers_count_is_noise(old: str, new: str, noise: bool) -> None:
    """Counts and hashes are the compiler's; what an optimiser did to a function is not."""
    assert differ_by_counter(old.encode(), new.encode()) == noise
