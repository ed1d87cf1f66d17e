# SPDX-License-Identifier: GPL-2.0-or-later
"""The pipeline, as one object: a kernel, from its file to its tables.

    vmlinux ─ elf ─> Image ─ symbols ─> SymbolTable ─ listing ─> Listing ─ filters ─> Verdicts
            ─ order, compress, tables ─> Tables ─ layout ─> Layout ─ writers ─> .o | .S | System.map

Each property is a step of it, made when it is first asked for. :func:`load` is how to get one.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from elfsyms.detect.detect import Findings, Request, detect, detect_empty, find_nm
from elfsyms.errors import InputError
from elfsyms.image.elf import RELOCATABLE, Image, open_image
from elfsyms.image.listing import Listing, list_symbols
from elfsyms.image.nm_text import map_text
from elfsyms.image.records import Records
from elfsyms.image.symbols import SymbolTable, no_symbols, read_symbols, values_depend_on_nm
from elfsyms.pipeline.addresses import OutOfRangeError
from elfsyms.pipeline.filters import Verdicts, judge
from elfsyms.pipeline.tables import Tables, make_tables

if TYPE_CHECKING:
    from types import TracebackType

    from elfsyms.compare.verify import Verification
    from elfsyms.image.nm import Nm
    from elfsyms.inspect.explanation import Explanation
    from elfsyms.inspect.ledger import Ledger
    from elfsyms.inspect.size import Cost
    from elfsyms.pipeline.cache import PassCache
    from elfsyms.pipeline.layout import Layout
    from elfsyms.releases.options import Options
    from elfsyms.releases.traits import Release

__all__ = ["Kernel", "build", "empty_kernel", "load", "load_with"]


class Kernel:
    """A kernel image with its symbols and everything that follows from them. Close it, or use ``with``."""

    def __init__(self, image: Image, request: Request, cache: PassCache | None = None) -> None:
        """Wrap an open image; :func:`load` opens one. ``cache`` remembers names between link passes."""
        self.image = image
        self.request = request
        self.cache = cache

    def __enter__(self) -> Self:
        """Return the kernel itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.image.close()

    @cached_property
    def symbols(self) -> SymbolTable:
        """Every entry of ``.symtab``, with the values that the kernel's nm shows."""
        if self.nm.is_llvm and values_depend_on_nm(self.image.abi):
            return read_symbols(self.image, self.nm)
        return self._gnu_symbols

    @cached_property
    def nm(self) -> Nm:
        """The program that lists the symbols in the kernel's own build."""
        return find_nm(self.image, self._gnu_symbols, self.request)

    @cached_property
    def _gnu_symbols(self) -> SymbolTable:
        return read_symbols(self.image)

    @cached_property
    def listing(self) -> Listing:
        """What ``nm -n`` shows of them."""
        return list_symbols(self.symbols, self.nm)

    @cached_property
    def findings(self) -> Findings:
        """The release and the options, with what told them."""
        return detect(self.image, self.symbols, self.listing, self.nm, self.request)

    @property
    def release(self) -> Release:
        """The release whose rules and format are followed."""
        return self.findings.release

    @property
    def options(self) -> Options:
        """The generator's options."""
        return self.findings.options

    @cached_property
    def verdicts(self) -> Verdicts:
        """The fate of every symbol."""
        return judge(self.symbols, self.listing, self.release, self.options)

    @cached_property
    def tables(self) -> Tables:
        """The tables; :class:`EncodeError` where the release cannot encode the symbols."""
        try:
            return make_tables(self.verdicts, self.release, self.options, self.image.abi, self.cache)
        except OutOfRangeError as error:
            raise error.in_section(self.symbols.section_name(error.symbol)) from None

    @cached_property
    def layout(self) -> Layout:
        """The tables as one section; :class:`InputError` where ``_text``, which they refer to, is missing."""
        from elfsyms.pipeline.layout import lay_out  # noqa: PLC0415 (only what writes an object needs it)

        return lay_out(self.tables)

    @property
    def system_map(self) -> bytes:
        """The text of ``System.map``."""
        lines = self.verdicts.map_lines
        return map_text(lines, self.image.abi) if isinstance(lines, Records) else lines.text()

    def explain(self, what: str, *, spell: bool = False) -> Explanation:
        """Say why a symbol is in the tables or is not; see :func:`elfsyms.inspect.explain.explain`."""
        from elfsyms.inspect.explain import explain  # noqa: PLC0415 (only this needs it)

        return explain(self, what, spell=spell)

    def ledger(self) -> Ledger:
        """Account for every entry of ``.symtab``; see :func:`elfsyms.inspect.ledger.make_ledger`."""
        from elfsyms.inspect.ledger import make_ledger  # noqa: PLC0415 (only this needs it)

        return make_ledger(self)

    def list_lines(self, kaslr: int = 0, glob: str | None = None) -> bytes:
        """Return what ``/proc/kallsyms`` will show; see :func:`elfsyms.inspect.proc_kallsyms.list_lines`."""
        from elfsyms.inspect.proc_kallsyms import list_lines  # noqa: PLC0415 (only this needs it)

        return list_lines(self, kaslr, glob)

    def verify(self, *, exact: bool = False) -> Verification:
        """Compare the tables inside the file with its symbols; see :func:`elfsyms.compare.verify.verify`."""
        from elfsyms.compare.verify import verify  # noqa: PLC0415 (only this needs it)

        return verify(self, exact=exact)

    def cost(self) -> Cost:
        """Return what the tables cost, by table, option and token; see :func:`elfsyms.inspect.size.cost`."""
        from elfsyms.inspect.size import cost  # noqa: PLC0415 (only this needs it)

        return cost(self)

    def assembly(self) -> bytes:
        """Return the tables as the release's generator prints them."""
        from elfsyms.writers.assembly import assembly_text  # noqa: PLC0415 (only this needs it)

        return assembly_text(self.tables)

    def object(self) -> bytes:
        """Return the tables as a relocatable object for the kernel's link."""
        from elfsyms.writers.object import write_object  # noqa: PLC0415 (LIEF takes half a second)

        return write_object(self.layout)

    def check_anchor(self) -> None:
        """Raise :class:`InputError` where the tables refer to a ``_text`` that the file does not define."""
        if self.release.text_anchor != "none" and self.symbols.address_of(b"_text") is None:
            prefixed = self.options.symbol_prefix + b"_text"
            if not self.options.symbol_prefix or self.symbols.address_of(prefixed) is None:
                raise InputError(
                    f"{self.image.path} defines no _text, which the tables of {self.release.name} are relative "
                    "to: give a linked kernel, whose linker script defines it"
                )


