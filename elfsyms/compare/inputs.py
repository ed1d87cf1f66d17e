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
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.compare.sources import Source, code_letters, kernel_source
from elfsyms.detect.request import Request
from elfsyms.errors import InputError, NotThereError, UsageError
from elfsyms.files import open_input, reading
from elfsyms.image.elf import RELOCATABLE, open_image
from elfsyms.image.mapfile import read_map
from elfsyms.pipeline.filters import KEPT, generate
from elfsyms.pipeline.kernel import Kernel
from elfsyms.pipeline.order import table_order
from elfsyms.releases.format_history import find_release
from elfsyms.releases.options import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.image.records import Records
    from elfsyms.releases.format_history import Release

__all__ = ["read_sources"]

_START = 1 << 14  # bytes of a file that tell a text from an image


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
    with reading(path), open_input(path) as stream:
        magic = stream.read(4)
    if magic != b"\x7fELF":
        return _map_source(path) if _is_text(path) else _image_source(path, request)
    with open_image(path) as image:
        if image.file_type == RELOCATABLE:
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

    try:
        decoded = decode_file(path, release, text=text)
    except NotThereError:
        raise InputError(
            f"{path} is an object without tables of symbols, as modules are: give a vmlinux, or the object that "
            "was linked into it (.tmp_vmlinux2.kallsyms.o)"
        ) from None
    records, rule = decoded.records(), np.full(len(decoded), KEPT, np.int16)
    return Source(str(path), "object", path.name, records, rule, code_letters(records), decoded.abi.bits)


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
