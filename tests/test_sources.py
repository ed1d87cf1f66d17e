# SPDX-License-Identifier: GPL-2.0-or-later
"""Where functions come from, by debug information that real compilers made, and Rust's names as in the source."""

from __future__ import annotations

import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from dwarfmaker import SOURCES

from elfsyms.compare.renames import pair_demangled, pair_renumbered
from elfsyms.errors import InputError
from elfsyms.image import linetable
from elfsyms.image.demangle import demangled, is_mangled
from elfsyms.image.dwarf_forms import unsigned
from elfsyms.image.dwarf_functions import Definition, FunctionNames
from elfsyms.image.dwarf_functions import definitions as every_definition
from elfsyms.image.elf import open_image
from elfsyms.image.symbols import read_symbols

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elfsyms.image.elf import Image

COMPILERS = [("gcc", "-gdwarf-4"), ("gcc", "-gdwarf-5"), ("clang-19", "-gdwarf-4"), ("clang-19", "-gdwarf-5")]


@pytest.fixture(scope="module", params=COMPILERS, ids=" ".join)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a program of two units and a header, in which functions are inlined."""
    compiler, version = request.param
    folder = tmp_path_factory.mktemp("program")
    if not shutil.which(compiler):
        pytest.skip(f"needs {compiler}")
    for name, text in SOURCES.items():
        (folder / name).write_text(text)
    command = [compiler, "-O2", version, "-no-pie", "-o", "program", "first.c", "second.c"]
    subprocess.run(command, cwd=folder, check=True)
    return folder


@pytest.fixture
def program(built: Path, tmp_path: Path) -> Path:
    """Return a copy of that program, which a test may change."""
    return Path(shutil.copy(built / "program", tmp_path / "program"))


def definitions(
    program: Path, name: str, most: int | None = None, addresses: Sequence[int] = ()
) -> tuple[Definition, ...]:
    """Return what is found of a name."""
    with open_image(program) as image:
        dwarf = image.dwarf()
        assert dwarf is not None
        return FunctionNames(dwarf).definitions(name, most, addresses=addresses)


def copies_by_objdump(program: Path, name: str) -> int:
    """Count the inlined instances that binutils shows, by their origins; those without code left out."""
    told = subprocess.run(
        ["objdump", "--dwarf=info", str(program)], capture_output=True, text=True, check=True
    ).stdout
    entries = re.split(r"^ <[0-9a-f]+><([0-9a-f]+)>: Abbrev Number: ", told, flags=re.MULTILINE)[1:]
    numbered = list(zip(entries[::2], entries[1::2], strict=True))
    named = {at for at, body in numbered if "(DW_TAG_subprogram)" in body and f": {name}\n" in body}
    located = re.compile(r"DW_AT_(low_pc|ranges) ")
    inlined = [body for _, body in numbered if "(DW_TAG_inlined_subroutine)" in body and located.search(body)]
    origins = [re.search(r"DW_AT_abstract_origin: <0x([0-9a-f]+)", body) for body in inlined]
    return sum(found is not None and found[1] in named for found in origins)


LINES = {"up": 3, "first": 7, "lookup": 11, "helper": 4, "main": 11, "twice": 1}


@pytest.mark.parametrize("name", LINES)
def test_copies_are_those_that_objdump_shows(program: Path, name: str) -> None:
    """A name leads to its definition's line, and to as many inlined instances as binutils' listing has."""
    found = definitions(program, name)
    assert {one.line for one in found} == {LINES[name]}
    assert sum(one.copies for one in found) == copies_by_objdump(program, name)


def test_a_header_s_function_is_told_once_with_its_units(program: Path) -> None:
    """Two units that include a header define its function, which has no code of its own."""
    (twice,) = definitions(program, "twice")
    assert Path(twice.file).name == "twice.h"
    assert sorted(Path(unit).name for unit in twice.units) == ["first.c", "second.c"]
    assert not twice.own_code
    assert twice.call_sites == copies_by_objdump(program, "twice")
    (part,) = definitions(program, "twice", most=1)
    assert (part.read, part.of) == (1, 2)
    assert 0 < part.copies < twice.copies


def test_code_of_its_own_is_told(program: Path) -> None:
    """A function that was not inlined has code; one that was always inlined has none."""
    assert all(one.own_code and not one.copies for one in definitions(program, "helper"))
    assert not any(one.own_code for one in definitions(program, "up"))


def test_a_parameter_is_no_function(program: Path) -> None:
    """A name that a parameter or a longer name has, too, is not taken for the function's."""
    assert len(definitions(program, "up")) == 1
    assert definitions(program, "words") == ()
    assert definitions(program, "look") == ()


