# SPDX-License-Identifier: GPL-2.0-or-later
"""The command as people use it: what it writes, what it says, where, and with which exit code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from command import elfsyms, environment, on_terminal, sentence
from elfmaker import Symbol, vmlinux
from elftools.elf.elffile import ELFFile
from typer import BadParameter

from elfsyms._version import __version__
from elfsyms.cli.app import COMMANDS, load_command
from elfsyms.cli.parameters import FILES
from elfsyms.cli.quick import JOBS, parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEXT = 0xFFFFFFFF81000000
SYMBOLS = [
    Symbol("_text", TEXT),
    Symbol("_stext", TEXT),
    Symbol("start_kernel", TEXT + 0x10),
    Symbol("helper", TEXT + 0x20, binding="local"),
    Symbol("_etext", TEXT + 0x100),
    Symbol("jiffies", TEXT + 0x1000, ".data", type="object"),
    Symbol("__crc_printk", 0x1234, "ABS", type="notype"),
]

# What nm and mksysmap make of them: linux_banner is on the next page after the rest.
SYSTEM_MAP = """\
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81000010 T start_kernel
ffffffff81000020 t helper
ffffffff81000100 T _etext
ffffffff81001000 D jiffies
ffffffff81002000 R linux_banner
"""

TABLES_6_12 = [
    "num_syms",
    "names",
    "markers",
    "token_table",
    "token_index",
    "offsets",
    "relative_base",
    "seqs_of_names",
]


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """Return a small kernel of 6.12."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux(SYMBOLS, release="6.12.5"))
    return path


def labels(data: bytes) -> list[str]:
    """Return the table labels that an object defines, in the order of their places."""
    symtab: Any = ELFFile(BytesIO(data)).get_section_by_name(".symtab")
    defined = [s for s in symtab.iter_symbols() if s.name.startswith("kallsyms_")]
    return [s.name.removeprefix("kallsyms_") for s in sorted(defined, key=lambda s: int(s["st_value"]))]


def test_object_by_suffix(kernel: Path) -> None:
    """``FILE -o X.o`` writes an object with the release's tables, and one line that tells what it holds."""
    result = elfsyms(kernel, "-o", kernel.with_suffix(".o"))
    assert (result.returncode, result.stdout) == (0, b"")
    assert labels(kernel.with_suffix(".o").read_bytes()) == TABLES_6_12
    line = result.stderr.decode()
    assert line.count("\n") == 1
    assert "vmlinux.o: 7 of 8 symbols" in line
    assert "release 6.12.5, --all-symbols" in line


def test_assembly_by_suffix(kernel: Path) -> None:
    """``FILE -o X.S`` writes assembly with the release's tables."""
    assert elfsyms(kernel, "-o", kernel.with_suffix(".S")).returncode == 0
    text = kernel.with_suffix(".S").read_text()
    assert text.startswith("#include <asm/bitsperlong.h>\n")
    assert re.findall(r"^\.globl kallsyms_(\w+)$", text, re.MULTILINE) == TABLES_6_12


def test_dash_prints_assembly(kernel: Path) -> None:
    """``-o -`` prints what ``-o X.S`` writes; remarks go to standard error."""
    elfsyms(kernel, "-o", kernel.with_suffix(".S"))
    result = elfsyms(kernel, "-o", "-")
    assert result.stdout == kernel.with_suffix(".S").read_bytes()
    assert b"7 of 8 symbols" in result.stderr


def test_format_decides_over_the_suffix(kernel: Path) -> None:
    """``--format`` says what to write, whatever the name ends in, and to standard output too."""
    assert elfsyms(kernel, "--format", "o", "-o", "-").stdout.startswith(b"\x7fELF")
    assert elfsyms(kernel, "--format=S", "-o", kernel.with_name("tables")).returncode == 0
    assert kernel.with_name("tables").read_bytes().startswith(b"#include")


def test_system_map_in_the_same_pass(kernel: Path) -> None:
    """``--system-map`` writes what nm and mksysmap would."""
    out, text = kernel.with_suffix(".o"), kernel.with_name("System.map")
    assert elfsyms(kernel, "-o", out, "--system-map", text).returncode == 0
    assert out.exists()
    assert text.read_text() == SYSTEM_MAP


