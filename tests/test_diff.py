# SPDX-License-Identifier: GPL-2.0-or-later
"""``diff``: what changed between link passes and why, whether they converge, and what a new kernel lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from elfmaker import Section, Symbol, elf_file, vmlinux
from linkmaker import LinkedKernel, link_kernel

from elfsyms.cli.app import run
from elfsyms.compare.causes import Cause
from elfsyms.compare.diff import diff
from elfsyms.compare.renames import Rename
from elfsyms.detect.request import Request
from elfsyms.errors import InputError, UsageError
from elfsyms.image.suffixes import base_name
from elfsyms.pipeline.kernel import load
from elfsyms.writers.build import object_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from elfsyms.compare.difference import Difference

TEXT = 0xFFFFFFFF81000000
ALL = Request(all_symbols=True)

Rows = list[tuple[int, str, str]]


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> LinkedKernel:
    """Link a small kernel until its tables are its own."""
    return link_kernel(tmp_path_factory.mktemp("linked"))


def image(data_at: int = 0x2000, veneers: tuple[str, ...] = (), extra: int = 0) -> Rows:
    """Return a map: functions, veneers behind them, tables, and data behind the tables."""
    rows = [(TEXT, "T", "_text"), *((TEXT + 16 * i, "T", f"func_{i}") for i in range(1, 20))]
    rows += [(TEXT + 16 * (20 + i), "t", name) for i, name in enumerate(veneers)]
    rows += [(TEXT + 0x1000, "R", "kallsyms_names"), (TEXT + 0x1800 + extra, "R", "kallsyms_offsets")]
    return [*rows, (TEXT + data_at, "D", "jiffies"), (TEXT + data_at + 8, "d", "counter")]


def written(folder: Path, *maps: Rows) -> list[Path]:
    """Write maps to files."""
    paths = [folder / f"System.map.{number}" for number in range(len(maps))]
    for path, rows in zip(paths, maps, strict=True):
        path.write_text("".join(f"{a:016x} {letter} {name}\n" for a, letter, name in rows), encoding="ascii")
    return paths


def compared(folder: Path, *maps: Rows) -> Difference:
    """Compare maps."""
    return diff(*written(folder, *maps))


def state(difference: Difference) -> tuple[str, int | None]:
    """Return what will become of the passes, and after how many more."""
    assert difference.verdict is not None
    return difference.verdict.state, difference.verdict.more


def test_equal_passes_have_converged(tmp_path: Path) -> None:
    """The same symbols in both passes: the last image is final."""
    answer = compared(tmp_path, image(), image())
    assert state(answer) == ("converged", 0)
    assert answer.same


def test_moved_data_converges_with_the_next_pass(tmp_path: Path) -> None:
    """The same names at other addresses keep the tables' sizes, so that one more link is the last."""
    answer = compared(tmp_path, image(), image(data_at=0x2300, extra=0x300))
    assert state(answer) == ("converges", 1)
    assert not answer.same
    assert answer.moved == 3


def test_growth_of_the_tables_is_told_as_such(tmp_path: Path) -> None:
    """A step between two table labels, or right behind the last one, is the tables' own."""
    answer = compared(tmp_path, image(), image(data_at=0x2304, extra=0x300))
    assert [(s.first, s.by, s.cause) for s in answer.shifts] == [
        (b"kallsyms_offsets", 0x300, Cause.TABLES),
        (b"jiffies", 0x304, Cause.TABLES),
    ]


