# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables inside a finished kernel, compared with its own symbol table.

A vmlinux carries two accounts of its symbols: ``.symtab``, which the linker wrote, and the tables, which the
build made from the pass before. Under the rules of the kernel's own release the first predicts the second,
symbol by symbol: what is missing or extra, what has another address, letter or index, and what is wrong with
the tables themselves (markers, sequences, tokens) is what stock's ``cmp`` of two maps cannot say.

The text of ``/proc/kallsyms`` is a third account, of the kernel that runs: it is compared with what the file
says that it will show. Modules are set aside, the offset of KASLR is found, hidden addresses are said to be
hidden, and whether it is the same kernel at all is said first (``relation.py``).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from elfsyms.compare.causes import name_causes
from elfsyms.compare.pairing import pair_records
from elfsyms.compare.relation import Accounts, ends_early, find_offset, hidden_addresses, relate
from elfsyms.compare.shifts import find_shifts
from elfsyms.compare.verification import Unmatched, Verification, WrongLetter
from elfsyms.decode.addresses import Decision
from elfsyms.decode.checks import Fault
from elfsyms.decode.decode import decode_image
from elfsyms.detect.banner import read_banner
from elfsyms.detect.evidence import constraints, find_tables
from elfsyms.image.kaslr import kaslr_of
from elfsyms.image.mapfile import read_map
from elfsyms.image.memory import image_memory
from elfsyms.pipeline.linked import linked_tables
from elfsyms.pipeline.table_sizes import table_sizes
from elfsyms.releases.matchers import Names, begin_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from elfsyms.compare.pairing import Pairing
    from elfsyms.decode.decode import Decoded
    from elfsyms.image.records import Records
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.releases.format_history import Release

__all__ = ["verify", "verify_running"]

_DATA = b"dDbBrR"  # letters
_STEP = 1 << 21  # an offset to try, that no kernel refuses


def verify(kernel: Kernel, *, exact: bool = False) -> Verification:
    """Compare the tables inside a kernel with its symbol table.

    With ``exact`` the bytes of each table are compared too, with those that would be made of this symbol
    table. Raises :class:`NotThereError` where there are no tables, :class:`InputError` where they cannot be
    read at all.
    """
    expected = _narrow(kernel.ordered.records, kernel)
    decoded = decode_image(kernel.image, kernel.release, decision=_decision(kernel))
    faults = [*decoded.faults, *_other_form(kernel, decoded)]
    faults += _other_bytes(kernel, decoded) if exact else ()
    records = decoded.records()
    unmapped = _unmapped(records, kernel)
    return _verification(
        kernel,
        "the tables inside",
        expected,
        _narrow(records.take(~unmapped), kernel),
        unmapped=int(unmapped.sum()),
        faults=tuple(faults),
        mismatch=_unfilled(kernel, decoded) or _mismatch(kernel),
    )


def _unmapped(records: Records, kernel: Kernel) -> NDArray[np.bool_]:
    """Mark the symbols of which a System.map says nothing: those that mksysmap drops and the generator keeps.

    Before 6.1 the generator read what nm lists, so that the tables have names that no map has (``.L*``).
    """
    marks = np.zeros(len(records), np.bool_)
    if kernel.symbols_from == "map" and not kernel.release.map_is_input:
        book, names = kernel.release.book, Names(records)
        for matcher in (book.rules[index].matcher for index in book.of("map")):
            if matcher is not None:
                marks |= matcher.marks(names)
    return marks


def _unfilled(kernel: Kernel, decoded: Decoded) -> str:
    """Say that there is nothing but room for tables yet; empty where there is more."""
    from elfsyms.writers.reserve import MARK_SIZE, read_mark  # noqa: PLC0415 (no table is built for an answer)

    start = kernel.image.read(decoded.tables["names"], MARK_SIZE) if "names" in decoded.tables else None
    if read_mark(start or b"") is None:
        return ""
    return "it has room for its tables, which are not in it yet: 'elfsyms fill' writes them"


def _mismatch(kernel: Kernel) -> str:
    """Say what the tables inside have that the release to verify by has not; empty where they agree."""
    labels = find_tables(kernel.symbols)
    banner = read_banner(kernel.image, kernel.symbols) or b""
    seen = (c.seen for c in constraints(kernel.symbols, labels, banner) if not c.allows(kernel.release))
    first = next(seen, "")
    return (
        f"{first}, which is not so in {kernel.release.name}: is the kernel of another release?"
        if first
        else ""
    )


def _other_form(kernel: Kernel, decoded: Decoded) -> Iterator[Fault]:
    """Yield a fault where the options ask for another form of addresses than there is."""
    forms = ("offsets", "addresses") if kernel.options.base_relative else ("addresses", "offsets")
    wanted, other = forms
    if set(forms) <= set(kernel.release.tables) and wanted not in decoded.tables:
        option = "--base-relative" if kernel.options.base_relative else "--no-base-relative"
        yield Fault(wanted, f"there is kallsyms_{other}, where {option} asks for kallsyms_{wanted}")


def _other_bytes(kernel: Kernel, decoded: Decoded) -> Iterator[Fault]:
    """Yield a fault for each table whose bytes are not those that would be made."""
    made, labels, sizes = linked_tables(kernel), kernel.layout.labels, table_sizes(kernel.tables)
    memory = image_memory(kernel.image)
    for name, label in zip(kernel.tables.labels(), labels, strict=True):
        if name not in decoded.sizes:
            continue
        size = sizes[name]
        if decoded.sizes[name] != size:
            has = f"{decoded.sizes[name]:,} bytes"
            yield Fault(name, f"kallsyms_{name} has {has}, where {size:,} are made here")
            continue
        right = np.frombuffer(made, np.uint8)[label.offset : label.offset + size]
        wrong = np.flatnonzero(np.frombuffer(memory.read(decoded.tables[name], size), np.uint8) != right)
        if wrong.size:
            first = f"the first at {int(wrong[0]):,}"
            yield Fault(name, f"kallsyms_{name}: {wrong.size:,} of {size:,} bytes differ, {first}")


