#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
r"""Decode every boot image in the cache, alone, and compare with the System.map of the same build.

    scripts/prove_images.py                          # what scripts/fetch_images.py --with-map brought
    scripts/prove_images.py --fetch                  # first bring what Debian's suites still have
    scripts/prove_images.py --other kallsyms-finder  # beside vmlinux-to-elf's finder, where it was not asked yet
    scripts/prove_images.py --most 20                # only twenty of those left; the next run goes on
    scripts/prove_images.py --docs                   # write the tables of docs/images.md and docs/images-each.md

An image is right when each line that ``elfsyms decode`` prints, address, letter and name, is a line of System.map,
and when the lines of the map that it did not print are those that the rules of the kernel's own release drop.
(Before 6.1 the tables also have names that mksysmap keeps out of the map, ``.L*``: they are counted by its rules.)
The first needs none of elfsyms' code but the decoder. User-mode-linux comes without a map: there each exported
function must have the address that the kernel's own export tables (``__ksymtab``) say.

Times are CPU seconds (user and system) of whole processes. Results are kept in the cache, a line of JSON an
image; what was proved by the same version of the decoder's sources is not proved again, and the other decoder,
whose answer does not depend on these, is asked once. A run that is stopped is gone on with by the next.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from debian import DebianError, cache_folder
from exports import exported_addresses
from fetch_images import ARCHITECTURES, SUITES, fetch_images
from proofs import Proof, proofs_file, read_proofs, write_docs

from elfsyms.compare.verify import verify
from elfsyms.decode.opening import kernel_of_tables, open_kernel
from elfsyms.decode.recover import recover
from elfsyms.detect.request import Request
from elfsyms.errors import ElfsymsError
from elfsyms.image.kernel_file import open_kernel_file

CPU_LIMIT = 120  # seconds that another decoder may take
ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("unpack", "decode", "image")


def prove(image: Path, other: str | None) -> Proof:
    """Decode one image and compare it."""
    proof = Proof(image.parent.name, image.name, _decoder())
    lines, seconds, words = _run([sys.executable, "-m", "elfsyms", "decode", "--verbose", str(image)])
    proof = replace(proof, seconds=seconds, **_told(words))
    proof = replace(proof, symbols=len(lines))
    system_map = image.with_name("System.map-" + image.name.removeprefix("vmlinuz-"))
    verdict = _by_map(image, lines, system_map) if system_map.exists() else _by_exports(image, lines)
    proof = replace(proof, verdict=verdict if lines else words.splitlines()[-1] if words else "no answer")
    return replace(proof, **_other(other, image, lines)) if other else proof


def _run(command: list[str], cpu: int | None = None) -> tuple[list[bytes], float, str]:
    """Return lines, CPU seconds and standard error of a process, of whose CPU seconds there may be a limit."""
    command = command if cpu is None else ["prlimit", f"--cpu={cpu}", *command]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as error:
        process = subprocess.Popen(command, stdout=output, stderr=error, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        error.seek(0)
        words = error.read().decode("utf-8", "replace")
        if status not in (0, 1 << 8):  # 1: there are symbols, and a remark about their tables
            return [], usage.ru_utime + usage.ru_stime, words
        return output.read().splitlines(), usage.ru_utime + usage.ru_stime, words


def _told(words: str) -> dict[str, Any]:
    layers = re.search(r"the kernel is packed: (.+)", words)
    release = re.search(r"tables of release (\S+)", words)
    return {"layers": layers[1] if layers else "not packed", "release": release[1] if release else ""}


def _by_map(image: Path, lines: list[bytes], system_map: Path) -> str:
    """Compare with the map; where the lines count from ``_text``, once more with the address that the map tells."""
    known = Counter(_map_lines(system_map, narrow=lines[:1] != [] and lines[0].index(b" ") == 8))
    extra = _not_in(known, lines)
    if len(extra) <= len(set(lines)) // 2:
        return _by_rules(image, extra, system_map, None)
    at = _first_byte(lines, known)
    if at is None:
        return "the lines lie elsewhere, not all by one number"
    command = [sys.executable, "-m", "elfsyms", "decode", "--dump-at", f"{at:#x}", str(image)]
    verdict = _by_rules(image, _not_in(known, _run(command)[0]), system_map, at)
    return f"{verdict}, counted from its first byte" if verdict == "right" else verdict


def _not_in(known: Counter[bytes], lines: list[bytes]) -> Counter[bytes]:
    """Return the lines that the map has not; per-CPU numbers are A and a in tables, by ``--absolute-percpu``."""
    extra = Counter(lines) - known
    numbers = {_without_letter(line) for line in known}
    for line in [line for line in extra if line.split(b" ")[1] in b"aA"]:
        if _without_letter(line) in numbers:
            del extra[line]
    return extra


def _by_rules(image: Path, extra: Counter[bytes], system_map: Path, at: int | None) -> str:
    """Ask the rules of the release what of the map the tables lack, and what the map lacks of them."""
    try:
        with open_kernel_file(image) as file:
            if file.has_symbols:
                return _by_symbols(image)
            kernel = kernel_of_tables(recover(file, at=at), Request(), system_map)
            answer = verify(kernel)
    except ElfsymsError as error:
        return f"verify: {error}"
    if extra.total() != answer.unmapped:
        return f"{extra.total():,} lines are not in the map, as {next(iter(extra), b'').decode('latin-1')}"
    if answer.missing:
        return f"{len(answer.missing):,} of the map are missing, as {answer.missing[0]}"
    return "right" if answer.equal else f"verify: {answer.faults or answer}"[:300]


def _by_symbols(image: Path) -> str:
    with open_kernel(image, Request()) as kernel:
        return "right" if verify(kernel).equal else f"verify: {verify(kernel)}"[:300]


def _map_lines(system_map: Path, *, narrow: bool) -> list[bytes]:
    """Return the lines; nm extends the sign of 32-bit MIPS addresses, which the kernel prints in eight digits."""
    lines = system_map.read_bytes().splitlines()
    return (
        [line.removeprefix(b"ffffffff") if line.index(b" ") == 16 else line for line in lines]
        if narrow
        else lines
    )


def _without_letter(line: bytes) -> tuple[bytes, bytes]:
    address, _, name = line.split(b" ", 2)
    return address, name


def _first_byte(lines: list[bytes], known: Counter[bytes]) -> int | None:
    """Return by which number all lines differ from the map's; they count from ``_text``, or the first symbol."""
    theirs = {name: int(address, 16) for address, name in map(_without_letter, known)}
    mine = [(int(address, 16), name) for address, name in map(_without_letter, lines)]
    distances = Counter(theirs[name] - address for address, name in mine if name in theirs)
    (distance, count), *_ = distances.most_common(1) or [(0, 0)]
    return distance if count > len(mine) // 2 else None


