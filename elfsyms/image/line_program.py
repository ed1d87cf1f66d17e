# SPDX-License-Identifier: GPL-2.0-or-later
"""A unit's line program, run by columns: which addresses belong to which line of which file.

The state machine of DWARF 5, section 6.2, as far as address, file and line: everything else that a row has is
passed over. A large unit's program has 30,000 bytes; one opcode after the other takes Python 5 ms, columns a tenth.
Here all opcodes are found first; then what each adds to the state is summed up, from the last that sets it on.

Where an opcode begins depends on all before it, but for bytes that nothing nearby can have as its operand: from
each of those a walk begins, all side by side, and each opcode must end where the next was found to begin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from elfsyms.image.dwarf_forms import DamageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]
    Offsets = np.ndarray[tuple[int], np.dtype[np.int32]]
    Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]

__all__ = ["LineProgram", "Spans", "run_program"]

# DW_LNS_* and DW_LNE_* (section 7.22), and what stands here for all special opcodes.
_EXTENDED, _COPY, _ADVANCE_PC, _ADVANCE_LINE, _SET_FILE, _CONST_ADD_PC, _FIXED_ADVANCE = 0, 1, 2, 3, 4, 8, 9
_END_SEQUENCE, _SET_ADDRESS = 1, 2
_SPECIAL = 255
# Operands in LEB128, whatever a header says of these.
_STANDARD = {_COPY: 0, _ADVANCE_PC: 1, _ADVANCE_LINE: 1, _SET_FILE: 1, _CONST_ADD_PC: 0, _FIXED_ADVANCE: 0}

_MORE = 0x80  # of a byte of a LEB128 number: others follow
_LEB_BYTES = 10  # of a number of 64 bits
_NEAR = 16  # bytes of operands that are looked back over; few opcodes have more
_LONGEST_WALK = 64  # opcodes; longer ones are made alone


@dataclass(frozen=True, slots=True)
class LineProgram:
    """The code of a program, and what its header says of opcodes: ``lengths`` count their operands, from 1."""

    code: memoryview | bytes
    minimum: int
    line_base: int
    line_range: int
    opcode_base: int
    lengths: tuple[int, ...]
    little: bool


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """What rows hold, ascending: ``begin`` and ``end`` (uint64) of the addresses, ``file`` and ``line`` (int64)."""

    begin: NDArray[np.uint64]
    end: NDArray[np.uint64]
    file: Numbers
    line: Numbers


def run_program(program: LineProgram) -> Spans:
    """Return what the rows of a program hold; raises :class:`DamageError` for one that ends within an opcode."""
    code = np.frombuffer(program.code, np.uint8)
    leb_ends = _leb_ends(code)
    after = _behind_each(program, code, leb_ends)
    at = _opcodes(after)
    opcode = code[at]
    kind = np.where(opcode < program.opcode_base, opcode, _SPECIAL)

    extended = np.flatnonzero(kind == _EXTENDED)
    first, behind = leb_ends[at[extended] + 1], after[at[extended]]
    meaning = np.where(first < behind, code.take(first, mode="clip"), 0)
    ends, setting = extended[meaning == _END_SEQUENCE], meaning == _SET_ADDRESS
    addresses = _addresses(program, first[setting], behind[setting])
    files = np.flatnonzero(kind == _SET_FILE)
    numbers = _unsigned(code, at[files] + 1, leb_ends)
    moves, lines = _steps(program, code, at, leb_ends)

    ended = np.zeros(len(at), np.bool_)
    ended[ends] = True
    row = np.flatnonzero((kind == _SPECIAL) | (kind == _COPY) | ended)
    address = _register(0, ends, (extended[setting], addresses), moves)[row]
    file = _register(1, ends, (files, numbers), len(at))[row]
    line = _register(1, ends, (_NONE, _NONE), lines)[row]
    return _spans(address.view(np.uint64), file, line, ended[row])


# Where opcodes begin.


def _leb_ends(code: Bytes) -> Offsets:
    """Return where a LEB128 number would end that began at each byte; past the code's end where none does."""
    size = len(code)
    ends = np.arange(1, size + 3, dtype=np.int32)
    ends[:size][code >= _MORE] = size + 1
    ends[size:] = size + 1
    return np.asarray(np.minimum.accumulate(ends[::-1])[::-1])


def _behind_each(program: LineProgram, code: Bytes, leb_ends: Offsets) -> Offsets:
    """Return where an opcode would end that began at each byte; past the code's end where none does."""
    past = len(code) + 1
    after = np.arange(1, past, dtype=np.int32)
    operands = _operands(program)
    left = np.frombuffer(bytes(program.code).translate(operands), np.uint8)
    where, passed = np.flatnonzero(left), 0
    while len(where):
        after[where], passed = leb_ends[after[where]], passed + 1
        where = where[left[where] > passed]
    if program.opcode_base > _FIXED_ADVANCE:
        after[code == _FIXED_ADVANCE] += 2
    where = np.flatnonzero(code == _EXTENDED)
    if program.opcode_base and len(where):
        length = _unsigned(code, (where + 1).astype(np.int32), leb_ends)
        fits = (length >= 0) & (length < past)
        after[where] = np.where(fits, after[where] + length, past)
    return np.asarray(np.minimum(after, past))


def _operands(program: LineProgram) -> bytes:
    """Return how many operands in LEB128 each opcode has; an extended one has its length as such."""
    operands = bytearray(256)
    for opcode, count in enumerate(program.lengths[: max(program.opcode_base - 1, 0)], 1):
        operands[opcode] = _STANDARD.get(opcode, count)
    operands[_EXTENDED] = program.opcode_base > 0
    return bytes(operands)


