# SPDX-License-Identifier: GPL-2.0-or-later
"""``verify``: a linked kernel's tables agree with its symbol table, and each thing broken is named."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from elfmaker import Symbol, vmlinux
from linkmaker import LinkedKernel, link_kernel, patched, rewritten, table_address

from elfsyms.cli.app import run
from elfsyms.compare.causes import Cause
from elfsyms.compare.reasons import likely_reason
from elfsyms.compare.verification import Unmatched, Verification
from elfsyms.compare.verify import verify, verify_running
from elfsyms.errors import InputError, NotThereError
from elfsyms.inspect.proc_kallsyms import list_lines
from elfsyms.pipeline.kernel import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KASLR = 0x1C000000


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> LinkedKernel:
    """Link a small kernel until its tables are its own."""
    return link_kernel(tmp_path_factory.mktemp("linked"))


def checked(image: Path, *, exact: bool = False) -> Verification:
    """Verify an image."""
    with load(image, all_symbols=True) as kernel:
        return verify(kernel, exact=exact)


def running(image: Path, text: Path) -> Verification:
    """Verify a running kernel's text."""
    with load(image, all_symbols=True) as kernel:
        return verify_running(kernel, text)


def proc_text(image: Path, path: Path, kaslr: int = KASLR, modules: bytes = b"") -> Path:
    """Write what /proc/kallsyms of a kernel shows."""
    with load(image, all_symbols=True) as kernel:
        path.write_bytes(list_lines(kernel, kaslr) + modules)
    return path


def record_sizes(image: Path) -> list[int]:
    """Return the bytes of each record in kallsyms_names."""
    with load(image, all_symbols=True) as kernel:
        sizes: list[int] = kernel.tables.name_sizes.tolist()
        return sizes


def test_a_linked_kernel_is_equal(linked: LinkedKernel) -> None:
    """Tables made of the pass before, linked by ld, are those of the image around them."""
    answer = checked(linked.final)
    assert answer.equal
    assert answer.expected == answer.found > 600


def test_even_the_bytes_are_those_made_again(linked: LinkedKernel) -> None:
    """The tables that ld linked are byte for byte those that the image's own symbols give."""
    assert checked(linked.final, exact=True).equal


def test_the_pass_before_the_last_differs_where_the_tables_moved_things(linked: LinkedKernel) -> None:
    """Tables of an earlier pass have addresses from before the tables grew, and that is said."""
    answer = checked(linked.images[1])
    assert not answer.equal
    assert b"jiffies" in {shift.first for shift in answer.moved}
    assert not answer.missing
    assert "either the link moved symbols" in likely_reason(answer)
    assert "or the tables were changed" in likely_reason(answer)


def test_empty_tables_are_those_of_a_first_link(linked: LinkedKernel) -> None:
    """The dummy tables of a first link are named as such."""
    answer = checked(linked.images[0])
    assert (answer.found, len(answer.missing)) == (0, answer.expected)
    assert "first link" in likely_reason(answer)


def test_a_broken_marker_is_named(linked: LinkedKernel, tmp_path: Path) -> None:
    """A marker that points elsewhere is found, although every symbol is right."""
    place = table_address(linked.final, "markers") + 4
    answer = checked(patched(linked.final, place, b"\x07\0\0\0", tmp_path / "vmlinux"))
    assert [fault.table for fault in answer.faults] == ["markers"]
    assert "kallsyms_markers[1] is 7" in answer.faults[0].sentence
    assert not any((answer.missing, answer.moved, answer.retyped))


def test_a_broken_sequence_is_named(linked: LinkedKernel, tmp_path: Path) -> None:
    """A sequence out of the order of names is found."""
    place = table_address(linked.final, "seqs_of_names") + 3 * 5
    answer = checked(patched(linked.final, place, b"\0\0\x01", tmp_path / "vmlinux"))
    assert [fault.table for fault in answer.faults] == ["seqs_of_names"]


def test_a_wrong_address_is_named(linked: LinkedKernel, tmp_path: Path) -> None:
    """One entry of the address table that is off by some bytes is one symbol at a wrong address."""
    with load(linked.final, all_symbols=True) as kernel:
        index = list(kernel.tables.records.names()).index(b"func_100")
        place = table_address(linked.final, "offsets") + 4 * index
        entry = int.from_bytes(kernel.image.read(place, 4) or b"", "little")
    broken = patched(
        linked.final, place, (entry + 0x10 & 0xFFFFFFFF).to_bytes(4, "little"), tmp_path / "vmlinux"
    )
    answer = checked(broken)
    assert [(s.first, s.by, s.count) for s in answer.moved] == [(b"func_100", 0x10, 1)]
    assert any("do not ascend" in fault.sentence for fault in answer.faults)


