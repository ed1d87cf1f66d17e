# SPDX-License-Identifier: GPL-2.0-or-later
"""What is fuzzed: every command, and every reader of files that come from elsewhere.

A target takes a folder of its own and an input, and raises :class:`Finding` where elfsyms did what it promises not
to: an exit code that is not documented (70, a bug, above all), a sentence that is none, an output that changed
although the run failed, tables that do not decode to what they were made of, two readers that disagree.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from image_seeds import core, debug, image, module
from mutate import mutate_bytes, mutate_elf, mutate_text
from question_seeds import room, traced, traced_kernels
from seeds import files, kernels, objects
from tree_seeds import GENERATOR, LISTER, MAP_SCRIPTS, TREE_WORDS

from elfsyms.__main__ import outcome
from elfsyms.errors import ElfsymsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from random import Random

    from elfsyms.detect.sources import SourceFile

__all__ = ["TARGETS", "Finding", "Target"]

CODES = {0, 1, 2, 3, 4, 5, 6}
BEFORE = b"what was there before"


class Finding(Exception):  # noqa: N818 (it is what is looked for)
    """A promise that was broken."""


@dataclass(frozen=True, slots=True)
class Target:
    """``make`` draws an input; ``check`` runs it.

    ``share`` is how many are run beside those of others: 8 where one takes 2 ms at most, 2 where it takes 7 and
    more, 1 where it takes 20.
    """

    make: Callable[[Random], bytes]
    check: Callable[[Path, bytes], None]
    kind: str = "ELF file"  # of input
    share: int = 4


def run(arguments: Sequence[str], stdin: bytes = b"") -> tuple[int, bytes, str]:
    """Run a command line in this process; return its exit code and what it printed."""
    kept = sys.stdin, sys.stdout, sys.stderr
    data, err = io.BytesIO(), io.StringIO()
    out = io.TextIOWrapper(data)  # which closes its bytes when it goes
    sys.stdin, sys.stdout, sys.stderr = io.TextIOWrapper(io.BytesIO(stdin)), out, err
    try:
        code = outcome(list(arguments))
        out.flush()
        return code, data.getvalue(), err.getvalue()
    finally:
        sys.stdin, sys.stdout, sys.stderr = kept


def expect(condition: object, words: str) -> None:
    """Raise a finding unless a condition holds."""
    if not condition:
        raise Finding(words)


def check_run(arguments: Sequence[str], stdin: bytes = b"") -> int:
    """Run a command line and check what holds for every one; return its exit code."""
    code, out, err = run(arguments, stdin)
    words = " ".join(arguments)
    expect(code in CODES, f"{words}: exit code {code}: {err[-500:]}")
    lines = err.split("\n")
    expect(all(line.isprintable() for line in lines), f"{words}: raw bytes on standard error: {err[:500]!r}")
    told = [line for line in lines if line.startswith("elfsyms: ") and "warning" not in line[:20]]
    if code == 3:  # explain's answer that there is no such symbol
        told += out.decode("utf-8", "replace").splitlines()
    expect(code < 2 or told, f"{words}: exit code {code} without a sentence: {err[:500]!r}")
    return code


def main_job(folder: Path, data: bytes) -> None:
    """Make both outputs: whole and right, or as they were."""
    (folder / "vmlinux").write_bytes(data)
    for form in ("o", "S"):
        outputs = [folder / f"out.{form}", folder / "System.map"]
        for path in outputs:
            path.write_bytes(BEFORE)
        arguments = [str(folder / "vmlinux"), "-o", str(outputs[0]), "--system-map", str(outputs[1])]
        code = check_run(arguments)
        expect(code != 1, "the main job answers no question")
        changed = [path.read_bytes() != BEFORE for path in outputs]
        expect(
            all(changed) if code == 0 else not any(changed), f"exit code {code}, outputs changed: {changed}"
        )
        names = {path.name for path in folder.iterdir()}
        expect(names <= {"vmlinux", "out.o", "out.S", "System.map"}, f"something is left: {names}")
        if code == 0 and form == "o":
            _same_back(folder / "vmlinux", outputs[0])


def _same_back(vmlinux: Path, made: Path) -> None:
    """Check that the object decodes to the symbols that the tables were made of."""
    from elfsyms.decode.decode import decode_file  # noqa: PLC0415 (most inputs do not come here)
    from elfsyms.pipeline.kernel import load  # noqa: PLC0415 (as above)

    with load(vmlinux) as kernel:
        records, boundaries, release = kernel.ordered.records, kernel.verdicts.boundaries, kernel.release
    try:
        decoded = decode_file(made, release=release, text=boundaries.text)
    except ElfsymsError as error:
        expect(not len(records), f"the object does not decode: {error}")
        return
    expect(list(decoded.names()) == list(records.names()), "names that decode to others")
    expect(decoded.letter.tobytes() == records.letter.tobytes(), "letters that decode to others")


def command(*words: str, stdin: bool = False) -> Callable[[Path, bytes], None]:
    """Return a check of a command; FILE and FOLDER among its words stand for the input's."""

    def check(folder: Path, data: bytes) -> None:
        (folder / "input").write_bytes(data)
        places = {"FILE": str(folder / "input"), "FOLDER": str(folder), "OTHER": str(folder / "other")}
        if "OTHER" in words:
            (folder / "other").write_bytes(kernels()[11])
        check_run([places.get(word, word) for word in words], data if stdin else b"")

    return check