def _by_exports(image: Path, lines: list[bytes]) -> str:
    """Compare with the addresses in the export tables of an ELF file without symbols."""
    known = defaultdict(set)
    for line in lines:
        address, _, name = line.split(b" ", 2)
        known[name].add(int(address, 16))
    exported = exported_addresses(image)
    there = [name for name in exported if name in known]  # data is not, without CONFIG_KALLSYMS_ALL
    wrong = [name for name in there if exported[name] not in known[name]]
    if 2 * len(there) < len(exported) or not exported:
        return "nothing to compare with"
    return f"{len(wrong)} of {len(there)} exports elsewhere, as {wrong[0]!r}" if wrong else "right"


def _other(program: str, image: Path, lines: list[bytes]) -> dict[str, Any]:
    """Ask vmlinux-to-elf's finder about the same file."""
    found, seconds, words = _run([program, str(image)], CPU_LIMIT)
    shown = {line for line in found if re.match(rb"[0-9a-f]{8,16} \S \S", line)}
    if not shown:
        last = (words.strip().splitlines() or ["no answer"])[-1]
        verdict = f"no answer in {CPU_LIMIT} s" if seconds >= CPU_LIMIT - 1 else f"failed: {last[:80]}"
    else:
        mine = {(int(a, 16), n) for a, _, n in (line.split(b" ", 2) for line in lines)}
        theirs = {(int(a, 16), n) for a, _, n in (line.split(b" ", 2) for line in shown)}
        names = {name for _, name in mine} == {name for _, name in theirs}
        verdict = "right" if mine == theirs else "other addresses" if names else "other names"
    return {"other": verdict, "other_seconds": seconds}