def _opcodes(after: Offsets) -> Offsets:
    """Return where opcodes begin, by where each would end."""
    if not len(after):
        return after
    at = _side_by_side(after)
    if at is None or not np.array_equal(after[at], np.append(at[1:], len(after))[: len(at)]):
        return _one_by_one(after)
    return at


def _side_by_side(after: Offsets) -> Offsets | None:
    """Walk from each byte that can be no operand up to the next; None where that is far."""
    ahead = np.arange(1, len(after) + 1, dtype=np.int32)
    reach = np.maximum.accumulate(np.where(after - ahead <= _NEAR, after, ahead))
    begins = np.flatnonzero(reach[:-1] == ahead[:-1]).astype(np.int32) + 1
    at, limit = np.append(np.int32(0), begins), np.append(begins, np.int32(len(after)))
    marks = np.zeros(len(after), np.bool_)
    for _ in range(_LONGEST_WALK):
        marks[at] = True
        at = after[at]
        inside = at < limit
        at, limit = at[inside], limit[inside]
        if not len(at):
            return np.flatnonzero(marks).astype(np.int32)
    return None


def _one_by_one(after: Offsets) -> Offsets:
    ends, found, at = memoryview(after.tobytes()).cast("i"), [], 0
    while at < len(ends):
        found.append(at)
        at = ends[at]
    if at != len(ends):
        raise DamageError("a program of .debug_line ends within an opcode")
    return np.array(found, np.int32)


# What opcodes do.


def _steps(program: LineProgram, code: Bytes, at: Offsets, leb_ends: Offsets) -> tuple[Numbers, Numbers]:
    """Return what each opcode adds to the address and to the line."""
    adjusted = np.arange(256) - program.opcode_base
    operation, advance = np.divmod(adjusted, program.line_range)
    move = np.where(adjusted >= 0, operation * program.minimum, 0)
    if program.opcode_base > _CONST_ADD_PC:
        move[_CONST_ADD_PC] = move[255]
    line = np.where(adjusted >= 0, advance + program.line_base, 0)
    opcode = code[at]
    moves, lines = move[opcode], line[opcode]

    def those(kind: int) -> Numbers:
        return np.flatnonzero((opcode == kind) & (kind < program.opcode_base))

    which = those(_ADVANCE_PC)
    moves[which] = _unsigned(code, at[which] + 1, leb_ends) * program.minimum
    which = those(_FIXED_ADVANCE)
    low, high = (1, 2) if program.little else (2, 1)
    moves[which] = code[at[which] + low] + code[at[which] + high].astype(np.int64) * 256
    which = those(_ADVANCE_LINE)
    lines[which] = _signed(code, at[which] + 1, leb_ends)
    return moves, lines


_NONE = np.empty(0, np.int64)


def _addresses(program: LineProgram, first: Offsets, behind: Offsets) -> Numbers:
    """Return the addresses that DW_LNE_set_address sets: all behind its own byte."""
    order: Literal["little", "big"] = "little" if program.little else "big"
    pieces = zip(first.tolist(), behind.tolist(), strict=True)
    numbers = [int.from_bytes(program.code[begin + 1 : end][:8], order) for begin, end in pieces]
    return np.array(numbers, np.uint64).view(np.int64)


def _unsigned(code: Bytes, at: Offsets, leb_ends: Offsets) -> Numbers:
    """Return the ULEB128 numbers at some offsets, modulo 2**64."""
    value, size = np.zeros(len(at), np.uint64), leb_ends[at] - at
    which = np.arange(len(at))
    for count in range(_LEB_BYTES):
        byte = code.take(at[which] + count, mode="clip") & (_MORE - 1)
        value[which] |= byte.astype(np.uint64) << np.uint64(7 * count)
        which = which[size[which] > count + 1]
        if not len(which):
            break
    return value.view(np.int64)


def _signed(code: Bytes, at: Offsets, leb_ends: Offsets) -> Numbers:
    """Return the SLEB128 numbers at some offsets."""
    value, size = _unsigned(code, at, leb_ends), leb_ends[at] - at
    negative = (code[leb_ends[at] - 1] & 0x40 != 0) & (size < _LEB_BYTES)
    value[negative] -= np.int64(1) << 7 * size[negative]
    return value


def _register(initial: int, ends: Numbers, sets: tuple[Numbers, Numbers], steps: Numbers | int) -> Numbers:
    """Return what a register holds behind each opcode; of one without ``steps`` give their number.

    That is what an opcode set last (``sets``: which, and to what), or its sequence began with, and all steps since.
    """
    count = steps if isinstance(steps, int) else len(steps)
    since = np.concatenate((np.zeros(1, np.int64), ends + 1, sets[0]))
    value = np.concatenate((np.full(len(ends) + 1, initial), sets[1]))
    order = np.argsort(since, kind="stable")  # an opcode that sets it goes behind the end before it
    since, value = since[order], value[order]
    lasts = np.diff(since, append=count)
    if isinstance(steps, int):
        return np.repeat(value, lasts)
    sums = np.cumsum(steps)
    return np.asarray(sums + np.repeat(value - np.append(0, sums)[since], lasts))


def _spans(address: NDArray[np.uint64], file: Numbers, line: Numbers, ended: NDArray[np.bool_]) -> Spans:
    """Return what rows hold: each up to the next of its sequence, those of one address nothing but for the last."""
    row = np.flatnonzero(~ended[:-1] & (address[:-1] < address[1:]))
    begin, end, file, line = address[row], address[row + 1], file[row], line[row]
    if (begin[1:] > begin[:-1]).all():
        return Spans(begin, end, file, line)
    order = np.argsort(begin, kind="stable")  # sequences stand in any order
    if (begin[order][1:] == begin[order][:-1]).any():
        order = np.lexsort((line, file, end, begin))
    return Spans(begin[order], end[order], file[order], line[order])
