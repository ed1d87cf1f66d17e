# SPDX-License-Identifier: GPL-2.0-or-later
"""Remember the compressed names of one link pass for the next.

A kernel's link makes the table two or three times over the same names at other addresses, and what the names
compress to depends on nothing but the names. An entry holds the codes, the tokens and the name order, under a hash
of everything they follow from: the names with their letters in table order, the algorithm, the cut of LTO names,
and the version of this package. So an entry is right or is not found; there is nothing in between. The frame of the
object is kept likewise (``writers/frames.py``).

Entries are files of their own, written beside and renamed, so that builds that share a folder cannot see half of
one. Each carries a hash of its contents: a truncated or damaged one counts as absent. The oldest go when there are
more than :data:`MOST`. A folder that cannot be used is no error: the names are then compressed anew, and
:attr:`PassCache.trouble` says why.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elfsyms._version import __version__
from elfsyms.pipeline.compress import Compressed

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["MOST", "NameTables", "PassCache"]

MOST = 16  # entries: names, 5 MB for a whole distribution's kernel, and frames of 1.5 kB
_MAGIC = b"elfsyms pass 2\n"
_DIGEST = 32

NameTables = tuple[Compressed, "NDArray[np.int64]"]
"""The compressed names, and the places of the symbols in the order of their names."""


class PassCache:
    """A folder of entries, each of a kind and found by what it follows from."""

    def __init__(self, folder: str | Path, missed: Callable[[], None] = lambda: None) -> None:
        """Use a folder; it is made when there is something to keep. ``missed`` is told of names not found."""
        self.folder = Path(folder)
        self.missed = missed
        self.trouble = ""  # why nothing could be kept

    def recall(
        self, material: NDArray[np.uint8], settings: tuple[object, ...], make: Callable[[], NameTables]
    ) -> NameTables:
        """Return what ``make`` makes of ``material`` under ``settings``, from the folder if it is there."""
        found = self.find("names", repr(settings).encode(), material.data)
        if found is not None:
            return _unpack(memoryview(found))
        self.missed()
        tables = make()
        self.keep("names", repr(settings).encode(), _pack(tables), material.data)
        return tables

    def find(self, kind: str, *source: bytes | memoryview) -> bytes | None:
        """Return the entry that follows from a source, or None where there is no whole one."""
        path = self._path(kind, source)
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        body = data[len(_MAGIC) + _DIGEST :]
        digest = data[len(_MAGIC) : len(_MAGIC) + _DIGEST]
        whole = data.startswith(_MAGIC) and hashlib.sha256(body).digest() == digest
        return body if whole else None

    def keep(self, kind: str, description: bytes, body: bytes, *source: bytes | memoryview) -> None:
        """Keep an entry under what it follows from; a folder that cannot be used is passed over."""
        path = self._path(kind, (description, *source))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(path, _MAGIC + hashlib.sha256(body).digest() + body)
            self._forget()
        except OSError as error:
            self.trouble = f"nothing can be kept in the cache {self.folder}: {error.strerror}"

    def _path(self, kind: str, source: tuple[bytes | memoryview, ...]) -> Path:
        digest = hashlib.sha256(f"{__version__} {kind}".encode())
        for part in source:
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
        return self.folder / f"{digest.hexdigest()}.pass"

    def _write(self, path: Path, data: bytes) -> None:
        handle, name = tempfile.mkstemp(prefix=".new-", dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _forget(self) -> None:
        """Remove all but the newest entries."""
        entries = sorted(self.folder.glob("*.pass"), key=_age)
        for path in entries[:-MOST]:
            path.unlink(missing_ok=True)


def _age(path: Path) -> float:
    """Return when an entry was last used; another build may have removed it meanwhile."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _pack(tables: NameTables) -> bytes:
    compressed, sequences = tables
    facts = {
        "codes": len(compressed.codes),
        "symbols": len(compressed.sizes),
        "sequences": len(sequences),
        "tokens": [token.hex() for token in compressed.tokens],
        "pairs": compressed.pairs,
    }
    head = json.dumps(facts).encode() + b"\n"
    sizes, order = compressed.sizes.astype("<u4"), sequences.astype("<u4")
    return b"".join([head, compressed.codes.tobytes(), sizes.tobytes(), order.tobytes()])


def _unpack(body: memoryview) -> NameTables:
    end = bytes(body[: 1 << 16]).index(b"\n") + 1
    facts = json.loads(bytes(body[:end]))
    codes = np.frombuffer(body, np.uint8, facts["codes"], end)
    numbers = np.frombuffer(body[end + len(codes) :], "<u4").astype(np.int64)
    compressed = Compressed(
        codes=codes,
        sizes=numbers[: facts["symbols"]],
        tokens=tuple(bytes.fromhex(token) for token in facts["tokens"]),
        pairs=tuple((code, first, second) for code, first, second in facts["pairs"]),
    )
    return compressed, numbers[facts["symbols"] :]
