# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be compared: symbols of a vmlinux, a map, a kallsyms object, all in one form.

A :class:`Source` is recognised by its content, never by its name. A vmlinux gives three views of itself, so
that it can stand beside any other: the lines of ``nm -n`` (what a link pass really contains, thunks
included), those of its ``System.map``, and the records of its tables. A map, or the text of
``/proc/kallsyms``, gives its lines, modules set aside; an object gives what its tables decode to.

Kernels in boot images, and stripped ones, have the symbols of their tables.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from elfsyms.detect.banner import kernel_name, read_banner
from elfsyms.detect.request import Request
from elfsyms.errors import InputError, UsageError
from elfsyms.files import open_input
from elfsyms.image.elf import open_image
from elfsyms.image.mapfile import read_map
from elfsyms.image.records import CODE_LETTERS
from elfsyms.image.symbols import STT_FUNC, STT_GNU_IFUNC
from elfsyms.pipeline.filters import KEPT, generate
from elfsyms.pipeline.kernel import Kernel
from elfsyms.pipeline.order import table_order
from elfsyms.releases.format_history import find_release
from elfsyms.releases.options import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from elfsyms.image.records import Records
    from elfsyms.releases.format_history import Release

__all__ = [
    "Level",
    "Source",
    "alike",
    "code_letters",
    "kernel_source",
    "read_sources",
]

Level = Literal["listing", "map", "tables"]
_START = 1 << 14  # bytes of a file that tell a text from an image


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Symbols to compare, and what is known about each.

    ``records`` are in the order of their addresses; ``rule`` (int16, one a record) is the index in ``RULES``
    of what keeps it out of the tables, or ``KEPT``; ``function`` (bool) is what ELF says of it, or where
    nothing else tells, the letter: a data section may be executable, and its letter then is that of code.
    ``bits`` is 32 where addresses wrap around there. ``banner`` is empty where the file has none.
    """

    path: str
    kind: Literal["vmlinux", "map", "object"]
    title: str  # the release, where it is known, else the file's name
    records: Records
    rule: NDArray[np.int16]
    function: NDArray[np.bool_]
    bits: int = 64
    banner: bytes = b""
    modules: int = 0
    kernel: Kernel | None = None

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which records the tables hold; all, where nothing tells."""
        return np.asarray(self.rule == KEPT)

    def close(self) -> None:
        """Close the file of a vmlinux."""
        if self.kernel is not None:
            self.kernel.image.close()

    def at(self, level: Level) -> Source:
        """Return the view of a vmlinux that stands beside maps or tables; other sources have one view."""
        return self if self.kernel is None else kernel_source(self.kernel, level)


def kernel_source(kernel: Kernel, level: Level) -> Source:
    """Return one view of a kernel."""
    lines, verdicts = kernel.listing.lines, kernel.verdicts
    if level == "tables":
        records = kernel.ordered.records
    else:
        shown = level == "listing" or verdicts.map_rule[lines.symbol] == KEPT
        records = lines.take(lines.defined & shown)
    banner = read_banner(kernel.image, kernel.symbols) or b""
    return Source(
        path=str(kernel.image.path),
        kind="vmlinux",
        title=_title(banner, kernel),
        records=records,
        rule=verdicts.rule[records.symbol],
        function=np.isin(kernel.symbols.type[records.symbol], (STT_FUNC, STT_GNU_IFUNC)),
        bits=kernel.image.abi.bits,
        banner=banner,
        kernel=kernel,
    )


def alike(sources: Sequence[Source]) -> list[Source]:
    """Give passes of one build the options of the last: an early pass has no tables that would tell them."""
    last = sources[-1]
    if last.kernel is None or len({source.banner for source in sources}) > 1:
        return list(sources)
    return [_with_options(source, last.kernel) for source in sources]


def _with_options(source: Source, model: Kernel) -> Source:
    kernel = source.kernel
    if kernel is None or (kernel.release, kernel.options) == (model.release, model.options):
        return source
    request = kernel.request.changed(release=model.release.name, **model.options.values())
    return kernel_source(Kernel(kernel.image, request), "listing")


def _title(banner: bytes, kernel: Kernel) -> str:
    """Return the release as ``uname -r`` says it, else as it was found."""
    return kernel_name(banner) or kernel.release.name