def checked(folder: Path, data: bytes) -> None:
    """Ask whether a kernel has what a tool needs."""
    (folder / "input").write_bytes(data)
    (folder / "needs").write_bytes(NEEDS)
    check_run(["check", str(folder / "input"), "--needs", str(folder / "needs"), "--json"])


def needs(folder: Path, data: bytes) -> None:
    """Ask for what a hostile list of names says."""
    (folder / "input").write_bytes(traced_kernels()[1])
    (folder / "needs").write_bytes(data)
    check_run(["check", str(folder / "input"), "--needs", str(folder / "needs")])


def filled(folder: Path, data: bytes) -> None:
    """Fill a kernel's room: it verifies then; or it is as it was."""
    vmlinux = folder / "vmlinux"
    vmlinux.write_bytes(data)
    options = ["--release", "6.12", "--all-symbols"]
    if check_run(["fill", str(vmlinux), *options]) == 0:
        expect(check_run(["verify", str(vmlinux), *options]) == 0, "what was filled in does not verify")
    else:
        expect(vmlinux.read_bytes() == data, "the kernel was changed")
    expect({path.name for path in folder.iterdir()} == {"vmlinux"}, "something is left")


def lines_of(folder: Path, data: bytes) -> None:
    """Name source lines in a log, by damaged debug information."""
    (folder / "input").write_bytes(data)
    check_run(["symbolize", str(folder / "input"), "--release", "6.12"], STACK)


def written_elf(folder: Path, data: bytes) -> None:
    """Write a vmlinux of an image: whole, with symbols that another command lists, or what was there."""
    out = folder / "vmlinux"
    (folder / "input").write_bytes(data)
    out.write_bytes(BEFORE)
    code = check_run(["decode", str(folder / "input"), "--elf", str(out)])
    expect((out.read_bytes() == BEFORE) == (code > 1), f"exit code {code}, and the output changed or did not")
    expect({path.name for path in folder.iterdir()} == {"input", "vmlinux"}, "something is left")
    if code < 2:
        expect(check_run(["explain", str(out), "*"]) in (0, 1, 3, 4), "what was written cannot be read")


def exported(folder: Path, data: bytes) -> None:
    """Put a kernel into an atlas, which can be asked then."""
    (folder / "input").write_bytes(data)
    if check_run(["export", str(folder / "input"), "-o", str(folder / "atlas")]) == 0:
        expect(
            check_run(["atlas", "--in", str(folder / "atlas"), "*"]) in (0, 1, 3), "the atlas cannot be read"
        )


def atlas(folder: Path, data: bytes) -> None:
    """Ask an atlas in which somebody has put a file of his own."""
    (folder / "atlas").mkdir()
    for path, seed in _atlas_files():
        place = folder / "atlas" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(seed)
    place.write_bytes(data)
    check_run(["atlas", "--in", str(folder / "atlas"), "f*"])


@cache
def _atlas_files() -> tuple[tuple[str, bytes], ...]:
    with TemporaryDirectory() as name:
        folder = FilePath(name)
        kernel = folder / "vmlinux"
        for data in (kernels()[10], kernels()[11]):
            kernel.write_bytes(data)
            run(["export", str(kernel), "-o", str(folder / "atlas")])
        found = sorted((folder / "atlas").rglob("*.parquet"))
        return tuple((str(path.relative_to(folder / "atlas")), path.read_bytes()) for path in found)


