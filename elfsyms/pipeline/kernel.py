# SPDX-License-Identifier: GPL-2.0-or-later
"""The pipeline, as one object: a kernel, from its file to its tables.

    vmlinux ─ elf ─> Image ─ symbols ─> SymbolTable ─ listing ─> Listing ─ filters ─> Verdicts
            ─ order, compress, tables ─> Tables ─ layout ─> Layout ─ writers ─> .o | .S | System.map

Each property is a step of it, made when it is first asked for. :func:`load` is how to get one.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from elfsyms.detect.detect import configuration, detect, detect_empty, find_nm
from elfsyms.detect.request import Findings, Request
from elfsyms.errors import InputError
from elfsyms.image.debug_half import check_whole
from elfsyms.image.elf import RELOCATABLE, Image, open_image
from elfsyms.image.equal_names import EqualNames
from elfsyms.image.listing import Listing, list_symbols
from elfsyms.image.nm_text import map_text
from elfsyms.image.nm_values import shown_values
from elfsyms.image.records import Records
from elfsyms.image.symbols import SymbolTable, no_symbols, read_symbols
from elfsyms.pipeline.background import Background
from elfsyms.pipeline.filters import Verdicts, judge
from elfsyms.pipeline.order import Ordered, order_kept
from elfsyms.pipeline.out_of_range import OutOfRangeError
from elfsyms.pipeline.range_fixes import with_fixes
from elfsyms.pipeline.spare_memory import LARGE, release_free_memory
from elfsyms.pipeline.tables import Tables, make_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from elfsyms.image.btf import Btf
    from elfsyms.image.which_nm import Nm
    from elfsyms.pipeline.cache import PassCache
    from elfsyms.pipeline.layout import Layout
    from elfsyms.pipeline.table_sizes import SizedTables
    from elfsyms.releases.format_history import Release
    from elfsyms.releases.options import Options

__all__ = ["Kernel", "empty_kernel", "load", "load_with"]


class Kernel:
    """A kernel image with its symbols and everything that follows from them. Close it, or use ``with``."""

    def __init__(
        self,
        image: Image,
        request: Request,
        *,
        raw_symbols: SymbolTable | None = None,
        findings: Findings | None = None,
    ) -> None:
        """Wrap an open image; :func:`load` opens one.

        ``raw_symbols`` and ``findings`` stand for what would be read from the image. Set ``cache`` to remember
        names between link passes, and ``symbols_from`` where the file had no symbols, and they were made.
        """
        self.image = image
        self.request = request
        self.cache: PassCache | None = None
        self.symbols_from: Literal["symtab", "tables", "map"] = "symtab"
        if raw_symbols is not None:
            self.raw_symbols = raw_symbols
        if findings is not None:
            self.findings = findings

    def __enter__(self) -> Self:
        """Return the kernel itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.image.close()

    def forget_listing(self) -> None:
        """Let go of the listing once the verdicts are there; it is made again where somebody asks for it."""
        _ = self.verdicts
        self.__dict__.pop("listing", None)
        release_free_memory(len(self.symbols))

    def forget_layout(self) -> None:
        """Let go of the layout once the object is ordered; it is made again where somebody asks for it."""
        self.__dict__.pop("layout", None)
        release_free_memory(len(self.symbols))

    @cached_property
    def raw_symbols(self) -> SymbolTable:
        """Every entry of ``.symtab``, with the values that the file has."""
        return read_symbols(self.image)

    @cached_property
    def nm(self) -> Nm:
        """The program that lists the symbols in the kernel's own build."""
        return find_nm(self.image, self.raw_symbols, self.request)

    @cached_property
    def symbols(self) -> SymbolTable:
        """Every entry of ``.symtab``, with the values that the kernel's nm shows."""
        return shown_values(self.raw_symbols, self.nm)

    @cached_property
    def listing(self) -> Listing:
        """What ``nm -n`` shows of them."""
        return list_symbols(self.symbols, self.nm)

    @cached_property
    def findings(self) -> Findings:
        """The release and the options, with what told them."""
        return detect(self.image, self.symbols, self.listing, self.nm, self.request)

    @cached_property
    def configuration(self) -> Mapping[str, str] | None:
        """The kernel's configuration: the one given, of the tree, inside, or beside the file; None without."""
        return configuration(self.image, self.symbols, self.request)

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
    def ordered(self) -> Ordered:
        """The kept symbols in the order of the tables."""
        return order_kept(self.verdicts, self.release)

    @cached_property
    def equal_names(self) -> EqualNames:
        """Which of the kept symbols have the same name, in the order of the tables."""
        return EqualNames(self.ordered.records)

    @cached_property
    def btf(self) -> Btf | None:
        """The functions that the kernel's types describe; None where there are none that can be read."""
        from elfsyms.image.btf import read_btf  # noqa: PLC0415 (not for the tables)

        try:
            return read_btf(self.image)
        except InputError:
            return None

    @cached_property
    def tables(self) -> Tables:
        """The tables; :class:`EncodeError` where the release cannot encode the symbols."""
        try:
            return make_tables(
                self.ordered, self.verdicts.boundaries, self.release, self.options, self.image.abi, self.cache
            )
        except OutOfRangeError as error:
            raise with_fixes(self, error) from None

    @cached_property
    def sized_tables(self) -> SizedTables:
        """What the tables' sizes depend on, in less time than the tables take; raises what :attr:`tables` does."""
        from elfsyms.pipeline.table_sizes import size_tables  # noqa: PLC0415 (only who asks for sizes needs it)

        try:
            return size_tables(
                self.ordered, self.verdicts.boundaries, self.release, self.options, self.image.abi
            )
        except OutOfRangeError as error:
            raise with_fixes(self, error) from None

    @cached_property
    def layout(self) -> Layout:
        """The tables as one section; :class:`InputError` where ``_text``, which they refer to, is missing."""
        from elfsyms.pipeline.layout import lay_out  # noqa: PLC0415 (only what writes an object needs it)

        layout = lay_out(self.tables)
        release_free_memory(len(self.symbols))
        return layout

    @property
    def system_map(self) -> bytes:
        """The text of ``System.map``."""
        lines = self.verdicts.map_lines
        return map_text(lines, self.image.abi) if isinstance(lines, Records) else lines.text()

    def system_map_beside(self) -> Callable[[], bytes]:
        """Have the text of ``System.map`` made beside what is done next; what is returned waits for it.

        Of very many symbols it is made when it is asked for: two things at once take too much memory.
        """
        if len(self.verdicts.listed) > LARGE:
            return lambda: self.system_map
        return Background(lambda: self.system_map).result