def load(path: str | Path, **request: Any) -> Kernel:
    """Open a kernel.

    Keyword arguments are those of :class:`elfsyms.detect.detect.Request`: ``release="6.12"``, ``all_symbols=True``,
    ``config=Path(".config")`` and so on; what is left out is found in the file.

    Raises :class:`InputError` for a file that is no linked ELF image.
    """
    return load_with(path, Request(**request))


def build(
    path: str | Path, output: str | Path, system_map: str | Path | None = None, **request: Any
) -> Kernel:
    """Write the tables of a kernel, as an object (``.o``) or assembly (any other suffix), and ``System.map``.

    Keyword arguments as for :func:`load`. Returns the kernel, closed, for what it can tell. Raises what
    :func:`load` does, :class:`EncodeError`, and :class:`OutputError`; existing files are then as they were.
    """
    from elfsyms.writers.output import write_outputs  # noqa: PLC0415 (only what writes needs it)

    with load(path, **request) as kernel:
        kernel.check_anchor()
        made = kernel.object() if Path(output).suffix == ".o" else kernel.assembly()
        parts: list[tuple[str | Path, bytes]] = [(output, made)]
        write_outputs([*parts, (system_map, kernel.system_map)] if system_map else parts)
    return kernel


def load_with(path: str | Path, request: Request) -> Kernel:
    """Open a kernel with a request made before; see :func:`load`."""
    image = open_image(path)
    if image.file_type == RELOCATABLE:
        image.close()
        raise InputError(
            f"{path} is a relocatable object, as modules (.ko) and .o files are, not a linked kernel: "
            "give the vmlinux"
        )
    return Kernel(image, request)


def empty_kernel(path: str | Path, request: Request) -> Kernel:
    """Return a kernel of no symbols, for the table that a first link needs; ``path`` lends its ABI.

    Any ELF file of the same link will do. The release comes from the request, a tree, or the file's banner.
    """
    return _EmptyKernel(open_image(path), request)


class _EmptyKernel(Kernel):
    """A kernel before its first link: an ABI, a release and options, but no symbols."""

    @cached_property
    def symbols(self) -> SymbolTable:
        return self._gnu_symbols

    @cached_property
    def _gnu_symbols(self) -> SymbolTable:
        return no_symbols(self.image)

    @cached_property
    def findings(self) -> Findings:
        if self.request.release or self.request.tree:
            return detect_empty(self.request)
        return Kernel(self.image, self.request).findings

    def check_anchor(self) -> None:
        """Ask nothing of a file that lends no more than its ABI."""