def module_of(folder: Path, data: bytes) -> None:
    """Read a module beside a kernel's log."""
    (folder / "vmlinux").write_bytes(kernels()[11])
    (folder / "toy-one.ko").write_bytes(data)
    check_run(
        ["symbolize", str(folder / "vmlinux"), "--modules", str(folder)], LOG.replace(b"[mod]", b"[toy_one]")
    )
    for words in (["list"], ["list", "--duplicates"], ["stats"], ["explain"]):
        name = ["helper"] if words == ["explain"] else []
        check_run([words[0], str(folder / "toy-one.ko"), *words[1:], *name])


def debug_information(folder: Path, data: bytes) -> None:
    """Ask of functions and addresses by debug information; damage is an error of the input, or is not noticed."""
    from elfsyms.image.dwarf_functions import FunctionNames  # noqa: PLC0415 (for this target alone)
    from elfsyms.image.elf import open_image  # noqa: PLC0415 (as above)
    from elfsyms.image.symbols import read_symbols  # noqa: PLC0415 (as above)

    (folder / "input").write_bytes(data)
    try:
        image = open_image(folder / "input")
    except ElfsymsError:
        return
    with image:
        for name in ("up", "first", "x"):
            with suppress(ElfsymsError):
                dwarf = image.dwarf()
                if dwarf is not None:
                    FunctionNames(dwarf).definitions(name)
        for name in ("first", "main"):
            with suppress(ElfsymsError):
                dwarf, address = image.dwarf(), read_symbols(image).address_of(name.encode())
                if dwarf is not None and address is not None:
                    dwarf.frames(address + 4)
    check_run(["explain", str(folder / "input"), "first", "up", "--release", "6.12", "--source"])


def two_readers(folder: Path, data: bytes) -> None:
    """Compare the symbols with those that LIEF reads, where both read a file."""
    import lief  # noqa: PLC0415 (for this target alone)

    from elfsyms.image.elf import open_image  # noqa: PLC0415 (as above)
    from elfsyms.image.symbols import read_symbols  # noqa: PLC0415 (as above)

    (folder / "input").write_bytes(data)
    try:
        with open_image(folder / "input") as image:
            table = read_symbols(image)
    except ElfsymsError:
        return
    lief.logging.disable()
    binary = lief.ELF.parse(str(folder / "input"))
    if binary is None or len(binary.symtab_symbols) != len(table):
        return  # LIEF reads what it takes for the table by other rules: a damaged link, several tables
    for index, symbol in enumerate(binary.symtab_symbols):
        mine = (int(table.value[index]), int(table.size[index]))
        theirs = (symbol.value, symbol.size)
        expect(mine == theirs, f"symbol {index}: {mine} here, {theirs} by LIEF")


def cache_entry(folder: Path, data: bytes) -> None:
    """Whatever lies in the cache under a right hash, the outputs are those without a cache."""
    import hashlib  # noqa: PLC0415 (for this target alone)

    vmlinux, cache = folder / "vmlinux", folder / "cache"
    vmlinux.write_bytes(kernels()[11])
    arguments = [str(vmlinux), "-o", str(folder / "x.o"), "--cache", str(cache), "-q"]
    expect(run(arguments)[0] == 0, "the main job fails")
    right = (folder / "x.o").read_bytes()
    for entry in cache.glob("*.pass"):
        magic, _, rest = entry.read_bytes().partition(b"\n")
        body = rest[32:]
        place = data[0] * len(body) // 256
        forged = body[:place] + data[2:] + body[place + data[1] :]
        entry.write_bytes(magic + b"\n" + hashlib.sha256(forged).digest() + forged)
    expect(check_run(arguments) == 0, "a wrong entry makes the job fail")
    expect((folder / "x.o").read_bytes() == right, "a wrong entry changes the object")