ENDS = "abcdefgh"


@pytest.mark.parametrize("version", ["-gdwarf-4", "-gdwarf-5"])
@pytest.mark.parametrize("linked", [("-no-pie",), ("-r",)], ids=" ".join)
def test_an_address_changes_no_answer(version: str, linked: tuple[str, ...], tmp_path: Path) -> None:
    """A name that is the end of many is found alike with and without addresses, in all units that define it."""
    others = "".join(f"int {end}_turn(int x) {{ return x + {at}; }}\n" for at, end in enumerate(ENDS))
    own = "__attribute__((noinline)) static int turn(int x) { return x * 3; }\n"
    (tmp_path / "one.c").write_text(
        f"{others}{own}int main(int x, char **v) {{ return turn(x) + a_turn(x); }}\n"
    )
    (tmp_path / "two.c").write_text(f"{own}int two(int x) {{ return turn(x + 1); }}\n")
    command = ["gcc", "-O1", version, *linked, "-o", "program", "one.c", "two.c"]
    subprocess.run(command, cwd=tmp_path, check=True)
    program = tmp_path / "program"
    with open_image(program) as image:
        table = read_symbols(image)
        address = int(table.value[table.find(b"turn")[0]])
    found = definitions(program, "turn")
    assert sorted(Path(one.file).name for one in found) == ["one.c", "two.c"]
    assert definitions(program, "turn", addresses=[address]) == found


SHAPES = """\
namespace shapes {
struct Box { int side; int area(int x); };
static inline __attribute__((always_inline)) int square(int x)
{
    __asm__ volatile("" : "+r"(x));
    return x * x;
}
__attribute__((noinline)) int total(int x)
{
    return square(x) + 1;
}
__attribute__((noinline)) int Box::area(int x)
{
    return square(x) + side;
}
}
int one(int x) { shapes::Box box{x}; return box.area(x) + shapes::total(x); }
"""


@pytest.mark.parametrize("compiler", ["g++", "clang++-19"])
@pytest.mark.parametrize("split", ["", "-gsplit-dwarf"])
def test_functions_in_namespaces_and_types_are_found(compiler: str, split: str, tmp_path: Path) -> None:
    """Functions in namespaces, and methods, whose definitions have no name, have places and lines."""
    if not shutil.which(compiler):
        pytest.skip(f"needs {compiler}")
    (tmp_path / "shapes.cc").write_text(SHAPES)
    command = f"{compiler} -O1 -g {split} -nostdlib -static -Wl,-e,_Z3onei shapes.cc -o shapes"
    subprocess.run(command.split(), cwd=tmp_path, check=True)
    with open_image(tmp_path / "shapes") as image:
        dwarf, table = image.dwarf(), read_symbols(image)
        assert dwarf is not None
        for symbol, name, line, call in (
            (b"_ZN6shapes5totalEi", "total", 8, 10),
            (b"_ZN6shapes3Box4areaEi", "area", 12, 14),
        ):
            (found,) = every_definition(dwarf, symbol.decode())
            assert found.line == line
            (at,) = table.find(symbol)
            start, size = int(table.value[at]), int(table.size[at])
            frames = {dwarf.frames(address) for address in range(start, start + size)}
            assert {chain[-1].function for chain in frames} == {name}
            inner = next(chain for chain in frames if len(chain) > 1)
            assert [one.function for one in inner] == ["square", name]
            assert (inner[0].line in (5, 6), inner[1].line) == (True, call)
        (square,) = every_definition(dwarf, "square")
        assert (square.line, square.copies, square.own_code) == (3, 2, False)