def test_a_wrong_letter_is_named(linked: LinkedKernel, tmp_path: Path) -> None:
    """A symbol whose letter is not that of its symbol table entry is named with both."""
    with load(linked.final, all_symbols=True) as kernel:
        (entry,) = kernel.symbols.find(b"func_200")
        section = kernel.image.section(".symtab")
    assert section is not None
    content = bytearray(linked.final.read_bytes())
    content[section.offset + 24 * entry + 4] &= 0x0F  # the binding: local
    (tmp_path / "vmlinux").write_bytes(content)
    answer = checked(tmp_path / "vmlinux")
    assert [(r.name, r.expected, r.found) for r in answer.retyped] == [(b"func_200", "t", "T")]
    assert not any((answer.missing, answer.moved, answer.faults))


def test_missing_and_extra_symbols_are_named(linked: LinkedKernel, tmp_path: Path) -> None:
    """A symbol under another name is one that is missing and one too many."""
    answer = checked(rewritten(linked.final, b"func_300\0", b"fund_300\0", tmp_path / "vmlinux"))
    assert [odd.name for odd in answer.missing] == [b"fund_300"]
    assert [odd.name for odd in answer.extra] == [b"func_300"]


def test_aliases_in_wrong_order_are_named(linked: LinkedKernel, tmp_path: Path) -> None:
    """Two aliases that changed places have right addresses and letters, but a wrong order."""
    with load(linked.final, all_symbols=True) as kernel:
        names = list(kernel.tables.records.names())
    first = names.index(b"alias")
    assert names[first + 1] == b"_alias_two"
    sizes = record_sizes(linked.final)
    begin, one, two = sum(sizes[:first]), sizes[first], sizes[first + 1]
    place = table_address(linked.final, "names") + begin
    with load(linked.final) as kernel:
        data = kernel.image.read(place, one + two) or b""
    answer = checked(patched(linked.final, place, data[one:] + data[:one], tmp_path / "vmlinux"))
    assert answer.disordered == (b"_alias_two",)
    assert not any((answer.missing, answer.moved, answer.retyped))


def test_a_kernel_without_tables_is_not_there(tmp_path: Path) -> None:
    """Without tables there is nothing to verify, which is no difference but an error."""
    (tmp_path / "vmlinux").write_bytes(vmlinux([Symbol("_text", 0xFFFFFFFF81000000)], release="6.12.0"))
    with pytest.raises(NotThereError):
        checked(tmp_path / "vmlinux")


def test_a_running_kernel_is_equal_wherever_it_was_moved(linked: LinkedKernel, tmp_path: Path) -> None:
    """The offset of KASLR is found, and modules are no difference."""
    modules = b"ffffffffc0000000 t fuse_init\t[fuse]\nffffffffc0000100 t bpf_prog_6deef7357e7b4530\t[bpf]\n"
    answer = running(linked.final, proc_text(linked.final, tmp_path / "kallsyms", modules=modules))
    assert answer.equal
    assert (answer.kaslr, answer.modules, answer.hidden) == (KASLR, 2, False)


def test_hidden_addresses_are_said_to_be_hidden(linked: LinkedKernel, tmp_path: Path) -> None:
    """Where all addresses are zero, names and letters are compared, and the answer says so."""
    text = proc_text(linked.final, tmp_path / "kallsyms")
    text.write_bytes(b"".join(b"0" * 16 + line[16:] for line in text.read_bytes().splitlines(keepends=True)))
    answer = running(linked.final, text)
    assert answer.equal
    assert (answer.hidden, answer.kaslr) == (True, None)


def test_one_symbol_that_runs_elsewhere_is_named(linked: LinkedKernel, tmp_path: Path) -> None:
    """A running kernel that differs in one address and one name differs in just these."""
    text = proc_text(linked.final, tmp_path / "kallsyms")
    changed = text.read_bytes().replace(b" T func_001\n", b" T func_x01\n")
    line = next(line for line in changed.splitlines(keepends=True) if b" func_400" in line)
    text.write_bytes(changed.replace(line, b"%016x" % (int(line[:16], 16) + 8) + line[16:]))
    answer = running(linked.final, text)
    assert [odd.name for odd in answer.missing] == [b"func_001"]
    assert [(s.first, s.by) for s in answer.moved] == [(b"func_400", 8)]


def test_the_text_of_another_kernel_is_said_to_be_that(sample: Callable[[str], Path], tmp_path: Path) -> None:
    """Where much of the text is foreign, the answer does not stop at listing it."""
    answer = running(sample("amd64-6.12"), proc_text(sample("amd64-7.3"), tmp_path / "kallsyms"))
    assert likely_reason(answer).startswith("the text is of another release")