def tree(folder: Path, data: bytes) -> None:
    """Read a hostile tree without harm: as the tree of a job, and by ``kbuild``."""
    (folder / "scripts").mkdir(exist_ok=True)
    (folder / "vmlinux").write_bytes(kernels()[11])
    parts = data.split(b"\0\0\0", 3) + [b""] * 4
    names = ("Makefile", "scripts/kallsyms.c", "scripts/mksysmap", "scripts/link-vmlinux.sh")
    for name, part in zip(names, parts, strict=False):
        (folder / name).write_bytes(part)
    check_run([str(folder / "vmlinux"), "--tree", str(folder), "-o", str(folder / "x.o"), "-q"])
    for word in ("status", "install", "remove"):
        check_run(["kbuild", word, str(folder)])


def script(reader: str) -> Callable[[Path, bytes], None]:
    """Return a check of a reader of a tree's script: it is understood, or an error with its line."""

    def check(folder: Path, data: bytes) -> None:
        from elfsyms.detect import generator, lister, mapscript  # noqa: PLC0415 (for these targets alone)
        from elfsyms.detect.sources import read_source  # noqa: PLC0415 (as above)

        readers: dict[str, Callable[[SourceFile], object]] = {
            "kallsyms.c": lambda source: generator.read_generator(source, (6, 12, 0, 0)),
            "kallsyms-sysmap.c": lister.read_lister,
            "mksysmap": mapscript.read_mksysmap,
        }
        (folder / "scripts").mkdir()
        (folder / "scripts" / reader).write_bytes(data)
        with suppress(ElfsymsError):
            readers[reader](read_source(folder, f"scripts/{reader}"))

    return check


def served(folder: Path, data: bytes) -> None:
    """Whatever comes through the pipe, the server answers a number a request and ends with it."""
    import elfsyms.kbuild.serve as server  # noqa: PLC0415 (for this target alone)

    answers = folder / "answers"
    (folder / "requests").write_bytes(data)
    vars(server)["keep_worker"] = lambda **_: None  # a child is not what is tested
    done: list[Sequence[str]] = []

    def pretend(arguments: Sequence[str]) -> int:
        done.append(arguments)
        return 0

    with (folder / "requests").open("rb", buffering=0) as asked, answers.open("wb", buffering=0) as answered:
        server.serve(asked, answered, pretend, os.getpid())
    expect(answers.read_bytes() == b"0\n" * len(done), "answers are not one a request")
    whole, _, _ = data.rpartition(b"\n\n")
    expect(len(done) <= whole.count(b"\n\n") + 1, "more jobs than requests")


def configuration(folder: Path, data: bytes) -> None:
    """Read a hostile configuration."""
    (folder / "vmlinux").write_bytes(kernels()[3])
    (folder / "config").write_bytes(data)
    check_run([str(folder / "vmlinux"), "--config", str(folder / "config"), "-o", str(folder / "x.S"), "-q"])


# A program in the place of elfsyms that writes down its words, asked by the hook or called by it.
FAKE = """#!/bin/sh
if [ "$1 $2" = "kbuild serve" ]; then
	while IFS= read -r word <&"$4"; do
		set -- kbuild serve "$3" "$4" "$5"
		while [ -n "$word" ]; do set -- "$@" "$word"; IFS= read -r word <&"$4" || exit; done
		(shift 5; printf '%s\\0' "$@" >> words)
		echo 0 >&"$5"
	done
	exit
fi
printf '%s\\0' "$@" >> words
"""
CALL = """
hook=$1; serves=$2; shift 2
set_words() { ELFSYMS=./program; . "$hook"; [ "$serves" = yes ] || elfsyms_serves=; }
words_of() { set_words x; elfsyms_do "$@"; }
words_of "$@"
"""


def hook(folder: Path, data: bytes) -> None:
    """Words of a build, whatever is in them, come to elfsyms as they are, and nothing in them is run."""
    import subprocess  # noqa: PLC0415 (for this target alone)

    from elfsyms.kbuild import hook_text  # noqa: PLC0415 (as above)

    words = data[:4000].split(b"\0")[:20] or [b""]
    (folder / "hook.sh").write_bytes(hook_text())
    (folder / "call.sh").write_text(CALL, encoding="ascii")
    program = folder / "program"
    program.write_text(FAKE, encoding="ascii")
    program.chmod(0o755)
    for serves in ("yes", "no"):
        log = folder / "words"
        log.unlink(missing_ok=True)
        command: list[str | bytes] = ["sh", "./call.sh", "./hook.sh", serves, *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=30)
        expect(done.returncode == 0, f"the hook left with {done.returncode}: {done.stderr[-300:]!r}")
        expect(log.read_bytes() == b"".join(word + b"\0" for word in words), f"served {serves}: other words")
    made = {path.name for path in folder.iterdir()} - {"hook.sh", "call.sh", "program", "words"}
    expect(not made, f"the hook made {made}")