def test_system_map_alone(kernel: Path) -> None:
    """``--system-map`` needs no ``-o``, and prints with a dash."""
    result = elfsyms(kernel, "--system-map", "-")
    assert (result.returncode, result.stdout.decode()) == (0, SYSTEM_MAP)


def test_empty_table_for_the_first_link(kernel: Path, tmp_path: Path) -> None:
    """``--empty`` writes the table of no symbols with the ABI of any object of the link."""
    lender = tmp_path / "init.o"
    lender.write_bytes(vmlinux([Symbol("_text", 0)], release=None, bits=32, order=">", machine=8))
    out = tmp_path / "empty.o"
    assert elfsyms("--empty", lender, "--release", "6.12", "-o", out).returncode == 0
    elf: Any = ELFFile(BytesIO(out.read_bytes()))
    assert (elf.elfclass, elf.little_endian, elf["e_machine"]) == (32, False, "EM_MIPS")
    text = elfsyms("--empty", kernel, "-o", "-", "-q").stdout.decode()
    assert "kallsyms_num_syms:\n\t.long\t0\n" in text


def test_stats_tell_every_table(kernel: Path) -> None:
    """``--stats`` has a line for each table; fixed ones have their known sizes."""
    text = elfsyms(kernel, "--stats", "-o", kernel.with_suffix(".o")).stderr.decode()
    sizes = dict(re.findall(r"^  kallsyms_(\w+) +([\d,]+) bytes$", text, re.MULTILINE))
    assert list(sizes) == TABLES_6_12
    assert {name: sizes[name] for name in ("num_syms", "token_index", "offsets", "seqs_of_names")} == {
        "num_syms": "4",
        "token_index": "512",
        "offsets": "28",
        "seqs_of_names": "21",
    }


def test_stats_alone_are_data(kernel: Path) -> None:
    """Where the figures are all that is asked for, they go to standard output."""
    beside = elfsyms(kernel, "--stats", "-o", kernel.with_suffix(".o"))
    alone = elfsyms(kernel, "--stats")
    assert (beside.stdout, alone.stderr) == (b"", b"")
    assert alone.stdout.splitlines()[1:] == beside.stderr.splitlines()[1:]


def test_verbose_tells_what_was_found_and_from_what(kernel: Path) -> None:
    """``--verbose`` names each finding with its value and what told it."""
    text = elfsyms(
        kernel, "-o", "/dev/null", "--format", "S", "--verbose", "--no-absolute-percpu"
    ).stderr.decode()
    assert re.search(r"release +6\.12\.5 +\(linux_banner, 'Linux version 6\.12\.5'\)", text)
    assert re.search(r"all-symbols +yes +\(", text)
    assert re.search(r"absolute-percpu +no +\(--no-absolute-percpu\)", text)