def test_a_text_that_is_no_map_is_refused(linked: LinkedKernel, tmp_path: Path) -> None:
    """A file without one line of a map is unusable input."""
    (tmp_path / "text").write_text("nothing of the kind\n", encoding="ascii")
    with pytest.raises(InputError, match="neither ELF nor a map"):
        running(linked.final, tmp_path / "text")


def test_the_command_says_equal_and_leaves_with_0(
    linked: LinkedKernel, capfd: pytest.CaptureFixture[str]
) -> None:
    """``elfsyms verify`` leads with the verdict."""
    assert run(["verify", str(linked.final), "--all-symbols", "--exact"]) == 0
    out = capfd.readouterr().out
    assert out.startswith("equal  ")
    assert "bytes" in out


def test_the_command_names_what_differs_and_leaves_with_1(
    linked: LinkedKernel, capfd: pytest.CaptureFixture[str]
) -> None:
    """A difference leaves with 1, and JSON has every one of them under a versioned schema."""
    image = str(linked.images[1])
    assert run(["verify", image, "--all-symbols", "--json"]) == 1
    facts = json.loads(capfd.readouterr().out)
    assert facts["schema"] == "elfsyms.verify/1"
    assert facts["equal"] is False
    assert all(row["expected"].startswith("0x") for row in facts["moved"])
    assert run(["verify", image, "--all-symbols"]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("differs  ")
    assert max(map(len, lines[1:])) <= 80


def test_verify_brings_no_lief(linked: LinkedKernel) -> None:
    """LIEF takes half a second to import: a command that writes no object does without."""
    code = "import sys; from elfsyms.cli.app import run; run(sys.argv[1:]); sys.exit('lief' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", code, "verify", str(linked.final)], check=False, capture_output=True
        ).returncode
        == 0
    )


# What else may be wrong: the release and options asked for, and the text.


def test_tables_of_another_release_are_told_as_such(linked: LinkedKernel) -> None:
    """Where a release is given that the tables are not of, that is the reason, not a link that went wrong."""
    with load(linked.final, all_symbols=True, release="6.1") as kernel:
        answer = verify(kernel, exact=True)
    assert not answer.equal
    assert likely_reason(answer).startswith("its tables are num_syms, names")
    assert "which is not so in 6.1" in likely_reason(answer)


def test_another_form_of_addresses_is_told(linked: LinkedKernel) -> None:
    """Options that ask for tables which are not there are no equal, and no traceback with --exact."""
    with load(linked.final, all_symbols=True, release="6.10", base_relative=False) as kernel:
        answer = verify(kernel, exact=True)
    sentences = [fault.sentence for fault in answer.faults]
    assert "there is kallsyms_offsets, where --no-base-relative asks for kallsyms_addresses" in sentences


def test_data_symbols_too_many_or_too_few_are_told_by_their_option(linked: LinkedKernel) -> None:
    """Where one option adds or drops much of a table, it is named as the reason."""
    answer = checked(linked.final)
    many = tuple(Unmatched(b"data", "d", 0, Cause.OTHER) for _ in range(answer.expected))
    more, fewer = replace(answer, extra=many, options=()), replace(answer, missing=many, has_data=False)
    assert likely_reason(more) == "the tables hold data symbols too, as with --all-symbols"
    assert likely_reason(fewer) == "the tables hold no data symbols, as with --no-all-symbols"
    assert not likely_reason(replace(fewer, has_data=True))


def test_text_that_ends_early_is_told(linked: LinkedKernel, tmp_path: Path) -> None:
    """A text whose lines all fit, but that has too few, was cut."""
    text = proc_text(linked.final, tmp_path / "kallsyms")
    text.write_bytes(b"".join(text.read_bytes().splitlines(keepends=True)[:100]))
    answer = running(linked.final, text)
    assert likely_reason(answer).startswith("the text ends early: it has the first 100 of ")


def test_lines_without_a_symbol_are_counted(linked: LinkedKernel, tmp_path: Path) -> None:
    """A text that is damaged is not equal, whatever its good lines say; empty lines do no harm."""
    text = proc_text(linked.final, tmp_path / "kallsyms", modules=b"\n")
    assert running(linked.final, text).equal
    text.write_bytes(text.read_bytes() + b"### corrupt\n")
    answer = running(linked.final, text)
    assert (answer.unread, answer.equal) == (1, False)


def test_a_kernel_is_no_text(linked: LinkedKernel) -> None:
    """An ELF file in place of the text is called one."""
    with pytest.raises(InputError, match="is an ELF file, not a text of symbols"):
        running(linked.final, linked.final)