def load(path: str | Path, **request: Any) -> Kernel:
    """Open a kernel.

    Keyword arguments are those of :class:`elfsyms.detect.request.Request`: ``release="6.12"``,
    ``all_symbols=True``, ``config=Path(".config")`` and so on; what is left out is found in the file.

    Raises :class:`InputError` for a file that is no linked ELF image.
    """
    return load_with(path, Request(**request))


def load_with(path: str | Path, request: Request) -> Kernel:
    """Open a kernel with a request made before; see :func:`load`."""
    image = open_image(path)
    if image.file_type == RELOCATABLE:
        image.close()
        raise InputError(
            f"{path} is a relocatable object, as modules (.ko) and .o files are, not a linked kernel: "
            "give the vmlinux ('elfsyms list', 'elfsyms explain' and 'elfsyms symbolize --modules' take modules)"
        )
    try:
        check_whole(image)
    except InputError:
        image.close()
        raise
    return Kernel(image, request)


def empty_kernel(path: str | Path, request: Request) -> Kernel:
    """Return a kernel of no symbols, for the table that a first link needs; ``path`` lends its ABI.

    Any ELF file of the same link will do. The release comes from the request, a tree, or the file's banner.
    """
    image = open_image(path)
    told = request.release or request.tree
    try:
        findings = detect_empty(request) if told else Kernel(image, request).findings
    except BaseException:
        image.close()
        raise
    return Kernel(image, request, raw_symbols=no_symbols(image), findings=findings)