def test_padding_before_something_aligned_is_told_as_alignment(tmp_path: Path) -> None:
    """A step smaller than what both addresses are aligned to needs no other cause."""
    before = [(TEXT, "T", "_text"), (TEXT + 0x10, "T", "grows"), (TEXT + 0x30, "T", "next")]
    after = [(TEXT, "T", "_text"), (TEXT + 0x10, "T", "grows"), (TEXT + 0x34, "T", "next")]
    aligned = (TEXT + 0x1000, "D", "aligned")
    answer = compared(tmp_path, [*before, aligned], [*after, aligned])
    assert [(s.first, s.step, s.cause) for s in answer.shifts] == [
        (b"next", 4, Cause.GROWTH),
        (b"aligned", -4, Cause.ALIGNMENT),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "__func_3_veneer",
        "__func_3_from_arm",
        "__AArch64ADRPThunk_func_3",
        "__ThumbV7PILongThunk_func_3",
        "00000011.long_branch.func_3",
        "00000011.plt_branch.func_3",
    ],
)
def test_a_veneer_is_known_by_its_name(name: str, tmp_path: Path) -> None:
    """What the linker makes as it goes is told from code by the names of the drop rules, and so is its step."""
    veneered = [*image()[:20], (TEXT + 16 * 20, "t", name), *[(a + 16, x, n) for a, x, n in image()[20:]]]
    answer = compared(tmp_path, image(), veneered)
    assert [(c.name, c.cause) for c in answer.added] == [(name.encode(), Cause.VENEER)]
    assert answer.shifts[0].cause is Cause.VENEER
    assert name in answer.shifts[0].detail


def test_a_symbol_that_came_leaves_the_passes_unsettled(tmp_path: Path) -> None:
    """Another name changes the tables' size, and two passes cannot tell whether that ends."""
    answer = compared(tmp_path, image(), image(veneers=("__func_3_veneer",)))
    assert state(answer) == ("unsettled", None)
    assert answer.verdict is not None
    assert answer.verdict.flipping == (b"__func_3_veneer",)


def test_labels_that_a_first_pass_lacks_settle_after_two(tmp_path: Path) -> None:
    """Labels of the tables come once: the next pass moves, the one after it is final."""
    first = [row for row in image() if not row[2].startswith("kallsyms_")]
    answer = compared(tmp_path, first, image())
    assert state(answer) == ("converges", 2)
    assert {c.cause for c in answer.added} == {Cause.LABEL}


def test_passes_that_alternate_oscillate(tmp_path: Path) -> None:
    """A third pass with the names of the first: no number of passes will help, and the culprit is named."""
    without, with_it = image(), image(data_at=0x2010, veneers=("__func_3_veneer",))
    answer = compared(tmp_path, without, with_it, without)
    assert state(answer) == ("oscillates", None)
    assert answer.verdict is not None
    assert answer.verdict.flipping == (b"__func_3_veneer",)


def test_a_third_pass_may_settle_it(tmp_path: Path) -> None:
    """A veneer that was added and stays keeps the tables' sizes from then on."""
    with_it = image(veneers=("__func_3_veneer",))
    moved = image(data_at=0x2010, veneers=("__func_3_veneer",))
    assert state(compared(tmp_path, image(), with_it, moved)) == ("converges", 1)
    assert state(compared(tmp_path, image(), with_it, with_it)) == ("converged", 0)


def test_two_veneers_in_turn_are_no_settlement(tmp_path: Path) -> None:
    """Passes of which each has a veneer of its own stay unsettled, and the last flip is named."""
    maps = [image(veneers=(f"__func_{i}_veneer",)) for i in range(3)]
    answer = compared(tmp_path, *maps)
    assert state(answer) == ("unsettled", None)


def test_a_changed_letter_is_named(tmp_path: Path) -> None:
    """A symbol that became local keeps its place and changes the tables."""
    local = [(a, "t" if name == "func_4" else letter, name) for a, letter, name in image()]
    answer = compared(tmp_path, image(), local)
    assert [(r.name, r.old, r.new) for r in answer.retyped] == [(b"func_4", "T", "t")]
    assert state(answer)[0] == "unsettled"