RUST_SOURCE = """\
#![no_std]
#[inline(always)]
fn small(x: u32) -> u32 {
    x ^ 5
}
pub struct Pair(u32, u32);
impl Pair {
    #[inline(never)]
    pub fn sum(&self) -> u32 {
        small(self.0) + self.1
    }
}
#[no_mangle]
pub fn first(x: u32) -> u32 {
    small(x) + 1
}
#[no_mangle]
pub fn second(x: &Pair) -> u32 {
    small(x.0) * 3 + small(x.1) + x.sum()
}
"""


@pytest.mark.skipif(shutil.which("rustc") is None, reason="needs rustc")
def test_what_rust_inlines_is_counted_once(tmp_path: Path) -> None:
    """Rust defines a function anew for each that it is inlined into: the unit is told once, each call site, too."""
    (tmp_path / "shapes.rs").write_text(RUST_SOURCE)
    options = "-O -g --emit=obj --crate-type=lib -C codegen-units=1 -C symbol-mangling-version=v0"
    command = ["rustc", *options.split(), "shapes.rs", "-o", "shapes.o"]
    if subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode:
        pytest.skip("this rustc has no library for the machine")
    with open_image(tmp_path / "shapes.o") as image:
        dwarf = image.dwarf()
        assert dwarf is not None
        (small,) = every_definition(dwarf, "small")
        assert (small.line, len(small.units), small.copies, small.call_sites) == (3, 1, 4, 4)
        (method,) = every_definition(dwarf, "sum")
        assert (method.line, method.own_code) == (9, True)


def test_damage_is_one_sentence(program: Path) -> None:
    """Debug information that makes no sense is an error of the input, whatever it is that does not."""
    with open_image(program) as image:
        section = image.section(".debug_abbrev")
        assert section is not None
    data = bytearray(program.read_bytes())
    data[section.offset : section.offset + section.size] = b"\xff" * section.size
    program.write_bytes(data)
    with pytest.raises(InputError, match="debug information is damaged"):
        definitions(program, "first")


def siblings(image: Image) -> Iterator[tuple[int, int, int]]:
    """Yield, for the entries of a file that name their sibling: where they begin, where they say it, their unit."""
    dwarf = image.dwarf()
    assert dwarf is not None
    for offset, _ in dwarf.info.offsets():
        unit = dwarf.info.unit(offset)
        cursor = unit.first
        while cursor < unit.end:
            code, behind = unsigned(dwarf.info.data, cursor)
            abbreviation = unit.abbreviations.get(code)
            if abbreviation is None:
                cursor = behind
                continue
            if abbreviation.children and abbreviation.sibling >= 0:
                yield cursor, behind + abbreviation.sibling, offset
            cursor = dwarf.info.entry(unit, cursor).behind


def test_a_circle_of_siblings_is_damage(program: Path) -> None:
    """An entry that names itself as its sibling, or one before it, is told, and not followed for ever."""
    with open_image(program) as image:
        section = image.section(".debug_info")
        assert section is not None
        found = list(siblings(image))
        address = read_symbols(image).address_of(b"helper")
        assert address is not None
    if not found:
        pytest.skip("this compiler names no siblings")
    data = bytearray(program.read_bytes())
    for entry, field, unit in found:
        data[section.offset + field : section.offset + field + 4] = (entry - unit).to_bytes(4, "little")
    program.write_bytes(data)
    with open_image(program) as image:
        dwarf = image.dwarf()
        assert dwarf is not None
        with pytest.raises(InputError, match="sibling that is not ahead"):
            dwarf.frames(address)


