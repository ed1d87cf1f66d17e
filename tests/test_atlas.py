# SPDX-License-Identifier: GPL-2.0-or-later
"""The atlas: every kernel once, a row a symbol, and what can be asked of many kernels."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command import elfsyms, environment, sentence
from conftest import sample_names
from elfmaker import Section, Symbol, vmlinux
from everyday import the_rest_slow
from imagemaker import boundary_tables, made_image

from elfsyms.errors import EncodeError, OutputError
from elfsyms.inspect.ledger import ledger
from elfsyms.inspect.proc_kallsyms import list_lines
from elfsyms.pipeline.kernel import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from elfsyms.image.records import Records
    from elfsyms.pipeline.kernel import Kernel

sys.path.append(str(Path(__file__).parents[1] / "scripts"))

pa = pytest.importorskip("pyarrow", reason="pyarrow, in which an atlas is written, is missing")
pc = pytest.importorskip("pyarrow.compute")
pq = pytest.importorskip("pyarrow.parquet")

from elfsyms.atlas import store  # noqa: E402 (needs pyarrow)
from elfsyms.atlas.history import Fate, History, Span, histories  # noqa: E402 (needs pyarrow)
from elfsyms.atlas.identity import flavour_of  # noqa: E402 (as above)
from elfsyms.atlas.store import Held, add_table, open_atlas  # noqa: E402 (as above)
from elfsyms.atlas.table import SCHEMA, export_table  # noqa: E402 (as above)

ROOT = Path(__file__).parent.parent
TEXT = 0xFFFFFFFF81000000
COMMON = [Symbol("_text", TEXT), Symbol("_stext", TEXT), Symbol("_etext", TEXT + 0x10000)]


def kernel_file(folder: Path, name: str, *symbols: Symbol) -> Path:
    """Write a kernel that calls itself so, with some symbols."""
    path = folder / f"vmlinux-{name}"
    path.write_bytes(vmlinux([*COMMON, *symbols], release=name))
    return path


def function(name: str, place: int, **more: Any) -> Symbol:
    """Return a function of 16 bytes."""
    return Symbol(name, TEXT + place, size=16, **more)


def local(name: str, place: int) -> Symbol:
    """Return a static function."""
    return function(name, place, binding="local")


# A line of three kernels, and one of another flavour.
LINE = {
    "6.1.10-1-amd64": [
        function("tcp_stays", 0x100),
        function("tcp_goes", 0x200),
        local("tcp_changes", 0x300),
        local("twin", 0x400),
        local("twin", 0x500),
        Symbol("__kstrtab_thing", TEXT + 0x20000, section=".rodata", type="object", binding="local"),
    ],
    "6.6.20-1-amd64": [
        function("tcp_stays", 0x100),
        local("tcp_changes.isra.0", 0x300),
        local("twin", 0x400),
        function("tcp_comes", 0x600),
        function("alias_a", 0x700),
        function("alias_b", 0x700),
    ],
    "6.12.30-1-amd64": [
        function("tcp_stays", 0x100),
        local("tcp_changes.constprop.0", 0x300),
        function("tcp_comes", 0x600),
    ],
    "6.12.30-1-cloud-amd64": [function("tcp_stays", 0x100)],
}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the kernels of the line, oldest first, and the one of another flavour."""
    folder = tmp_path_factory.mktemp("kernels")
    return [kernel_file(folder, name, *symbols) for name, symbols in LINE.items()]


