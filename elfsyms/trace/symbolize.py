# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel's log with every address said: symbol, and source line where there is debug information.

What is between two starts of a kernel is one piece, with one distance by which the kernel was moved: as its
``Kernel Offset`` line says, or as the addresses that lines name tell. Lines stay what they are, but for what is put
behind each address, as printable text: so the log remains one.

Each size is compared: ``schedule+0x2e/0xb0`` is not resolved by a kernel whose schedule has another size, because
it is another kernel. Of several symbols of one name, those of the right size are meant.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING

from elfsyms.detect.banner import kernel_name, read_banner
from elfsyms.printable import printable
from elfsyms.trace.exact_lines import natures
from elfsyms.trace.logtext import (
    instructions,
    is_boot,
    is_listed,
    kernel_offset,
    loaded_module,
    mentions,
    pairs,
)
from elfsyms.trace.lookup import kernel_lookup, module_lookup
from elfsyms.trace.module_files import ModuleFiles
from elfsyms.trace.sources import source_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elfsyms.image.dwarf import Dwarf, Frame
    from elfsyms.image.module import ModuleFile
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.trace.exact_lines import Nature
    from elfsyms.trace.logtext import Mention
    from elfsyms.trace.lookup import Found, Lookup

__all__ = ["Report", "Symbolizer"]

_START = b"start_kernel"
_NOBODY = "none"  # says how far the kernel was moved
_MOST_MEANT = 100  # symbols of one name and size whose lines are told
_FARTHEST = 1 << 24  # bytes; the code of a module is smaller
_PAGE = 4096  # bytes; kernels are moved by whole ones


@dataclass(slots=True)
class Report:
    """What was met: how many mentions were resolved, and which were not, by why.

    ``other_size`` and ``unknown`` have names by the module that should have them, the kernel's by an empty string.
    ``guessed`` counts addresses that were named as if the kernel had not been moved, which nothing tells.
    ``split`` are files (``.dwo``) that hold the functions of units and cannot be had, with why: what was inlined
    there is not told.
    """

    resolved: int = 0
    other_size: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    unknown: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    no_module: Counter[str] = field(default_factory=Counter)
    offsets: list[tuple[int, str]] = field(default_factory=list)
    guessed: int = 0
    split: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Object:
    """A file that addresses lie in, with what looks them up."""

    lookup: Lookup
    dwarf: Dwarf | None


@dataclass(slots=True)
class _Piece:
    """What is known of one start of the kernel.

    ``told``: something says the shift. ``modules`` are addresses and names, ascending. ``natures`` are what its
    lines' addresses are, ``instructions`` what it names as an instruction itself: a warning, or a stack, names the
    same again.
    """

    shift: int
    told: bool
    modules: list[tuple[int, str]]
    natures: list[Nature]
    instructions: set[tuple[bytes, int, str]]