def verify_running(kernel: Kernel, text: str | Path) -> Verification:
    """Compare the text of ``/proc/kallsyms`` with what this kernel will show there.

    Raises :class:`InputError` where the file is no such text.
    """
    from elfsyms.inspect.proc_kallsyms import proc_records  # noqa: PLC0415 (only a running kernel needs it)

    lines = read_map(Path(text))
    expected, found = _narrow(proc_records(kernel), kernel), _narrow(lines.records, kernel)
    pairing = pair_records(expected, found)
    hidden = hidden_addresses(expected, found, pairing)
    seen = ~hidden[pairing.second]
    moving = _narrow(proc_records(kernel, kaslr=_STEP), kernel).address != expected.address
    distance = (found.address[pairing.second] - expected.address[pairing.first]).astype(np.int64)
    rule = kaslr_of(kernel.image.abi)
    chosen = moving[pairing.first] & seen
    offset = find_offset(distance[chosen], _text_distance(expected, distance * seen, pairing), rule)
    shift = np.where(moving, np.uint64(offset & ((1 << 64) - 1)), np.uint64(0))
    expected = _narrow(replace(expected, address=expected.address + shift), kernel)
    accounts = Accounts(expected, found, pairing, hidden, offset)
    return _verification(
        kernel,
        str(text),
        expected,
        _with_addresses(found, expected, pairing, hidden),
        running=True,
        hidden=bool(hidden.all()),
        unseen=int(hidden.sum()),
        kaslr=None if hidden.all() else offset,
        relation=None if ends_early(accounts) else relate(accounts, rule),
        modules=lines.modules,
        unread=lines.unread,
    )


def _decision(kernel: Kernel) -> Decision:
    """Say how addresses were encoded, as the options tell."""
    percpu = kernel.options.absolute_percpu if kernel.release.knows("--absolute-percpu") else None
    pc_relative = kernel.options.pc_relative if kernel.release.knows("--pc-relative") else None
    return Decision(absolute_percpu=percpu, pc_relative=pc_relative)


def _narrow(records: Records, kernel: Kernel) -> Records:
    """Wrap addresses around at the class's width: BFD shows those of 32-bit MIPS with a sign."""
    return replace(records, address=records.address & np.uint64((1 << kernel.image.abi.bits) - 1))


def _text_distance(expected: Records, distance: NDArray[np.int64], pairing: Pairing) -> int | None:
    """Return by how much ``_text`` is off, None where a side has none."""
    names = expected.take(pairing.first)
    return next((int(distance[i]) for i, name in enumerate(names.names()) if name == b"_text"), None)


def _with_addresses(
    found: Records, expected: Records, pairing: Pairing, hidden: NDArray[np.bool_]
) -> Records:
    """Lend hidden symbols the addresses that they are expected to have."""
    lent = hidden[pairing.second]
    address = found.address.copy()
    address[pairing.second[lent]] = expected.address[pairing.first[lent]]
    return replace(found, address=address)


def _verification(
    kernel: Kernel, against: str, expected: Records, found: Records, **facts: Any
) -> Verification:
    """Compare two lists of records in table order."""
    pairing = pair_records(expected, found)
    shifts = find_shifts(expected, found, pairing) if _any_moved(expected, found, pairing) else ()
    return Verification(
        file=str(kernel.image.path),
        against=against,
        release=kernel.release.name,
        options=kernel.options.given(),
        expected=len(expected),
        found=len(found),
        has_data=_has_data(found, kernel.release),
        missing=_unmatched(expected, pairing.only_first),
        extra=_unmatched(found, pairing.only_second),
        moved=tuple(shift for shift in shifts if shift.by),
        retyped=_retyped(expected, found, pairing),
        disordered=_disordered(expected, pairing),
        **({"faults": ()} | facts),
    )


def _has_data(found: Records, release: Release) -> bool:
    """Tell whether symbols are data by their letters; those that the release keeps anyway are no proof."""
    data = np.isin(found.letter, list(_DATA))
    return bool((data & ~begin_with(found, release.kept_prefixes)).any())


def _any_moved(expected: Records, found: Records, pairing: Pairing) -> bool:
    return not np.array_equal(expected.address[pairing.first], found.address[pairing.second])


def _unmatched(records: Records, indices: NDArray[np.int64]) -> tuple[Unmatched, ...]:
    chosen = records.take(indices)
    causes = name_causes(chosen, np.zeros(len(chosen), np.bool_))
    rows = zip(chosen.names(), chosen.letter.tolist(), chosen.address.tolist(), causes, strict=True)
    return tuple(Unmatched(name, chr(letter), address, cause) for name, letter, address, cause in rows)


def _retyped(expected: Records, found: Records, pairing: Pairing) -> tuple[WrongLetter, ...]:
    right, seen = expected.letter[pairing.first], found.letter[pairing.second]
    return tuple(
        WrongLetter(expected.name(int(pairing.first[i])), chr(right[i]), chr(seen[i]))
        for i in np.flatnonzero(right != seen).tolist()
    )


def _disordered(expected: Records, pairing: Pairing) -> tuple[bytes, ...]:
    """Name the symbols that stand before one which should stand before them."""
    indices = pairing.second
    early = np.flatnonzero(indices[1:] < np.maximum.accumulate(indices)[:-1]) + 1
    return tuple(expected.name(int(pairing.first[i])) for i in early.tolist())