def _decoder() -> str:
    """Return a digest of the sources that decide: whole packages, for what is imported late decides as well."""
    paths = sorted(path for name in SOURCES for path in (ROOT / "elfsyms" / name).glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:12]


def newest_images(match: str) -> list[Path]:
    """Return the images of the cache that have something to compare with, one of each kind first."""
    found = [
        path
        for path in (cache_folder() / "images").glob("*/vmlinuz-*")
        if (
            path.with_name("System.map-" + path.name.removeprefix("vmlinuz-")).exists()
            or "-linux_" in path.name
        )
        and re.search(match, f"{path.parent.name}/{path.name}")
    ]
    found.sort(key=_version, reverse=True)
    seen: Counter[tuple[str, str, str]] = Counter()
    ranked = []
    for path in found:
        kind = Proof(path.parent.name, path.name, "").kind
        ranked.append((seen[kind], path))
        seen[kind] += 1
    return [path for _, path in sorted(ranked, key=lambda pair: pair[0])]


def _version(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path.name.partition("_")[2])]


def _fetch() -> None:
    """Bring everything that is still there, and say what is not."""
    for suite in SUITES:
        for architecture in ARCHITECTURES:
            try:
                for path in fetch_images(suite, architecture, ".", 1000, with_map=True):
                    print(path, flush=True)
            except DebianError as error:
                print(f"prove_images: {error}", file=sys.stderr)


def _prove_all(paths: list[Path], other: str | None, most: int) -> int:
    known, decoder, wrong = read_proofs(), _decoder(), 0
    with proofs_file().open("a", encoding="utf-8") as results:
        for path in paths:
            before = known.get((path.parent.name, path.name))
            proved = before if before and before.decoder == decoder else None
            ask = None if before and before.other else other
            if proved and not ask:
                continue
            if not most:
                break
            most -= 1
            proof = _beside(path, proved, ask) if proved and ask else prove(path, ask)
            if before and not proof.other:
                proof = replace(proof, other=before.other, other_seconds=before.other_seconds)
            results.write(json.dumps(asdict(proof)) + "\n")
            results.flush()
            wrong += not proof.verdict.startswith("right")
            print(_line(path, proof), flush=True)
    return 1 if wrong else 0


def _beside(path: Path, before: Proof, other: str) -> Proof:
    """Ask the other decoder alone: what was proved stays as it was, by the sources that it was proved by."""
    lines, _, _ = _run([sys.executable, "-m", "elfsyms", "decode", str(path)])
    return replace(before, **_other(other, path, lines))


def _line(path: Path, proof: Proof) -> str:
    beside = f"; vmlinux-to-elf {proof.other} in {proof.other_seconds:.1f} s" if proof.other else ""
    return (
        f"{proof.verdict:8} {path.parent.name}/{path.name}: {proof.layers}, {proof.symbols:,} symbols, "
        f"{proof.seconds:.2f} s{beside}"
    )


def main() -> int:
    """Prove what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fetch", action="store_true", help="first bring what Debian's suites have")
    parser.add_argument("--match", default=".", metavar="REGEX", help="part of ARCHITECTURE/IMAGE")
    parser.add_argument("--other", metavar="PROGRAM", help="vmlinux-to-elf's kallsyms-finder")
    parser.add_argument("--most", type=int, default=-1, metavar="N", help="stop after so many images")
    parser.add_argument("--docs", action="store_true", help="write the tables of the docs, and prove nothing")
    arguments = parser.parse_args()
    if arguments.fetch:
        _fetch()
    if not arguments.docs:
        return _prove_all(newest_images(arguments.match), arguments.other, arguments.most)
    return write_docs(list(read_proofs().values()), _decoder())


if __name__ == "__main__":
    sys.exit(main())