def test_linked_passes_converge_as_they_did(linked: LinkedKernel) -> None:
    """Of passes that ld really linked, the first two say that the third is final, and the third is."""
    first, second, third = linked.images
    assert state(diff(first, second, request=ALL)) == ("converges", 1)
    assert state(diff(second, third, request=ALL)) == ("converged", 0)
    assert state(diff(first, second, third, request=ALL)) == ("converged", 0)


def test_a_symbol_that_crossed_a_ranges_edge_is_named(tmp_path: Path) -> None:
    """Without --all-symbols a symbol at ``_etext`` is in one pass' tables and not in the other's."""
    paths = [tmp_path / "vmlinux1", tmp_path / "vmlinux2"]
    for path, etext in zip(paths, (0x100, 0x200), strict=True):
        symbols = [
            Symbol("_text", TEXT),
            Symbol("_stext", TEXT),
            Symbol("func", TEXT + 0x10),
            Symbol("edge", TEXT + 0x100, binding="local"),
            Symbol("_etext", TEXT + etext),
        ]
        path.write_bytes(vmlinux(symbols, release="6.12.0"))
    answer = diff(*paths, request=Request(all_symbols=False))
    assert [(x.name, x.old, x.new) for x in answer.crossed] == [(b"edge", "KS502", "")]
    assert state(answer)[0] == "unsettled"


def test_any_mix_of_kinds_shows_the_same_kernel_as_equal(linked: LinkedKernel, tmp_path: Path) -> None:
    """A vmlinux, its System.map and its table object hold the same symbols."""
    system_map, tables = tmp_path / "a", tmp_path / "b"
    with load(linked.final, all_symbols=True) as kernel:
        system_map.write_bytes(kernel.system_map)
        tables.write_bytes(object_of(kernel))
    for pair in ((linked.final, system_map), (tables, linked.final), (system_map, tables)):
        answer = diff(*pair, request=Request(all_symbols=True, release="7.3"))
        assert (state(answer), answer.moved) == (("converged", 0), 0), pair


def test_a_map_is_not_held_against_what_its_lines_do_not_tell(tmp_path: Path) -> None:
    """A map has symbols that the tables leave out, and a vmlinux beside it is compared by its own map."""
    symbols = [Symbol("_text", TEXT), Symbol("text_size", 0x1000, "ABS"), Symbol("func", TEXT + 16)]
    path, system_map = tmp_path / "vmlinux", tmp_path / "System.map"
    path.write_bytes(vmlinux(symbols, release="6.12.0"))
    with load(path, all_symbols=True) as kernel:
        assert b"text_size" in kernel.system_map
        assert b"text_size" not in list(kernel.tables.records.names())
        system_map.write_bytes(kernel.system_map)
    assert diff(path, system_map, request=ALL).same


def test_an_object_alone_needs_its_release(linked: LinkedKernel, tmp_path: Path) -> None:
    """Nothing in an object says of which release it is."""
    with load(linked.final, all_symbols=True) as kernel:
        (tmp_path / "tables.o").write_bytes(object_of(kernel))
    with pytest.raises(UsageError, match="--release"):
        diff(tmp_path / "tables.o", tmp_path / "tables.o")


def test_an_object_without_tables_is_refused(linked: LinkedKernel, tmp_path: Path) -> None:
    """A module beside a kernel is told as what it is, not how to find tables in it."""
    module = tmp_path / "toy.ko"
    module.write_bytes(elf_file([Symbol("f", 0)], [Section(".text", 0, bytes(16), flags="ax")], kind=1))
    with pytest.raises(InputError, match=r"toy\.ko is an object without tables of symbols, as modules are"):
        diff(module, linked.final, request=ALL)


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    """A file without a line of a map is unusable input."""
    (tmp_path / "text").write_text("no map\n", encoding="ascii")
    with pytest.raises(InputError, match="neither ELF nor a map"):
        diff(tmp_path / "text", tmp_path / "text")