def read_sources(given: Sequence[Kernel | str | Path], request: Request | None = None) -> list[Source]:
    """Read files of any kind, or take kernels that are open.

    An object, which knows neither its release nor ``_text``, asks the others.

    Raises :class:`InputError` for what is no source, :class:`UsageError` for objects alone without a release.
    """
    request = request or Request()
    with ExitStack() as opened:  # closed where another of them cannot be read
        found: list[Source | None] = []
        for one in given:
            if isinstance(one, Kernel):
                found.append(kernel_source(one, "listing"))
            else:
                found.append(source := _read(Path(one), request))
                if source is not None:
                    opened.callback(source.close)
        sources = _with_objects(found, given, request)
        opened.pop_all()
    return sources


def _with_objects(
    found: Sequence[Source | None], given: Sequence[Kernel | str | Path], request: Request
) -> list[Source]:
    """Read the objects, whose turn comes when the others are known."""
    known = [source for source in found if source is not None]
    sources = [
        source or _object_source(Path(str(path)), _release(known, request, str(path)), _text_of(known))
        for source, path in zip(found, given, strict=True)
    ]
    objects = [source for source in sources if source.kind == "object"]
    if not objects:
        return sources
    release = _release(known, request, objects[0].path)
    return [_beside_object(source, len(objects[0].records), release) for source in sources]


def _beside_object(source: Source, count: int, release: Release) -> Source:
    """Turn a map into what the generator keeps of it, where an object of ``count`` symbols stands beside it.

    A map does not tell the options; those that keep as many symbols as the object has are taken, else the nearest.
    A map of that many symbols already is what a running kernel shows, and stays.
    """
    if source.kind != "map" or len(source.records) == count:
        return source
    flags = [(every, percpu) for every in (True, False) for percpu in (True, False)]
    choices = [
        Options(all_symbols=every, absolute_percpu=percpu)
        for every, percpu in flags
        if release.knows("--absolute-percpu") or not percpu
    ]
    kept = [_generated(source.records, release, options) for options in choices]
    records = min(kept, key=lambda records: abs(len(records) - count))
    rule = np.full(len(records), KEPT, np.int16)
    return replace(source, records=records, rule=rule, function=code_letters(records))


def _generated(records: Records, release: Release, options: Options) -> Records:
    """Return the records that the generator keeps of a map, in table order."""
    listed = records.take(records.defined)
    numbered = replace(listed, symbol=np.arange(len(listed)))
    kept, _, _ = generate(np.full(len(listed), KEPT, np.int16), numbered, release, options)
    return kept.take(table_order(kept, release))


def _read(path: Path, request: Request) -> Source | None:
    """Read a vmlinux or a map; None stands for an object, whose turn comes later."""
    try:
        with open_input(path) as stream:
            magic = stream.read(4)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if magic != b"\x7fELF":
        return _map_source(path) if _is_text(path) else _image_source(path, request)
    with open_image(path) as image:
        if image.file_type == "a relocatable object":
            return None
    return _image_source(path, request)


def _is_text(path: Path) -> bool:
    """Tell whether a file begins as text does, and no boot image: without zeros, or not at all."""
    with open_input(path) as stream:
        return b"\0" not in stream.read(_START)


def _image_source(path: Path, request: Request) -> Source:
    from elfsyms.decode.opening import open_kernel  # noqa: PLC0415 (only kernels need it)

    return kernel_source(open_kernel(path, request), "listing")


def _map_source(path: Path) -> Source:
    lines = read_map(path)
    return Source(
        path=str(path),
        kind="map",
        title=path.name,
        records=lines.records,
        rule=np.full(len(lines.records), KEPT, np.int16),
        function=code_letters(lines.records),
        bits=lines.bits,
        modules=lines.modules,
    )


def _object_source(path: Path, release: Release, text: int | None) -> Source:
    from elfsyms.decode.decode import decode_file  # noqa: PLC0415 (only objects need it)

    decoded = decode_file(path, release, text=text)
    records, rule = decoded.records(), np.full(len(decoded), KEPT, np.int16)
    return Source(str(path), "object", path.name, records, rule, code_letters(records), decoded.abi.bits)


def code_letters(records: Records) -> NDArray[np.bool_]:
    """Mark the records whose letter is that of code."""
    return np.isin(records.letter, list(CODE_LETTERS.encode()))


def _release(known: Sequence[Source], request: Request, path: str | Path) -> Release:
    if request.release:
        return find_release(request.release)
    kernels = [source.kernel for source in known if source.kernel is not None]
    if not kernels:
        raise UsageError(
            f"{path} is an object, which does not tell its release: give it, as in --release 6.12"
        )
    return kernels[0].release


def _text_of(known: Sequence[Source]) -> int | None:
    """Return the address of ``_text`` in the first source that has one."""
    for source in known:
        indices = [i for i, name in enumerate(source.records.names()) if name == b"_text"]
        if indices:
            return int(source.records.address[indices[0]])
    return None