@pytest.fixture(scope="module")
def atlas(line: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an atlas of them, made by the command in no good order."""
    folder = tmp_path_factory.mktemp("atlas") / "atlas"
    result = elfsyms("export", *reversed(line), "--all-symbols", "-o", folder)
    assert result.returncode == 0, result.stderr
    return folder


# One kernel


@pytest.mark.parametrize("name", the_rest_slow(sample_names(), lambda place, _: place % 3 == 0))
def test_rows_are_what_list_and_ledger_say(name: str, sample: Callable[[str], Path]) -> None:
    """The kept rows are the lines of list, the dropped ones the ledger's counts; nothing is left over."""
    table = export_table(sample(name))
    assert table.schema == SCHEMA
    rows = table.select(["name", "address", "letter", "verdict", "rule"]).to_pylist()
    with load(sample(name)) as kernel:
        lines = listed(kernel)
        counts = {row.rule.id: row.count for row in ledger(kernel).dropped}
        digits = kernel.image.abi.bits // 4
    kept = [f"{r['address']:0{digits}x} {r['letter']} {r['name']}" for r in rows if r["verdict"] != "dropped"]
    if lines is not None:
        assert sorted(kept) == sorted(line for line in lines if line.split(" ", 2)[2])
    dropped = Counter(row["rule"] for row in rows if row["verdict"] == "dropped")
    assert dropped == {rule: n for rule, n in counts.items() if rule not in {"KS101", "KS102", "KS103"}}
    assert [row["name"] for row in rows] == sorted(row["name"] for row in rows)


def listed(kernel: Kernel) -> list[str] | None:
    """Return the lines of list; None for the sample whose tables its release cannot encode."""
    try:
        return list_lines(kernel).decode("utf-8", "backslashreplace").splitlines()
    except EncodeError:
        return None


def test_aliases_and_namesakes_have_their_numbers(line: list[Path]) -> None:
    """Of symbols at one address the first alone is kept without remark; of one name each has its sympos."""
    aliases = {
        row["name"]: (row["alias_rank"], row["verdict"])
        for row in export_table(line[1], all_symbols=True).to_pylist()
    }
    assert (aliases["alias_a"], aliases["alias_b"]) == ((0, "kept"), (1, "shadowed"))
    twins = [row for row in export_table(line[0], all_symbols=True).to_pylist() if row["name"] == "twin"]
    assert [(row["address"] - TEXT, row["sympos"]) for row in twins] == [(0x400, 1), (0x500, 2)]


def test_who_a_kernel_is(line: list[Path]) -> None:
    """Name, release, flavour and architecture are read from the file, and are the same in every row."""
    table = export_table(line[3])
    names = ("kernel", "release", "flavour", "architecture", "series")
    assert {name: table[name].unique().to_pylist() for name in names} == {
        "kernel": ["6.12.30-1-cloud-amd64"],
        "release": ["6.12.30"],
        "flavour": ["cloud-amd64"],
        "architecture": ["x86_64"],
        "series": ["v6.12"],
    }


@pytest.mark.parametrize(
    ("kernel", "flavour"),
    [
        ("6.1.0-57-amd64", "amd64"),
        ("6.1.0-57-rt-amd64", "rt-amd64"),
        ("6.12.117+deb12-cloud-amd64", "cloud-amd64"),
        ("5.15.0-91-generic", "generic"),
        ("6.1.0-0.deb11.52-amd64", "amd64"),
        ("7.3.0-rc7", ""),
        ("7.3-rc7-amd64", "amd64"),
        ("6.12.9", ""),
    ],
)
def test_flavours_of_distributions(kernel: str, flavour: str) -> None:
    """A flavour is what stands behind the release and the packager's number."""
    assert flavour_of(kernel) == flavour


def test_an_image_without_symbols_has_its_tables_rows(tmp_path: Path) -> None:
    """Of a bare image there are the tables' names, addresses and letters; sizes reach to the next address."""
    path, records = bare_image(tmp_path)
    table = export_table(path)
    assert table.schema == SCHEMA
    rows = table.select(["name", "address", "letter"]).to_pylist()
    assert sorted((r["name"], r["address"], ord(r["letter"])) for r in rows) == sorted(symbols_of(records))
    assert {name: table[name][0].as_py() for name in ("kernel", "source", "size_from")} == {
        "kernel": "6.12.7-1-amd64",
        "source": "tables",
        "size_from": "next",
    }
    places = sorted(set(table["address"].to_pylist()))
    following = dict(pairwise(places))
    sizes = table.select(["address", "size", "letter"]).to_pylist()
    assert all(r["size"] in (following.get(r["address"], 0) - r["address"], 0) for r in sizes)
    assert any(r["size"] for r in sizes)
    for name in ("rule", "traceable"):  # no table tells what was dropped, and this image has no code to trace
        assert table[name].null_count == table.num_rows


def bare_image(folder: Path) -> tuple[Path, Records]:
    """Make a boot image without an ELF header; return it, and what its tables hold."""
    image = made_image(boundary_tables("6.12", (64, "<", 62)), 1, 1 << 16, banner="6.12.7-1-amd64")
    path = folder / "vmlinuz-6.12.7"
    path.write_bytes(image.data)
    return path, image.tables.records


def symbols_of(records: Records) -> list[tuple[str, int, int]]:
    """Return name, address and letter of each record."""
    rows = zip(records.names(), records.address.tolist(), records.letter.tolist(), strict=True)
    return [(name.decode(), address, letter) for name, address, letter in rows]


def write_map(path: Path, rows: list[tuple[str, int, int]]) -> None:
    """Write a System.map."""
    path.write_text("".join(f"{address:016x} {chr(letter)} {name}\n" for name, address, letter in rows))


def test_its_own_map_beside_an_image_tells_more(tmp_path: Path) -> None:
    """Where the image's own System.map lies beside it, the map's lines are the rows, whatever the tables lack."""
    path, records = bare_image(tmp_path)
    rows = symbols_of(records)
    more = ("in_the_map_alone", max(address for _, address, _ in rows), ord("b"))
    write_map(tmp_path / "System.map-6.12.7", sorted([*rows, more], key=lambda row: row[1]))
    table = export_table(path)
    assert table["source"][0].as_py() == "map"
    names = set(table["name"].to_pylist())
    assert {name for name, _, _ in [*rows, more]} <= names


def test_a_map_of_another_kernel_is_left_alone(tmp_path: Path) -> None:
    """A System.map that lacks a symbol of the tables, or has it elsewhere, is not this kernel's: it is not read."""
    path, records = bare_image(tmp_path)
    name, address, letter = symbols_of(records)[0]
    for rows in ([(name, address + 16, letter), *symbols_of(records)[1:]], symbols_of(records)[1:]):
        write_map(tmp_path / "System.map-6.12.7", rows)
        assert export_table(path)["source"][0].as_py() == "tables"
    (tmp_path / "System.map-6.12.7").write_text("ffffffffffffffff B The real System.map is elsewhere\n")
    assert export_table(path)["source"][0].as_py() == "tables"


@pytest.mark.kernel
@pytest.mark.long
def test_a_stripped_kernel_is_traced_as_the_whole_one(tmp_path: Path) -> None:
    """Of a whole Debian kernel without its symbols the tables and the image tell the same of what is kept."""
    from debian import cache_folder  # noqa: PLC0415 (a script)

    kernels = sorted(cache_folder().glob("kernels/amd64-6.12*/vmlinux"))
    if not kernels or shutil.which("objcopy") is None:
        pytest.skip("needs objcopy and a kernel: scripts/fetch_kernel.py brings one")
    stripped = tmp_path / "stripped"
    subprocess.run(["objcopy", "--strip-all", kernels[0], stripped], check=True)
    same = [name for name in SCHEMA.names if name not in SEEN_OTHERWISE]
    whole = export_table(kernels[0])
    kept = whole.filter(pc.not_equal(pc.cast(whole["verdict"], "string"), "dropped"))
    assert rows_of(export_table(stripped), same) == rows_of(kept, same)


# What a stripped file tells in another way: of itself, sizes to the next symbol, sections by address.
SEEN_OTHERWISE = {"id", "build_id", "source", "size", "size_from", "section", "class"}


def rows_of(table: Any, names: list[str]) -> list[tuple[Any, ...]]:
    """Return some columns, row by row, in an order that ties do not change."""
    return sorted(zip(*(table[name].to_pylist() for name in names), strict=True), key=str)


def test_a_symbol_table_takes_the_place_of_an_image(line: list[Path], tmp_path: Path) -> None:
    """What an image told of a kernel is replaced by what its symbol table tells, never the reverse."""
    whole = export_table(line[0])
    place = whole.schema.get_field_index("source")
    source = pa.array(["tables"] * whole.num_rows).dictionary_encode()
    poor = whole.set_column(place, "source", source)
    atlas = open_atlas(tmp_path / "atlas")
    assert [add_table(atlas, table) for table in (poor, poor, whole, poor, whole)] == [
        True,
        False,
        True,
        False,
        False,
    ]
    assert [held.facts["source"] for held in atlas.kernels()] == ["symtab"]


def test_names_that_are_no_text_are_escaped(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are in the atlas as everywhere else, and do not stop it."""
    path = kernel_file(tmp_path, "6.12.1", function(b"odd\xffname", 0x100), function("ümlaut", 0x200))  # type: ignore[arg-type]
    names = export_table(path, all_symbols=True)["name"].to_pylist()
    assert {r"odd\xffname", "ümlaut"} <= set(names)
    elfsyms("export", path, "--all-symbols", "-o", tmp_path / "atlas")
    for what in (b"odd\xffname", b"odd\xff*"):
        told = elfsyms("atlas", os.fsdecode(what), "--in", tmp_path / "atlas").stdout
        assert told.startswith(rb"odd\xffname")


# Many kernels


def test_a_kernel_is_there_once(line: list[Path], atlas: Path) -> None:
    """Exported again, under another name too, a kernel changes nothing."""
    before = {path: path.stat().st_mtime_ns for path in atlas.rglob("*.parquet")}
    again = line[0].with_name("copy")
    again.write_bytes(line[0].read_bytes())
    result = elfsyms("export", again, *line, "--all-symbols", "-o", atlas)
    assert [text.split()[0] for text in result.stdout.decode().splitlines()] == ["there"] * 5
    assert {path: path.stat().st_mtime_ns for path in atlas.rglob("*.parquet")} == before
    assert len(before) == len(LINE)


def test_a_kernel_is_there_once_whatever_its_release_is_called(line: list[Path], tmp_path: Path) -> None:
    """Exported again as of another release, and so of another series, a kernel stays once; --replace moves it."""
    opened = open_atlas(tmp_path / "atlas")
    first, other = export_table(line[0]), export_table(line[0], release="6.12")
    assert [add_table(opened, first), add_table(opened, other)] == [True, False]
    assert add_table(opened, other, replace=True)
    (held,) = opened.kernels()
    assert held.facts["series"] == "v6.12"


def test_two_kernels_of_one_build_id_are_one(tmp_path: Path) -> None:
    """A file of another flavour under the same build-id is the same kernel: the first stays till --replace."""
    note = b"\4\0\0\0\x14\0\0\0\3\0\0\0GNU\0" + bytes(range(20))
    paths = [tmp_path / name for name in ("6.12.30-1-amd64", "6.12.30-1-cloud-amd64")]
    for path in paths:
        path.write_bytes(
            vmlinux(
                [*COMMON, function("f", 0x100)],
                release=path.name,
                sections=[Section(".notes", TEXT + 0x40000, note, type="note")],
            )
        )
    names = []
    for more in ((), ("--replace",)):
        elfsyms("export", *paths, *more, "-o", tmp_path / "atlas")
        names.append([held.facts["kernel"] for held in open_atlas(tmp_path / "atlas").kernels()])
    assert names == [["6.12.30-1-amd64"], ["6.12.30-1-cloud-amd64"]]


def test_exports_that_meet_agree_on_one(
    line: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that another export writes meanwhile, in another series, is there once when both have ended."""
    opened = open_atlas(tmp_path / "atlas")
    tables = [export_table(line[0]), export_table(line[0], release="6.12")]
    write = store._write  # noqa: SLF001 (the moment between looking and writing)
    waiting: list[Any] = []

    def meet(*given: Any) -> None:
        while waiting:
            add_table(
                opened, waiting.pop()
            )  # begins after the first has looked, and ends before it has written
        write(*given)

    for order in (tables, tables[::-1]):
        waiting[:] = [order[1]]
        shutil.rmtree(tmp_path / "atlas", ignore_errors=True)
        monkeypatch.setattr(store, "_write", meet)
        add_table(opened, order[0])
        assert [held.facts["series"] for held in opened.kernels()] == ["v6.1"]


def test_an_atlas_of_a_later_version_is_refused(line: list[Path], tmp_path: Path) -> None:
    """Each file says the version of its columns: without a mark it is the first, a later one is refused."""
    elfsyms("export", line[0], "-o", tmp_path / "atlas")
    (path,) = (tmp_path / "atlas").rglob("*.parquet")
    table = pq.read_table(path, partitioning=None)
    assert table.schema.metadata[b"elfsyms.format"] == b"1"
    for mark, code, words in ((None, 0, "tcp_stays"), (b"2", 4, "of version 2"), (b"x", 4, "is no kernel")):
        metadata = {k: v for k, v in table.schema.metadata.items() if k != b"elfsyms.format"}
        pq.write_table(
            table.replace_schema_metadata(metadata | ({b"elfsyms.format": mark} if mark else {})), path
        )
        done = elfsyms("atlas", "tcp_stays", "--in", tmp_path / "atlas")
        assert done.returncode == code
        assert words in (done.stdout + done.stderr).decode()
        again = elfsyms("export", line[0], "-o", tmp_path / "atlas")
        assert again.returncode == code


def test_many_at_once_leave_one(line: list[Path], tmp_path: Path) -> None:
    """Several processes that export the same kernels at the same time leave each once, whole, and nothing else."""
    command = [sys.executable, "-m", "elfsyms", "export", *map(str, line), "-o", str(tmp_path / "atlas")]
    running = [subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    files = [path for path in (tmp_path / "atlas").rglob("*") if path.is_file()]
    assert sorted(path.suffix for path in files) == [".parquet"] * len(line)
    assert sum(pq.read_metadata(path).num_rows for path in files) == sum(
        export_table(path).num_rows for path in line
    )


def test_what_breaks_off_leaves_nothing(
    line: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export that cannot be finished is an error that names the file, and leaves no part of one."""
    opened = open_atlas(tmp_path / "atlas")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("elfsyms.atlas.store.pq.write_table", full)
    with pytest.raises(OutputError, match=r"cannot write .*: No space left"):
        add_table(opened, export_table(line[0]))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_files_in_the_way_of_an_atlas(line: list[Path], tmp_path: Path) -> None:
    """Where the atlas is a file, or is not there, one sentence says so."""
    (tmp_path / "file").write_text("x")
    assert "cannot write" in sentence_of_errors(elfsyms("export", line[0], "-o", tmp_path / "file"), 6)
    assert "there is no atlas" in sentence(elfsyms("atlas", "x", "--in", tmp_path / "none"), 3)
    for command in (("atlas", "x", "--in"), ("export", line[0], "-o")):
        assert "foo://bar is no folder that pyarrow knows" in sentence(elfsyms(*command, "foo://bar"), 2)
        assert "s3:// names no folder" in sentence(elfsyms(*command, "s3://"), 2)
    (tmp_path / "empty").mkdir()
    assert "no kernel in the atlas" in sentence(elfsyms("atlas", "x", "--in", tmp_path / "empty"), 3)


def sentence_of_errors(result: subprocess.CompletedProcess[bytes], code: int) -> str:
    """Check an exit code, and return what was said."""
    text = result.stderr.decode()
    assert result.returncode == code, text
    assert "Traceback" not in text
    return text


def test_one_bad_kernel_stops_no_other(line: list[Path], tmp_path: Path) -> None:
    """A file that is no kernel is told, the others are written, and the exit code says that one failed."""
    (tmp_path / "bad").write_text("hello")
    result = elfsyms("export", tmp_path / "bad", line[0], "-o", tmp_path / "atlas")
    assert (result.returncode, result.stderr.count(b"\n")) == (3, 1)
    assert result.stdout.startswith(b"written")


def test_histories_tell_what_became_of_a_name(atlas: Path) -> None:
    """Along a line of kernels a name is kept, gone since one, renamed, or dropped by a rule, as it was built."""
    found = {(one.name, one.line): one for one in histories(open_atlas(atlas), "tcp_*")}
    stays = found["tcp_stays", "x86_64 amd64"]
    assert (len(stays.spans), stays.gone_since) == (1, None)
    goes = found["tcp_goes", "x86_64 amd64"]
    assert goes.gone_since is not None
    assert goes.gone_since.facts["kernel"] == "6.6.20-1-amd64"
    changes = found["tcp_changes", "x86_64 amd64"]
    assert [(span.fate.verdict, span.fate.now, len(span.kernels)) for span in changes.spans] == [
        ("kept", "", 1),
        ("absent", "tcp_changes.isra.0", 1),
        ("absent", "tcp_changes.constprop.0", 1),
    ]
    assert ("tcp_goes", "x86_64 cloud-amd64") not in found
    (dropped,) = histories(open_atlas(atlas), "__kstrtab_thing")
    assert (dropped.spans[0].fate.verdict, dropped.spans[0].fate.rule) == ("dropped", "KS218")
    (twin,) = histories(open_atlas(atlas), "twin")
    assert [span.fate.count for span in twin.spans] == [2, 1, 0]


def history_of(*verdicts: str) -> History:
    """Return a history of a kernel each with such a verdict, numbered from 0; neighbours of one differ."""
    kernels = [Held(f"{number}", 1, {"kernel": str(number)}) for number in range(len(verdicts))]
    spans = [
        Span(Fate(verdict, now=str(number)), (held,))
        for number, (verdict, held) in enumerate(zip(verdicts, kernels, strict=True))
    ]
    return History("name", "line", tuple(spans))


@pytest.mark.parametrize(
    ("verdicts", "since"),
    [
        (["kept"], None),
        (["kept", "absent"], "1"),
        (["kept", "dropped", "absent"], "1"),  # the rule took it, not the later kernel
        (["kept", "absent", "absent"], "1"),  # first under another name, then not at all
        (["kept", "absent", "kept", "dropped"], "3"),
        (["absent", "kept"], None),
        (["dropped"], None),  # what no kernel kept did not go
        (["absent", "dropped", "absent"], None),
    ],
)
def test_gone_since_the_first_kernel_without_it(verdicts: list[str], since: str | None) -> None:
    """A name is gone since the kernel after the last that had it in its tables, whatever happened from there on."""
    gone = history_of(*verdicts).gone_since
    assert (gone and gone.facts["kernel"]) == since


def test_candidates_come_before_their_release(tmp_path: Path) -> None:
    """Kernels of one release stand in the order in which they came out, which their names' spelling is not."""
    names = ["7.3-rc2-amd64", "7.3-rc10-amd64", "7.3.0-9-amd64", "7.3.0-10-amd64"]
    opened = open_atlas(tmp_path / "atlas")
    for name in reversed(names):
        add_table(opened, export_table(kernel_file(tmp_path, name, function(name.replace("-", "_"), 0x100))))
    assert [held.facts["kernel"] for held in opened.kernels()] == names


def test_the_command_prints_histories(atlas: Path) -> None:
    """What became of a name stands in lines that one can read, and in JSON that a program can."""
    text = elfsyms("atlas", "tcp_changes", "--in", atlas).stdout.decode()
    assert re.search(r"6\.1\.10 +kept\n +6\.6\.20 +not there; now tcp_changes\.isra\.0\n", text)
    answer = json.loads(elfsyms("atlas", "tcp_*", "--gone", "--in", atlas, "--json").stdout)
    assert answer["schema"] == "elfsyms.atlas/1"
    assert {one["name"] for one in answer["histories"]} >= {"tcp_goes", "tcp_changes"}
    assert "tcp_stays" not in {one["name"] for one in answer["histories"]}
    kernels = elfsyms("atlas", "--in", atlas).stdout.decode()
    assert [word in kernels for word in LINE] == [True] * len(LINE)
    assert "has a symbol nonsense" in sentence(elfsyms("atlas", "nonsense", "--in", atlas), 3)


def queries() -> list[Any]:
    """Return the queries of the documentation."""
    text = (ROOT / "docs" / "atlas.md").read_text(encoding="utf-8")
    found = re.findall(r"^### (.*?)\n.*?^```sql\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [pytest.param(sql, id=title) for title, sql in found]


def test_there_are_ten_queries() -> None:
    """The documentation has ten questions."""
    assert len(queries()) == 10


@pytest.mark.parametrize("sql", queries())
def test_the_queries_of_the_documentation_run(sql: str, atlas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB answers each question over the atlas as it stands, with the columns that it names."""
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is missing")
    monkeypatch.chdir(atlas.parent)
    with duckdb.connect() as database:
        answer = database.execute(sql)
        assert answer.description
        answer.fetchall()


def test_duckdb_sees_what_was_put_in(atlas: Path) -> None:
    """Kernels, releases and folders mean to DuckDB what they mean here: 6.12 is not 6.1."""
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is missing")
    source = f"read_parquet('{atlas}/**/*.parquet', hive_partitioning = true)"
    with duckdb.connect() as database:
        rows = database.execute(
            f"SELECT DISTINCT series, architecture, kernel FROM {source} ORDER BY kernel"  # noqa: S608 (own path)
        ).fetchall()
    assert rows == [
        ("v6.1", "x86_64", "6.1.10-1-amd64"),
        ("v6.12", "x86_64", "6.12.30-1-amd64"),
        ("v6.12", "x86_64", "6.12.30-1-cloud-amd64"),
        ("v6.6", "x86_64", "6.6.20-1-amd64"),
    ]


# On an engine


def test_an_engine_that_maps_batches_gets_the_same_rows(line: list[Path]) -> None:
    """What Spark's mapInArrow calls yields exactly the rows of export_table, kernel after kernel."""
    from atlas_on_ray import symbols  # noqa: PLC0415 (a script)

    given = pa.RecordBatch.from_pydict({"path": [str(path) for path in line[:2]]})
    made = pa.Table.from_batches(symbols(iter([given])))
    assert made.equals(pa.concat_tables([export_table(path) for path in line[:2]]).unify_dictionaries()) or (
        made.to_pylist() == [row for path in line[:2] for row in export_table(path).to_pylist()]
    )


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_ray_makes_the_same_atlas(line: list[Path], tmp_path: Path, workers: int) -> None:
    """On a local cluster of Ray, with one worker or two, the atlas is the one that the command makes."""
    pytest.importorskip("ray.data", reason="Ray Data is missing")
    made, command = tmp_path / "ray", tmp_path / "command"
    script = [sys.executable, str(ROOT / "scripts" / "atlas_on_ray.py"), "-o", str(made)]
    variables = environment(
        RAY_USAGE_STATS_ENABLED="0", PYTHONPATH=str(ROOT) + os.pathsep + os.environ.get("PYTHONPATH", "")
    )
    done = subprocess.run(
        [*script, "--workers", str(workers), *map(str, line)],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "4 kernels in " in done.stdout
    assert elfsyms("export", *line, "-o", command).returncode == 0
    names = sorted(path.relative_to(command) for path in command.rglob("*.parquet"))
    assert sorted(path.relative_to(made) for path in made.rglob("*.parquet")) == names
    for name in names:
        one, other = (pq.read_table(folder / name, partitioning=None) for folder in (made, command))
        assert one.equals(other)


class DyingStore:
    """An object store whose client dies between an upload and the move into its place, and tidies up nothing."""

    def __init__(self, files: Any) -> None:
        """Take the store."""
        self._files = files

    def __getattr__(self, name: str) -> Any:
        """Do the rest as it does."""
        return getattr(self._files, name)

    def move(self, source: str, target: str) -> None:
        """Die."""
        raise OSError(f"{source} is not {target}")

    def delete_file(self, path: str) -> None:
        """Leave the file: who is dead deletes nothing."""


def test_an_object_store_is_tidied_a_day_later(tmp_path: Path) -> None:
    """What a killed export left in an object store, which has no locks, goes once nobody can be writing it."""
    files = pa.fs.SubTreeFileSystem(str(tmp_path), pa.fs.LocalFileSystem())
    table = export_table(kernel_file(tmp_path, "6.12.1", function("run", 0x100)))
    with pytest.raises(OutputError, match="is not"):
        add_table(store.Atlas(DyingStore(files), "atlas"), table)
    (left,) = [path for path in (tmp_path / "atlas").rglob("*") if path.is_file()]
    atlas = store.Atlas(files, "atlas")
    atlas.remove_leftovers()
    assert left.exists()
    other = left.with_name(".hidden")
    other.touch()
    for path in (left, other):
        os.utime(path, (0, 0))
    atlas.remove_leftovers()
    assert (left.exists(), other.exists()) == (False, True)
    assert add_table(atlas, table)
    assert len(atlas.kernels()) == 1