def test_modules_are_set_aside(tmp_path: Path) -> None:
    """Symbols of modules in the text of /proc/kallsyms belong to no image."""
    paths = written(tmp_path, image(), image())
    with paths[1].open("a", encoding="ascii") as text:
        text.write("ffffffffc0000000 t fuse_init\t[fuse]\n")
    assert diff(*paths).same


def kernels(folder: Path, old: list[str], new: list[str]) -> Difference:
    """Compare two kernels that have functions of these names."""
    paths = [folder / "old", folder / "new"]
    for path, names, release in zip(paths, (old, new), ("6.12.0", "6.12.1"), strict=True):
        symbols = [Symbol("_text", TEXT)]
        symbols += [Symbol(name, TEXT + 16 * i, binding="local") for i, name in enumerate(names, 1)]
        path.write_bytes(vmlinux(symbols, release=release))
    return diff(*paths, request=ALL)


def test_two_kernels_are_told_by_their_banners(tmp_path: Path) -> None:
    """Different banners are different kernels, and what was gained and lost is named."""
    answer = kernels(tmp_path, ["old_probe", "kept"], ["kept", "new_probe"])
    assert answer.mode == "kernels"
    assert [c.name for c in answer.removed] == [b"old_probe"]
    assert [c.name for c in answer.added] == [b"new_probe"]
    assert all(c.function for c in answer.removed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("work", "work.isra.0"),
        ("work.constprop.0", "work.isra.0"),
        ("work.lto_priv.0", "work"),
        ("work.part.0", "work.part.0.isra.0"),
        ("work.cold", "work.isra.0.cold"),
        ("work", "work.part.0"),
    ],
)
def test_a_new_suffix_is_a_rename(old: str, new: str, tmp_path: Path) -> None:
    """A function under another suffix of the compiler is renamed, neither gained nor lost."""
    answer = kernels(tmp_path, [old], [new])
    assert answer.renamed == (Rename(old.encode(), new.encode()),)
    assert not any((answer.added, answer.removed))


def test_a_piece_is_paired_with_a_piece(tmp_path: Path) -> None:
    """Of a function and its cold piece, each is paired with its like."""
    answer = kernels(tmp_path, ["work.cold", "work"], ["work.isra.0", "work.isra.0.cold"])
    assert set(answer.renamed) == {Rename(b"work.cold", b"work.isra.0.cold"), Rename(b"work", b"work.isra.0")}


def test_a_dot_that_no_compiler_made_is_no_suffix() -> None:
    """Only the suffixes of optimisers are cut."""
    assert base_name(b"sys.call_table") == b"sys.call_table"
    assert base_name(b".cold") == b".cold"


def test_a_name_that_became_ambiguous_is_named(tmp_path: Path) -> None:
    """A probe by name finds several functions where there was one."""
    assert kernels(tmp_path, ["twin"], ["twin", "twin"]).ambiguous == (b"twin",)


def test_each_of_several_of_one_name_counts(tmp_path: Path) -> None:
    """Two symbols of one name that went are two, not one."""
    answer = kernels(tmp_path, ["twin", "twin", "kept"], ["kept"])
    assert [change.name for change in answer.removed] == [b"twin", b"twin"]
    assert answer.summary == "6.12.0 -> 6.12.1: +0 -2 symbols, 0 renamed"


def test_the_summary_reads_well_in_a_mail(tmp_path: Path) -> None:
    """One line says what an update gained, lost and renamed."""
    answer = kernels(tmp_path, ["a.isra.0", "b"], ["a", "c", "d"])
    assert answer.summary == "6.12.0 -> 6.12.1: +2 -1 symbols, 1 renamed"