def test_quiet_says_nothing(kernel: Path) -> None:
    """``--quiet`` leaves standard error empty when all is well."""
    result = elfsyms(kernel, "-q", "-o", kernel.with_suffix(".o"))
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_contradictions_are_told_without_being_asked(tmp_path: Path) -> None:
    """A release that is not known is told in a warning, which ``--quiet`` does not silence."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux(SYMBOLS, release="8.0.0"))
    arguments = (path, "--system-map", tmp_path / "System.map")
    warning = b"elfsyms: warning: linux_banner, 'Linux version 8.0.0' says 8.0"
    assert elfsyms(*arguments).stderr.startswith(warning)
    (line,) = elfsyms(*arguments, "-q").stderr.splitlines()
    assert line.startswith(warning)


@pytest.mark.parametrize("more", [(), ("--quiet",), ("--verbose",)])
def test_json_is_one_object_with_its_schema(kernel: Path, more: tuple[str, ...]) -> None:
    """``--json`` prints one object of a named schema, with or without words beside it."""
    result = elfsyms(kernel, "--json", *more)
    facts = json.loads(result.stdout)
    assert facts["schema"] == "elfsyms.build/1"
    assert facts["release"] == "6.12.5"
    assert facts["options"] == ["--all-symbols"]
    assert (facts["entries"], facts["symbols"], facts["too_long"], facts["warnings"]) == (9, 7, [], [])
    assert list(facts["table_bytes"]) == [f"kallsyms_{name}" for name in TABLES_6_12]
    assert {"what": "release", "value": "6.12.5"}.items() <= facts["found"][0].items()


def test_options_may_stand_anywhere(kernel: Path) -> None:
    """The file may stand in front of the options, behind them or between."""
    written = []
    for arguments in (
        (kernel, "-o", "-", "--release", "6.6", "-q"),
        ("-q", "--release=6.6", "-o", "-", kernel),
        ("--release", "6.6", kernel, "-q", "-o", "-"),
        ("build", "-q", kernel, "--release", "6.6", "-o-"),
    ):
        result = elfsyms(*arguments)
        assert result.returncode == 0
        written.append(result.stdout)
    assert len(set(written)) == 1


def test_file_named_like_a_command(tmp_path: Path) -> None:
    """A file with the name of a command is given as ``./NAME``."""
    (tmp_path / "releases").write_bytes(vmlinux(SYMBOLS, release="6.12.5"))
    assert elfsyms("./releases", "--system-map", "-", cwd=tmp_path).stdout.decode() == SYSTEM_MAP
    assert elfsyms("releases", "6.12", cwd=tmp_path).stdout.startswith(b"release 6.12\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("vmlinux",), "nothing to write: give -o kallsyms.o"),
        (("vmlinux", "-o", "tables"), "tables ends neither in .o nor in .S: say which with --format"),
        (
            ("vmlinux", "-o", "tables", "--format", "elf"),
            "--format is o (an object) or S (assembly), not 'elf'",
        ),
        (("vmlinux", "-o", "-", "--system-map", "-"), "only one thing can go to standard output"),
        (("vmlinux", "-o", "-", "--json"), "only one thing can go to standard output"),
        (
            ("vmlinux", "-o", "x.o", "--symbol-prefix", "ab"),
            "--symbol-prefix takes one printable ASCII character, not 'ab'",
        ),
        (("vmlinux", "-o", "x.o", "--page-offset", "here"), "--page-offset takes a hexadecimal number"),
        (("vmlinux", "-o", "x.o", "--page-offset=-1"), "--page-offset takes a hexadecimal number"),
        (("vmlinux", "-o", "x.o", "--page-offset", "1" + 16 * "0"), "at most 64 bits"),
        (("vmlinux", "-o", "x.o", "--release", "9.9"), "release 9.9 is unknown: elfsyms knows 2.6.12 to "),
        (("vmlinux", "-o", "x.o", "--release", "soon"), "'soon' is no kernel release; give one like 6.12"),
        (("vmlinux", "-o", "x.o", "--pc-relative"), "release 6.12.5 does not know --pc-relative"),
    ],
)
def test_wrong_usage_is_one_sentence(kernel: Path, arguments: tuple[str, ...], words: str) -> None:
    """A request that makes no sense is one sentence, exit code 2, and nothing is written."""
    assert words in sentence(elfsyms(*arguments, cwd=kernel.parent), 2)
    assert [path.name for path in kernel.parent.iterdir()] == ["vmlinux"]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_without_a_name_is_wrong_usage(name: str) -> None:
    """An empty file name, as of a variable that was never set, is no folder that one is in, wherever it stands."""
    command = load_command(name)
    for one in getattr(command, "commands", {"": command}).values():
        if one.hidden:  # for the hook alone
            continue
        words = [p for p in one.params if p.param_type_name == "argument"]
        for empty in (p for p in one.params if p.metavar in FILES):
            line = [] if empty in words else [empty.opts[0], ""]
            line += ["" if word is empty else "x" for word in words if word.required or word is empty]
            with pytest.raises(BadParameter, match="an empty name is no file"):
                one.make_context(name, list(line))
            assert name not in JOBS or parse(line, JOBS[name]) is None


def test_help_is_named_where_it_is(tmp_path: Path) -> None:
    """A mistake in a command below another is explained by that command's own help."""
    assert "elfsyms kbuild install --help shows how" in sentence(elfsyms("kbuild", "install"), 2)
    assert "elfsyms diff --help shows how" in sentence(elfsyms("diff", tmp_path), 2)


