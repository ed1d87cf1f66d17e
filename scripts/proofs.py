# SPDX-License-Identifier: GPL-2.0-or-later
"""What came of decoding Debian's images: a line of JSON an image in the cache, and the tables of the docs.

Leaves out the proving (``prove_images.py``).
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from debian import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Proof", "proofs_file", "read_proofs", "write_docs"]

DOCS = Path(__file__).resolve().parents[1] / "docs"


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of one image."""

    architecture: str
    image: str
    decoder: str  # digest of the sources
    layers: str = ""
    release: str = ""
    symbols: int = 0
    verdict: str = ""  # right, or what is wrong
    seconds: float = 0.0
    other: str = ""  # what vmlinux-to-elf made of it
    other_seconds: float = 0.0

    @property
    def kind(self) -> tuple[str, str, str]:
        """Architecture, series and flavour: ``("amd64", "6.12", "cloud-amd64")``."""
        kernel, _, version = self.image.removeprefix("vmlinuz-").partition("_")
        series = re.match(r"\d+\.\d+", version)
        flavour = re.sub(r"^[\d.]+(-0\.deb\d+\.\d+|-\d+|\+deb[\d.]+|-rc\d+)*-?", "", kernel)
        return self.architecture, series[0] if series else version, flavour


def proofs_file() -> Path:
    """Return where the lines are kept."""
    return cache_folder() / "images" / "proved.jsonl"


def read_proofs() -> dict[tuple[str, str], Proof]:
    """Return the last result of each image."""
    if not proofs_file().exists():
        return {}
    rows = map(_read, proofs_file().read_text(encoding="utf-8").splitlines())
    return {(proof.architecture, proof.image): proof for proof in rows}


def _read(line: str) -> Proof:
    known = {field.name for field in fields(Proof)}
    return Proof(**{name: value for name, value in json.loads(line).items() if name in known})


def write_docs(proofs: list[Proof], decoder: str) -> int:
    """Put the tables in their places, and say how much of them other sources proved; 1 if any."""
    page, each = DOCS / "images.md", DOCS / "images-each.md"
    for path, table in ((page, _table(proofs)), (each, _each(proofs))):
        text = re.sub(r"(?:^\|.*\n?)+\Z", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        path.write_text("\n".join([text.rstrip("\n"), "", *table, ""]), encoding="utf-8")
    older = sum(proof.decoder != decoder for proof in proofs)
    alone = sum(not proof.other for proof in proofs)
    print(
        f"{len(proofs)} images; {older} proved by other sources, of {alone} the other decoder was not asked"
    )
    return int(bool(older))


def _table(proofs: Iterable[Proof]) -> Iterator[str]:
    """Yield the table in Markdown: a line for each architecture and series; seconds are medians."""
    rows: dict[tuple[str, str], list[Proof]] = defaultdict(list)
    for proof in proofs:
        architecture, series, _ = proof.kind
        rows[architecture, series].append(proof)
    yield "| architecture | series | packed as | images | right | symbols | CPU s | vmlinux-to-elf | its CPU s |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for architecture, series in sorted(rows, key=lambda row: (row[0], _numbers(row[1]))):
        mine = rows[architecture, series]
        layers = ", ".join(sorted({_layers(proof) for proof in mine}))
        yield f"| {architecture} | {series} | {layers} | {_sums(mine)} |"
    yield f"| all | | | {_sums([proof for mine in rows.values() for proof in mine])} |"


def _layers(proof: Proof) -> str:
    return re.sub(r" at byte [\d,]+", "", proof.layers)


def _sums(proofs: list[Proof]) -> str:
    """Return the columns of numbers of some proofs."""
    right = sum(proof.verdict.startswith("right") for proof in proofs)
    most = max(proof.symbols for proof in proofs)
    others = Counter(_answer(proof) for proof in proofs if proof.other)
    answers = ", ".join(f"{count} {answer}" for answer, count in others.most_common())
    times = [proof.other_seconds for proof in proofs if proof.other]
    theirs = f"{median(times):.1f}" if times else ""
    seconds = median(proof.seconds for proof in proofs)
    return f"{len(proofs)} | {right} | {most:,} | {seconds:.2f} | {answers} | {theirs}"


def _answer(proof: Proof) -> str:
    """Return what the other decoder's answer was, without why it failed."""
    return proof.other.partition(":")[0]


def _each(proofs: Iterable[Proof]) -> Iterator[str]:
    """Yield a line in Markdown for each image."""
    yield "| architecture | image | packed as | symbols | elfsyms | CPU s | vmlinux-to-elf | its CPU s |"
    yield "|---|---|---|---|---|---|---|---|"
    for proof in sorted(proofs, key=lambda proof: (proof.architecture, _numbers(proof.kind[1]), proof.image)):
        name = proof.image.removeprefix("vmlinuz-").partition("_")[0]
        theirs = f"{_answer(proof)} | {proof.other_seconds:.1f}" if proof.other else " | "
        yield (
            f"| {proof.architecture} | {name} | {_layers(proof)} | {proof.symbols:,} | {proof.verdict} | "
            f"{proof.seconds:.2f} | {theirs} |"
        )


def _numbers(series: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", series)]