def test_the_command_leaves_with_the_answer(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Converged leaves with 0, anything else with 1; the verdict comes first, in 80 columns."""
    same, same_too, other = map(str, written(tmp_path, image(), image(), image(veneers=("__func_3_veneer",))))
    assert run(["diff", same, same_too]) == 0
    assert capfd.readouterr().out.startswith("converged: ")
    assert run(["diff", same, other, same_too]) == 1
    out = capfd.readouterr().out
    assert out.startswith("oscillates: ")
    assert "linker veneer or thunk" in out
    assert max(len(line) for line in out.splitlines() if str(tmp_path) not in line) <= 80


def test_the_command_can_be_told_what_is_meant(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """``--kernels`` and ``--passes`` override what the files look like."""
    a, b = map(str, written(tmp_path, image(), image(veneers=("x",))))
    assert run(["diff", "--kernels", a, b]) == 1
    assert "+1 -0 symbols" in capfd.readouterr().out
    with pytest.raises(UsageError):
        run(["diff", "--kernels", a, b, a])


def test_json_has_everything_under_a_versioned_schema(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Another program finds the verdict, every change with its cause, and addresses as text."""
    a, b = map(str, written(tmp_path, image(), image(data_at=0x2010, veneers=("__func_3_veneer",))))
    run(["diff", "--json", a, b])
    facts = json.loads(capfd.readouterr().out)
    assert facts["schema"] == "elfsyms.diff/1"
    assert facts["verdict"]["state"] == "unsettled"
    assert facts["appeared"][0]["cause"] == "linker veneer or thunk"
    assert facts["shifts"][0]["was"].startswith("0x")


def test_two_real_kernels(sample: Callable[[str], Path]) -> None:
    """Between two distribution kernels names come, go and are renamed."""
    answer = diff(sample("amd64-6.12"), sample("amd64-7.3"))
    assert answer.mode == "kernels"
    assert Rename(b"xen_unpin_page", b"xen_unpin_page.part.0") in answer.renamed
    assert all(base_name(rename.old) == base_name(rename.new) for rename in answer.renamed)


def test_a_map_and_an_object_of_one_pass_agree(sample: Callable[[str], Path], tmp_path: Path) -> None:
    """System.map and object, written by one run, show the same tables, alone and beside their kernel."""
    path = sample("amd64-6.12")
    with load(path) as kernel:
        (tmp_path / "System.map").write_bytes(kernel.system_map)
        (tmp_path / "kallsyms.o").write_bytes(object_of(kernel))
    files = (tmp_path / "System.map", tmp_path / "kallsyms.o")
    assert diff(*files, request=Request(release="6.12.117")).same
    assert diff(path, *files).same


def test_three_kernels_are_no_passes(tmp_path: Path) -> None:
    """Three files of two builds are refused, with what they are of."""
    paths = []
    for number, release in enumerate(("6.12.1", "6.12.1", "6.12.2")):
        path = tmp_path / str(number)
        path.write_bytes(vmlinux([Symbol("_text", 0xFFFFFFFF81000000)], release=release))
        paths.append(path)
    with pytest.raises(
        UsageError, match=r"three link passes of one build, and these are of 6\.12\.1 and 6\.12\.2"
    ):
        diff(*paths)


def test_what_compilers_count_is_told_apart(tmp_path: Path) -> None:
    """Counts and hashes are neither renames nor gains and losses, but noise that is counted apart."""
    old = ["work.llvm.1234", "CSWTCH.515", "kept.isra.0", "gone"]
    new = ["work.llvm.98765", "CSWTCH.808", "kept.isra.1", "come"]
    answer = kernels(tmp_path, old, new)
    assert {(r.old, r.new) for r in answer.renumbered} == {
        (b"work.llvm.1234", b"work.llvm.98765"),
        (b"CSWTCH.515", b"CSWTCH.808"),
    }
    assert answer.renamed == (Rename(b"kept.isra.0", b"kept.isra.1"),)
    assert [c.name for c in answer.removed] == [b"gone"]
    assert answer.summary == "6.12.0 -> 6.12.1: +1 -1 symbols, 1 renamed, 2 renumbered"


@pytest.mark.parametrize("old", ["probe.part.0", "probe", "probe.isra.0"])
def test_a_cold_piece_is_not_the_function_renamed(old: str, tmp_path: Path) -> None:
    """Where a function went and its cold piece came, neither is the other."""
    answer = kernels(tmp_path, [old], ["probe.cold"])
    assert answer.renamed == ()
    assert [c.name for c in answer.removed] == [old.encode()]
    assert [c.name for c in answer.added] == [b"probe.cold"]


def test_a_kernel_and_its_own_kallsyms_under_kaslr(linked: LinkedKernel, tmp_path: Path) -> None:
    """The same kernel, moved by KASLR: that is said first, and nothing else differs."""
    with load(linked.final, all_symbols=True) as kernel:
        rows = zip(
            kernel.ordered.records.address.tolist(), kernel.ordered.records.letter.tolist(), strict=True
        )
        names = list(kernel.ordered.records.names())
        lines = [
            f"{a + 0x1C400000:016x} {chr(c)} {n.decode()}\n" for (a, c), n in zip(rows, names, strict=True)
        ]
    text = tmp_path / "kallsyms"
    text.write_text("".join([*lines, "ffffffffc0000000 t fuse_init\t[fuse]\n"]), encoding="ascii")
    for pair in ((linked.final, text), (text, linked.final)):
        answer = diff(*pair, request=ALL)
        assert answer.same
        sign = "+" if pair[1] == text else "-"
        assert answer.summary.startswith("same: the same kernel, moved by")
        assert f"{sign}0x1c400000" in answer.summary or sign == "-"
    text.write_text("".join("0" * 16 + one[16:] for one in lines), encoding="ascii")
    answer = diff(linked.final, text, request=ALL)
    assert answer.same
    assert "addresses are hidden" in answer.summary


def test_an_open_kernel_stands_for_its_path(linked: LinkedKernel, tmp_path: Path) -> None:
    """A kernel that is open tells an object its release and ``_text``, as its path does, and stays open."""
    with load(linked.final, all_symbols=True) as kernel:
        (tmp_path / "k.o").write_bytes(object_of(kernel))
        answer = diff(kernel, tmp_path / "k.o")
        assert (answer.same, answer.moved) == (True, 0)
        assert diff(tmp_path / "k.o", kernel).same
        assert kernel.image.read(kernel.symbols.address_of(b"_text") or 0, 1) is not None


def test_a_filter_shows_what_matches_and_lines_one_a_symbol(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """``--filter`` leaves what matches, ``--lines`` prints a symbol a line, functions apart from data."""
    paths = []
    before = ["tcp_old", "udp_old", "tcp_kept.isra.0", "tcp_x.llvm.1"]
    for number, names in enumerate((before, ["tcp_new", "tcp_kept", "tcp_x.llvm.2"])):
        symbols = [Symbol("_text", TEXT)]
        symbols += [Symbol(name, TEXT + 16 * i, binding="local") for i, name in enumerate(names, 1)]
        symbols.append(Symbol(f"tcp_data_{number}", TEXT + 0x1000, ".data", type="object"))
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(vmlinux(symbols, release=f"6.12.{number}"))
    words = ["diff", *map(str, paths), "--all-symbols", "--filter", "tcp_*"]
    assert run([*words, "--lines"]) == 1
    functions, data = capfd.readouterr().out.split("\n\n")
    assert functions.splitlines() == [
        "- tcp_old",
        "+ tcp_new",
        "~ tcp_kept.isra.0 tcp_kept",
        "~ tcp_x.llvm.1 tcp_x.llvm.2",
    ]
    assert data.splitlines() == ["- tcp_data_0", "+ tcp_data_1"]
    run(words)
    told = capfd.readouterr().out
    assert "udp_old" not in told
    assert "only what matches 'tcp_*' is told" in told
    assert run([*words[:-1], "none_*", "--lines"]) == 0
    assert capfd.readouterr().out == ""
    with pytest.raises(UsageError):
        run([*words, "--lines", "--json"])