@pytest.mark.parametrize(
    "arguments", [("--frobnicate", "vmlinux"), ("vmlinux", "other"), ("vmlinux", "--release")]
)
def test_unknown_words_are_wrong_usage(kernel: Path, arguments: tuple[str, ...]) -> None:
    """What the command line does not have has exit code 2, and no traceback."""
    result = elfsyms(*arguments, cwd=kernel.parent)
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"Traceback" not in result.stderr


CLOSED = [
    ("{}", "-o", "-", "-q"),
    ("{}", "--json", "-q"),
    ("{}", "--system-map", "-", "-q"),
    ("list", "{}"),
    ("explain", "{}", "_text", "--json"),
    ("explain", "{}", "no_such_name"),
    ("ledger", "{}"),
    ("rules",),
    ("--help",),
    ("list", "--help"),
    ("--version",),
]


@pytest.mark.parametrize("arguments", CLOSED, ids=[" ".join(words) for words in CLOSED])
def test_closed_pipe_is_quiet(sample: Callable[[str], Path], arguments: tuple[str, ...]) -> None:
    """A reader that went away ends the program quietly, with SIGPIPE's status, whatever the answer was."""
    words = [word.format(sample("amd64-6.12")) for word in arguments]
    command = [sys.executable, "-m", "elfsyms", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 141


def test_closed_standard_output_is_told(kernel: Path) -> None:
    """Without a standard output (``>&-``) there is a sentence, not a traceback."""
    script = 'exec "$0" -m elfsyms "$1" -o - >&-'
    command = ["sh", "-c", script, sys.executable, str(kernel)]
    result = subprocess.run(command, env=environment(), stderr=subprocess.PIPE, check=False)
    assert result.returncode == 6
    assert result.stderr.startswith(b"elfsyms: cannot write to standard output: it is closed")


def test_closed_standard_error_does_not_spoil_data(kernel: Path) -> None:
    """Without a standard error (``2>&-``) remarks go nowhere, least of all among the data."""
    script = 'exec "$0" -m elfsyms "$1" --system-map - 2>&-'
    command = ["sh", "-c", script, sys.executable, str(kernel)]
    result = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, check=False)
    assert (result.returncode, result.stdout.decode()) == (0, SYSTEM_MAP)


COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7])(?:;\d+)*m")


def test_colours_on_a_terminal_unless_no_color() -> None:
    """Help has colours on a terminal, and none with ``NO_COLOR``."""
    assert COLOUR.search(on_terminal("--help"))
    assert not COLOUR.search(on_terminal("--help", NO_COLOR="1"))


def test_no_colours_without_a_terminal() -> None:
    """What goes to a file or pipe has no escape sequences."""
    assert b"\x1b" not in elfsyms("--help", TERM="xterm-256color").stdout


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(flag: str) -> None:
    """The version is one line."""
    result = elfsyms(flag)
    assert (result.returncode, result.stdout.decode()) == (0, f"elfsyms {__version__}\n")