class Symbolizer:
    """Resolves the addresses of logs of one kernel and some modules."""

    def __init__(
        self,
        kernel: Kernel,
        modules: tuple[Path, ...] = (),
        *,
        kaslr: int | None = None,
        running: int | None = None,
        lines: bool = True,
    ) -> None:
        """Take a kernel, and modules' files or folders of them.

        ``kaslr`` is the distance it was moved by, where known; ``running`` that of the running kernel, which holds
        where the log tells none; ``lines``: name source lines.
        """
        self.kernel, self.kaslr, self.lines = kernel, kaslr, lines
        self._running = running
        self.report = Report()
        self._modules = modules
        self._opened: dict[str, tuple[ModuleFile, _Object] | None] = {}
        self._digits = kernel.image.abi.bits // 4
        self._where: dict[tuple[int, int], str] = {}

    def symbolize(self, text: bytes) -> bytes:
        """Return a log with its addresses resolved; :attr:`report` then tells what was met."""
        return b"".join(
            self._line(line, piece, nature)
            for lines in _pieces(text)
            for piece in [self._piece(lines)]
            for line, nature in zip(lines, piece.natures, strict=True)
        )

    @cached_property
    def _kernel(self) -> _Object:
        return _Object(kernel_lookup(self.kernel), self.kernel.image.dwarf() if self.lines else None)

    def _piece(self, lines: list[bytes]) -> _Piece:
        """Find out what a piece of a log says about where things lie."""
        modules = dict(found for line in lines if (found := loaded_module(line)))
        shift, source = self._shift(lines)
        self.report.offsets.append((shift, source))
        kinds = natures(lines, self.kernel.image.abi.machine)
        named = instructions(lines, kinds, self._digits)
        placed = sorted((base, name) for name, base in modules.items())
        return _Piece(shift, source != _NOBODY, placed, kinds, named)

    def _shift(self, lines: list[bytes]) -> tuple[int, str]:
        """Return how far the kernel was moved, and who says it."""
        if self.kaslr is not None:
            return self.kaslr, "given"
        said = [offset for line in lines if (offset := kernel_offset(line)) is not None]
        if said:
            return said[-1], "a line of the log"
        votes: Counter[int] = Counter()
        for pair in pairs(b"".join(lines)):
            sized = self._kernel.lookup.sized(pair.name)
            same = sized.values() if pair.size is None else [sized.get(pair.size, [])]
            fitting = list(islice(chain.from_iterable(same), 2))  # whether it is the only one
            shift = pair.address - pair.offset - fitting[0].address if len(fitting) == 1 else -1
            if shift % _PAGE == 0:  # that of a hashed address (%p) is any
                votes[shift] += 1
        if not votes:
            return (0, _NOBODY) if self._running is None else (self._running, "/proc/kallsyms")
        return votes.most_common(1)[0][0], "addresses that the log names"

    def _line(self, line: bytes, piece: _Piece, nature: Nature) -> bytes:
        """Return a line with a text behind each mention that could be resolved.

        Lines that tell where something lies are left alone.
        """
        if loaded_module(line) or kernel_offset(line) is not None or is_listed(line):
            return line
        found = list(mentions(line, self._digits, nature))
        parts, done = [], 0
        for mention, after in zip(found, [*found[1:], None], strict=False):
            text = (
                self._named(mention, piece)
                if mention.address is None
                else self._bare(mention, after, line, piece)
            )
            if text:
                parts += [line[done : mention.close], text.encode()]
                done = mention.close
        return b"".join([*parts, line[done:]])

    def _named(self, mention: Mention, piece: _Piece) -> str:
        """Return what goes behind ``symbol+offset/size``: source lines, of all that may be meant.

        The offset is the size where the last call of a function does not return; no kernel writes a larger one.
        """
        if mention.offset > mention.size:
            return ""
        module = self._module(mention.module) if mention.module else None
        if mention.module and module is None:
            self.report.no_module[mention.module] += 1
            return ""
        where = module[1] if module else self._kernel
        named = where.lookup.sized(mention.name)
        fitting = named.get(mention.size, [])
        if not fitting:
            missing = self.report.other_size if named else self.report.unknown
            missing[mention.module][mention.name.decode()] += 1
            return ""
        self.report.resolved += 1
        behind = mention.offset > 0 and not mention.exact and mention.key not in piece.instructions
        if where.dwarf is None:
            return ""
        some = fitting[:_MOST_MEANT]
        sources = [self._source(where, f.address + mention.offset - behind) for f in some]
        texts = list(dict.fromkeys(source for source in sources if source))
        return f" ({' | '.join(texts)})" if texts else ""

    def _bare(self, mention: Mention, after: Mention | None, line: bytes, piece: _Piece) -> str:
        """Return what goes behind a bare address; nothing where the line goes on to name it."""
        if (
            after is not None
            and after.address is None
            and line[mention.close : after.start].strip(b"] (?") == b""
        ):
            return ""
        address = mention.address or 0
        hit = self._holder(address, piece)
        if hit is None:
            return ""
        where, own, name = hit
        found = where.lookup.at(own)
        if found is None:
            return ""
        self.report.resolved += 1
        self.report.guessed += not piece.told and not name
        text = _shown(found, own, name)
        key = found.name, own - found.address, name
        behind = own > found.address and not mention.exact and key not in piece.instructions
        source = self._source(where, own - behind)
        return (
            f" {text}" + (f" ({source})" if source else "")
            if mention.close > mention.end
            else _angled(text, source)
        )

    def _holder(self, address: int, piece: _Piece) -> tuple[_Object, int, str] | None:
        """Return the file that holds an address of the running kernel, and the address in the file."""
        own = address - piece.shift
        if self._first <= own < self._last:
            return self._kernel, own, ""
        before = bisect_right(piece.modules, address, key=itemgetter(0))
        base, name = piece.modules[before - 1] if before else (0, "")
        module = self._module(name) if name else None
        if module is None or address - base >= _FARTHEST:
            return None
        return module[1], address - base + module[0].group_start("text"), name

    @cached_property
    def _first(self) -> int:
        return min((s.address for s in self.kernel.image.sections if s.flags & 2 and s.address), default=0)

    @cached_property
    def _last(self) -> int:
        return max((s.address + s.size for s in self.kernel.image.sections if s.flags & 2), default=0)

    def _module(self, name: str) -> tuple[ModuleFile, _Object] | None:
        if name not in self._opened:
            module = self._files.open(name, lines=self.lines)
            self._opened[name] = (
                (module, _Object(module_lookup(module), module.image.dwarf() if self.lines else None))
                if module
                else None
            )
        return self._opened[name]

    @cached_property
    def _files(self) -> ModuleFiles:
        banner = read_banner(self.kernel.image, self.kernel.symbols)
        return ModuleFiles(self._modules, kernel_name(banner) if banner else "")

    def _source(self, where: _Object, address: int) -> str:
        """Return file and line of an instruction, the innermost inlined function first."""
        if where.dwarf is None:
            return ""
        key = (id(where), address)
        if key not in self._where:
            frames = where.dwarf.frames(address)
            self.report.split.update(where.dwarf.split.unread)
            self._where[key] = printable(" ".join(self._file_and_line(frame) for frame in frames))
        return self._where[key]

    def _file_and_line(self, frame: Frame) -> str:
        return f"{frame.file.removeprefix(self._root)}:{frame.line}"

    @cached_property
    def _root(self) -> str:
        """The folder of the kernel's source, as the debug information has it."""
        dwarf = self._kernel.dwarf
        named = self._kernel.lookup.named(_START)
        return source_root(dwarf, named[0].address) if dwarf and named else ""


def _pieces(text: bytes) -> Iterator[list[bytes]]:
    """Split a log where a kernel starts."""
    lines: list[bytes] = []
    for line in text.splitlines(keepends=True):
        if is_boot(line) and lines:
            yield lines
            lines = []
        lines.append(line)
    yield lines


def _shown(found: Found, address: int, module: str) -> str:
    name = printable(found.name.decode("utf-8", "replace"))
    return f"{name}+{address - found.address:#x}/{found.size:#x}" + (f" [{module}]" if module else "")


def _angled(text: str, source: str) -> str:
    return f" <{text}{' ' if source else ''}{source}>"