def test_units_that_the_index_of_addresses_lacks_are_read(tmp_path: Path) -> None:
    """``.debug_aranges`` of some units alone, as where compilers are mixed, hides none of the others."""
    for name, text in SOURCES.items():
        (tmp_path / name).write_text(text)
    for command in (
        ["gcc", "-O2", "-g", "-no-pie", "-c", "first.c", "second.c"],
        [
            "objcopy",
            "--remove-section",
            ".debug_aranges",
            "--remove-section",
            ".rela.debug_aranges",
            "first.o",
        ],
        ["gcc", "-no-pie", "-o", "program", "first.o", "second.o"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True)
    with open_image(tmp_path / "program") as image:
        dwarf, symbols = image.dwarf(), read_symbols(image)
        assert dwarf is not None
        for function in ("first", "helper"):
            address = symbols.address_of(function.encode())
            assert address is not None
            assert dwarf.frames(address)[-1].function == function


def test_a_table_of_files_is_no_longer_than_its_bytes(program: Path) -> None:
    """However many files a header declares, no more memory is taken than the section has bytes for."""
    with open_image(program) as image:
        dwarf = image.dwarf()
        assert dwarf is not None
        empty = SimpleNamespace(sections={".debug_line": memoryview(bytes([0, 0xFF, 0xFF, 0xFF, 0x7F]))})
        with pytest.raises(InputError, match="more rows than"):
            linetable._table(empty, dwarf.info.unit(0), 0)  # type: ignore[arg-type] # noqa: SLF001 (by itself)


def test_a_number_without_end_is_damage() -> None:
    """A LEB128 number may have padding, but not without end."""
    assert unsigned(b"\x85" + b"\x80" * 20 + b"\0", 0) == (5, 22)
    with pytest.raises(InputError, match="no end"):
        unsigned(b"\x80" * 1000, 0)


@pytest.mark.parametrize("seed", range(12))
def test_changed_bytes_are_read_or_told(program: Path, seed: int) -> None:
    """Whatever stands in the debug sections, a question is answered, or ends in the error of the input."""
    draw = Random(seed)  # noqa: S311 (no secret)
    data = bytearray(program.read_bytes())
    with open_image(program) as image:
        sections = [image.section(name) for name in (".debug_info", ".debug_abbrev", ".debug_line")]
    for section in sections:
        assert section is not None
        for _ in range(draw.randrange(4)):
            data[section.offset + draw.randrange(section.size)] = draw.choice((0, 1, 0x7F, 0x80, 0xFF))
    program.write_bytes(data)
    for name in ("first", "twice", "up"):
        with suppress(InputError):
            definitions(program, name)
    with open_image(program) as image, suppress(InputError):
        dwarf = image.dwarf()
        assert dwarf is not None
        dwarf.frames(read_symbols(image).address_of(b"helper") or 0)


# From RFC 2603 and rustc's documentation of its v0 mangling.
RUST = {
    b"_RNvCs1234_7mycrate3foo": "mycrate::foo",
    b"_RNvC6_123foo3bar": "123foo::bar",
    b"_RNvMs_Cs4Cv8Wi1oAIB_7mycrateNtB4_7Example3foo": "<mycrate::Example>::foo",
    b"__pfx__RNvCs1234_7mycrate3foo": "__pfx_mycrate::foo",
    b"schedule": None,
    b"_Rotate": None,
}


@pytest.mark.parametrize("name", RUST)
def test_rust_names_are_as_the_source_has_them(name: bytes) -> None:
    """Names of the v0 mangling are demangled, what only begins alike stays as it is."""
    pytest.importorskip("pycxxfilt")
    assert demangled(name) == RUST[name]
    assert is_mangled(name) or RUST[name] is None


def test_a_crate_s_hash_makes_no_other_symbol() -> None:
    """Names that differ in the hashes of their crates are one symbol; another path is another symbol."""
    gone = [b"_RNvCs1234_7mycrate3foo", b"_RNvCs1234_7mycrate3bar"]
    come = [b"_RNvCs9876_7mycrate3foo", b"_RNvCs9876_7mycrate3baz"]
    pairs, left, right = pair_renumbered(gone, come)
    assert [(one.old, one.new) for one in pairs] == [(gone[0], come[0])]
    assert (left, right) == ([gone[1]], [come[1]])


def test_a_hash_of_another_length_moves_references() -> None:
    """A shorter hash changes what a name refers back to: such names are one where the source has them once."""
    pytest.importorskip("pycxxfilt")
    old = b"_RINvNtCsbZfwWpAStWS_4core9panicking13assert_failedjjEB4_"
    new = b"_RINvNtCsbZfwWpAStW_4core9panicking13assert_failedjjEB3_"
    assert demangled(old) == demangled(new)
    assert [(one.old, one.new) for one in pair_demangled([old], [new])[0]] == [(old, new)]
    assert pair_demangled([old, old.replace(b"bZ", b"cZ")], [new])[0] == []