QUESTIONS = (
    "list vmlinux --where ftrace=no",
    "explain vmlinux jiffies",
    "stats vmlinux --json",
    "ledger vmlinux",
    "verify vmlinux",
    "check vmlinux --needs /dev/null",
    "symbolize vmlinux --no-lines",
    "decode vmlinux",
)


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (("--version",), ("numpy", "typer", "rich", "elftools", "lief")),
        (("--help",), ("numpy", "elftools", "lief")),
        (("vmlinux",), ("numpy", "elftools", "lief")),
        (("vmlinux", "--system-map", "/dev/null"), ("lief", "rich")),
        *((words.split(), ("typer", "pydantic", "rich", "lief")) for words in QUESTIONS),
    ],
)
def test_only_what_is_needed_is_imported(
    kernel: Path, arguments: tuple[str, ...], unwanted: tuple[str, ...]
) -> None:
    """Nobody waits for a library that the answer does not need."""
    command = [sys.executable, "-X", "importtime", "-m", "elfsyms", *arguments]
    result = subprocess.run(
        command,
        cwd=kernel.parent,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    imported = set(re.findall(r"\| +([\w.]+)$", result.stderr.decode(), re.MULTILINE))
    assert "elfsyms" in imported
    assert not imported & set(unwanted)


def test_help_names_every_command() -> None:
    """``--help``, and no argument at all, show every command and the exit codes."""
    text = elfsyms("--help").stdout.decode()
    assert all(re.search(rf"^\W*{name}\b", text, re.MULTILINE) for name in COMMANDS)
    assert "Exit codes" in text
    assert elfsyms().stdout.decode() == text


def test_help_is_a_word_too() -> None:
    """``elfsyms help`` is ``--help``, ``elfsyms help COMMAND`` is that command's, and --version is listed."""
    page = elfsyms("help").stdout
    assert page == elfsyms("--help").stdout
    assert b"--version" in page
    assert elfsyms("help", "list").stdout == elfsyms("list", "--help").stdout


@pytest.mark.parametrize("name", ["explain", "list", "ledger", "stats", "build"])
def test_what_if_options_stand_behind_the_commands_own(name: str) -> None:
    """Release and options of the table are a group of their own, the last of the page."""
    text = elfsyms(name, "--help").stdout.decode()
    own, what_if = text.split("What the table is made for")
    assert "--json" in own
    assert "--all-symbols" not in own
    assert "--release" in what_if


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(name: str) -> None:
    """``elfsyms COMMAND --help`` shows its usage."""
    result = elfsyms(name, "--help")
    assert result.returncode == 0
    assert f"Usage: elfsyms {name}".encode() in result.stdout


MISTAKES = [
    (["--nope"], "no such option: --nope"),
    (["vmlinux", "-o"], "requires an argument; elfsyms --help shows how"),
    (["explain"], "nothing to explain: give a name, a glob or an address"),
    (["ledger"], "missing argument 'VMLINUX'; elfsyms ledger --help shows how"),
    (["stats", "a", "b"], "unexpected extra argument"),
    (["kbuild"], "missing command; elfsyms kbuild --help shows how"),
    (["kbuild", "instal", "x"], "no such command 'instal'"),
    (["explai"], "explai is neither a command nor a file: did you mean explain?"),
    (["help", "lits"], "there is no command lits: elfsyms --help lists them"),
    (["legder", "vmlinux"], "legder is neither a command nor a file: did you mean ledger?"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES])
def test_a_wrong_command_line_gets_one_sentence(arguments: list[str], words: str, tmp_path: Path) -> None:
    """Mistakes in options, arguments and commands are told in a sentence, with where to look, and exit code 2."""
    assert words in sentence(elfsyms(*arguments, cwd=tmp_path), 2)


def test_a_word_that_is_nothing_is_told_so(tmp_path: Path) -> None:
    """A word that is neither file nor command is not asked for an output; with options, the file is missing."""
    assert "NOFILE is neither a file nor a command" in sentence(elfsyms("NOFILE", cwd=tmp_path), 4)
    assert "cannot read NOFILE: No such file" in sentence(elfsyms("NOFILE", "-o", "x.o", cwd=tmp_path), 4)


def test_a_name_that_cannot_be_looked_up_is_an_unusable_file(tmp_path: Path) -> None:
    """A name too long for any file is told as one that cannot be read."""
    assert "File name too long" in sentence(elfsyms("x" * 300, "-o", "x.o", cwd=tmp_path), 4)


def test_a_cache_that_cannot_be_used_is_a_warning(sample: Callable[[str], Path], tmp_path: Path) -> None:
    """The job is done, and told to people and programs what could not be kept."""
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    job = (sample("amd64-6.12"), "-o", tmp_path / "x.o", "--cache", tmp_path / "file")
    told = f"nothing can be kept in the cache {tmp_path / 'file'}: File exists"
    plain, facts = elfsyms(*job), elfsyms(*job, "--json")
    assert (plain.returncode, facts.returncode) == (0, 0)
    assert f"elfsyms: warning: {told}" in plain.stderr.decode().splitlines()
    assert json.loads(facts.stdout)["warnings"] == [told]