LOG = (
    b"[    1.0] Kernel Offset: 0x1000000 from 0xffffffff81000000 (relocation range: ...)\n"
    b"RIP: 0010:helper+0x10/0x20\nCall Trace:\n <TASK>\n ? do_one+0x5/0x9 [mod]\n [<ffffffff81000010>] x\n"
    b" #0: ffff888100000000 (&lock){+.+.}-{3:3}, at: 0xffffffff81000020\nCode: 00 01 <0f> 0b\n"
)
STACK = b"RIP: 0010:first+0x4/0x20\nCall Trace:\n <TASK>\n" + b"".join(
    b" [<%016x>] ? x\n" % address
    for base in (0x201000, 0x401000, 0x1000000)
    for address in range(base, base + 256, 32)
)
NEEDS = (
    b"_text\nkprobe:schedule\nfentry:static_one\nftrace:in_a_list\nlivepatch:do_work.part.0\n# one\nabsent\n"
)
MAP = (
    b"0000000000000000 A fixed\nffffffff81000000 T _text\nffffffff81000010 t a\t[mod]\n                 U x\n"
)
CONFIG = b'CONFIG_64BIT=y\nCONFIG_SYMBOL_PREFIX="_"\n# CONFIG_X is not set\nCONFIG_PAGE_OFFSET=0xC0000000\n'
TREE = (
    b"VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 5\nEXTRAVERSION =\n\0\0\0"
    b'static int x(char *s) { if (strcmp(s, "_text")) return 1; }\n#define KSYM_NAME_LEN 512\n'
    b'static const char * const ignored_prefixes[] = { "$", ".L", NULL };\n\0\0\0'
    b"#!/bin/sh\n$NM -n $1 | grep -v '\\( [aNUw] \\)\\|\\( \\$\\)' > $2\n\0\0\0"
    b'#!/bin/sh\nset -e\ninfo()\n{\n\tprintf "%s" "$1"\n}\nvmlinux_link()\n{\n\t${LD} -o ${1}\n}\n'
    b"kallsyms()\n{\n\t:\n}\n"
)
BUILD = (
    b".tmp_vmlinux1\0-o\0x.o\0--nm\0llvm-nm -15\0--tree\0a b\0--config\0$(touch made)\0`touch made`\0*\0\0-n"
)
REQUESTS = b"vmlinux\n-o\nx.o\n\n--version\n\n\xff\xfe\n\n"
WORDS = (
    *(b"\n", b"\0", b"\0\0\0", b"\x1b[31m", b"\xff", b"'", b'"', b"\\", b"$(", b"`", b"<<EOF", b"(((("),
    *(
        b"[[:alpha:]]*",
        b"CONFIG_",
        b"=y",
        b"0x",
        b"f" * 16,
        b"9" * 20,
        b" T ",
        b"_text",
        b"+0x1/0x2",
        b"{",
        b"}",
    ),
    *(b"if (", b"strcmp(", b"#define ", b"#if 0\n", b"/*", b"*/", b"VERSION = ", b"/d; s/", b"\\(", b"\\|"),
    *(b"kprobe:", b"fentry:", b"first+0x4/0x20", b"Kernel Offset: ", b"[toy_one]"),
    b"A" * 5000,
)


def elf(seeds: Callable[[], Sequence[bytes]]) -> Callable[[Random], bytes]:
    """Return a maker of damaged files."""
    return lambda draw: mutate_elf(draw, seeds())


def text(*seeds: bytes, words: Sequence[bytes] = WORDS) -> Callable[[Random], bytes]:
    """Return a maker of damaged text."""
    return lambda draw: mutate_text(draw, seeds, words)


