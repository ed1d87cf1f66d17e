# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job: from a kernel's file to the tables of its next link.

:func:`build` is all of it, for other programs; the command line makes everything (:func:`make`), finds what there
is to say of it, and then writes. So an error leaves all files as they were, whatever it is about. The object is
composed by a process of its own (``object_worker.py``), which must start before numpy is imported; meanwhile the
map is made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from elfsyms.errors import InputError, UsageError
from elfsyms.writers.object_worker import ObjectMaker
from elfsyms.writers.output import check_different

if TYPE_CHECKING:
    from collections.abc import Callable

    from elfsyms.detect.request import Findings
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.staging import Data

__all__ = ["Format", "Made", "assembly_of", "build", "check_anchor", "make", "object_of", "output_format"]

Format = Literal["o", "S"]
_SUFFIXES: dict[str, Format] = {".o": "o", ".S": "S", ".s": "S"}


@dataclass(frozen=True, slots=True)
class Made:
    """The outputs of a kernel, made and not yet written; the kernel is closed, for what it can tell."""

    kernel: Kernel
    outputs: tuple[tuple[str | Path, Data], ...]


def build(file: str | Path, output: str | Path | None = None, **request: Any) -> Kernel:
    """Write the tables of a kernel as an object (``.o``) or assembly (``.S``), and its ``System.map``.

    Arguments as for :func:`make`. Returns the kernel, closed, for what it can tell. Raises what ``make`` does, and
    :class:`OutputError`; existing files are then as they were.
    """
    made = make(file, output, **request)
    from elfsyms.writers.output import write_outputs  # noqa: PLC0415 (not before the fork)

    write_outputs(made.outputs)
    return made.kernel


def make(
    file: str | Path,
    output: str | Path | None = None,
    *,
    system_map: str | Path | None = None,
    form: str | None = None,
    empty: bool = False,
    cache: str | Path | None = None,
    on_findings: Callable[[Findings], None] | None = None,
    **request: Any,
) -> Made:
    """Make the tables of a kernel as an object (``.o``) or assembly (``.S``), and its ``System.map``.

    ``form`` (``"o"`` or ``"S"``) says which, whatever ``output`` ends in; ``-`` is standard output. ``empty``
    makes the table of no symbols that a first link needs. ``cache`` is a folder that remembers names from one
    link pass to the next. ``on_findings`` is called once release and options are found, before anything is
    made. Other keyword arguments are those of :func:`elfsyms.pipeline.kernel.load`.

    Raises what ``load`` does, :class:`UsageError` for outputs that do not go together, and :class:`EncodeError`.
    """
    chosen = output_format(output, form)
    check_different({"FILE": file, "-o": output, "--system-map": system_map})
    wants_object = output is not None and chosen == "o"
    maker = ObjectMaker(wait=_is_used(cache)) if wants_object else None  # before numpy starts threads
    try:
        kernel = _open(file, request, cache, empty=empty)
        with kernel:
            if on_findings is not None:
                on_findings(kernel.findings)
            kernel.forget_listing()
            return Made(kernel, _outputs(kernel, output, system_map, maker))
    finally:
        if maker:
            maker.close()


def output_format(output: str | Path | None, form: str | None) -> Format:
    """Return what to write: as asked for, or as the output's name ends; assembly to standard output.

    Raises :class:`UsageError` where neither tells.
    """
    if form is not None:
        if form not in get_args(Format):
            raise UsageError(f"--format is o (an object) or S (assembly), not {form!r}")
        return "o" if form == "o" else "S"
    if output is None or output == "-":
        return "S"
    suffix = Path(output).suffix
    if suffix not in _SUFFIXES:
        raise UsageError(f"{output} ends neither in .o nor in .S: say which with --format o or --format S")
    return _SUFFIXES[suffix]


def assembly_of(kernel: Kernel) -> bytes:
    """Return a kernel's tables as its release's generator prints them."""
    from elfsyms.writers.assembly import assembly_text  # noqa: PLC0415 (numpy; not before the fork)

    return assembly_text(kernel.tables)


def object_of(kernel: Kernel) -> bytes:
    """Return a kernel's tables as a relocatable object for its next link."""
    from elfsyms.writers.object import write_object  # noqa: PLC0415 (LIEF takes half a second)

    return write_object(kernel.layout)


def check_anchor(kernel: Kernel) -> None:
    """Raise :class:`InputError` where the tables refer to a ``_text`` that the file does not define.

    A kernel of no symbols lends no more than its ABI, and nothing is asked of it.
    """
    if kernel.release.text_anchor == "none" or len(kernel.symbols) <= 1:
        return
    anchors = {b"_text", kernel.options.symbol_prefix + b"_text"}
    if all(kernel.symbols.address_of(name) is None for name in anchors):
        raise InputError(
            f"{kernel.image.path} defines no _text, which the tables of {kernel.release.name} are relative "
            "to: give a linked kernel, whose linker script defines it"
        )


def _is_used(cache: str | Path | None) -> bool:
    """Tell whether a cache has entries, so that it may spare LIEF."""
    if cache is None:
        return False
    from elfsyms.pipeline.cache import has_entries  # noqa: PLC0415 (not without a cache)

    return has_entries(cache)


def _open(
    file: str | Path,
    request: dict[str, Any],
    cache: str | Path | None,
    *,
    empty: bool,
) -> Kernel:
    from elfsyms.detect.request import Request  # noqa: PLC0415 (not before the fork)
    from elfsyms.pipeline.kernel import empty_kernel, load_with  # noqa: PLC0415 (numpy; not before the fork)

    kernel = (empty_kernel if empty else load_with)(file, Request(**request))
    if cache is not None:
        from elfsyms.pipeline.cache import PassCache  # noqa: PLC0415 (as above)

        kernel.cache = PassCache(cache)
    return kernel


def _outputs(
    kernel: Kernel, output: str | Path | None, system_map: str | Path | None, maker: ObjectMaker | None
) -> tuple[tuple[str | Path, Data], ...]:
    """Make each output. The object, or assembly, is the last: where it is new, the others are."""
    parts: list[tuple[str | Path, Data]] = []
    if output is not None:
        check_anchor(kernel)
    text = kernel.system_map_beside() if system_map is not None else None
    if maker:
        maker.order(kernel.layout, kernel.cache)
        kernel.forget_layout()
    if system_map is not None and text is not None:
        parts.append((system_map, text()))
    if output is not None:
        parts.append((output, maker.fetch() if maker else assembly_of(kernel)))
    return tuple(parts)