TARGETS: dict[str, Target] = {
    "main": Target(elf(kernels), main_job, share=2),
    "readers": Target(elf(kernels), two_readers, share=8),
    "empty": Target(elf(files), command("FILE", "--empty", "--release", "6.12", "-o", "-")),
    "json": Target(elf(files), command("FILE", "--json", "--stats")),
    "explain": Target(
        elf(kernels), command("explain", "FILE", "_text", "*a*", "0xffffffff81000010"), share=2
    ),
    "explain-json": Target(elf(kernels), command("explain", "FILE", "*", "--json"), share=2),
    "explain-all": Target(elf(kernels), command("explain", "FILE", "*a*", "--verbose", "--bytes"), share=2),
    "ledger": Target(elf(kernels), command("ledger", "FILE")),
    "list": Target(elf(kernels), command("list", "FILE")),
    "duplicates": Target(elf(kernels), command("list", "FILE", "--duplicates")),
    "list-where": Target(
        elf(kernels), command("list", "FILE", "--where", "letter=t", "--where", "ftrace=no")
    ),
    "decode": Target(elf(files), command("decode", "FILE"), share=8),
    "decode-json": Target(elf(files), command("decode", "FILE", "--json"), share=8),
    "verify": Target(elf(files), command("verify", "FILE", "--exact"), share=8),
    "diff": Target(elf(files), command("diff", "OTHER", "FILE"), share=2),
    "stats": Target(elf(kernels), command("stats", "FILE"), share=1),
    "report": Target(elf(kernels), command("report", "FILE", "-o", "-"), share=1),
    "fill": Target(elf(files), command("fill", "FILE")),
    "reserve": Target(elf(kernels), command("reserve", "FILE", "-o", "-"), share=1),
    "reserve-object": Target(elf(objects), command("reserve", "FILE", "-o", "-")),
    "symbolize": Target(elf(kernels), command("symbolize", "FILE"), share=8),
    "symbolize-log": Target(text(LOG), command("symbolize", "OTHER", stdin=True), "log"),
    "diff-map": Target(text(MAP), command("diff", "OTHER", "FILE"), "map", share=2),
    "verify-map": Target(text(MAP), command("verify", "OTHER", "FILE"), "map", share=8),
    "map": Target(text(MAP), command("list", "FILE"), "map", share=8),
    "map-explain": Target(text(MAP), command("explain", "FILE", "*", "--json"), "map", share=8),
    "map-duplicates": Target(text(MAP), command("list", "FILE", "--duplicates"), "map", share=8),
    "pasted": Target(text(LOG), command("explain", "OTHER", "--from", "FILE"), "log", share=2),
    "report-two": Target(elf(kernels), command("report", "OTHER", "FILE", "-o", "-"), share=1),
    "image": Target(image, command("decode", "FILE"), "image", share=4),
    "image-list": Target(image, command("list", "FILE"), "image", share=2),
    "image-elf": Target(image, written_elf, "image", share=2),
    "core": Target(core, command("decode", "FILE"), "core", share=2),
    "module": Target(module, module_of, "module", share=2),
    "export": Target(elf(kernels), exported, share=2),
    "atlas": Target(
        lambda draw: mutate_bytes(draw, draw.choice(_atlas_files())[1]), atlas, "Parquet file", share=8
    ),
    "dwarf": Target(debug, debug_information, share=2),
    "lines": Target(debug, lines_of, share=2),
    "check": Target(traced, checked),
    "tracing": Target(
        traced, command("list", "FILE", "--csv", "--columns", "name,kprobe,fentry,ftrace,livepatch")
    ),
    "tracing-explain": Target(traced, command("explain", "FILE", "*", "--json")),
    "room": Target(room, filled, share=1),
    "needs": Target(text(NEEDS), needs, "list of names", share=2),
    "config": Target(text(CONFIG), configuration, "configuration", share=2),
    "tree": Target(text(TREE), tree, "tree", share=2),
    "generator": Target(text(GENERATOR, words=TREE_WORDS), script("kallsyms.c"), "script of a tree"),
    "lister": Target(
        text(LISTER, words=TREE_WORDS), script("kallsyms-sysmap.c"), "script of a tree", share=8
    ),
    "map-script": Target(
        text(*MAP_SCRIPTS, words=TREE_WORDS), script("mksysmap"), "script of a tree", share=8
    ),
    "cache": Target(
        lambda draw: draw.randbytes(draw.choice((2, 3, 10, 40))), cache_entry, "cache entry", share=1
    ),
    "hook": Target(text(BUILD), hook, "words of a build", share=1),
    "server": Target(text(REQUESTS), served, "requests", share=8),
}
