# SPDX-License-Identifier: GPL-2.0-or-later
"""Stubs that a linker adds as the tables grow: the case in which links in passes never agree with their tables.

A branch on 64-bit PowerPC reaches 32 MiB, and LLD names the stubs that it adds so that no rule drops them. Here are
functions just within reach of their callers, one behind the other: with the tables between them the last is out of
reach, the linker adds a stub, its name makes the tables grow, the next function is out of reach, and so on. Stock
stops after three passes, with "Inconsistent kallsyms data". Filled in, such a kernel is right at the first link
with room to spare, which the hook reserves where exact room did not fit twice, and then remembers.

A branch on 32-bit Arm reaches as far, but no table lists the stubs that GNU ld adds: the room is right at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from roommaker import Toy, same, toy_of
from test_object_links import TARGETS

from elfsyms.compare.verify import verify
from elfsyms.pipeline.kernel import load
from elfsyms.writers.fill import fill
from elfsyms.writers.object import write_object
from elfsyms.writers.reserve import reserve
from elfsyms.writers.room import MismatchError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

POWER = next(target for target in TARGETS if target.name == "ppc64le")
REACH = 32 << 20
FAR = 60  # functions, 64 bytes each: about what a stub and its name take
SLACK = (0, 1, 2, 4)  # what the hook reserves, link by link

MANY = 20_000  # other symbols, so that one percent of the tables is room for some more

CODE = (
    "".join(f"\t.globl other_{i}\nother_{i}:\n" for i in range(MANY))
    + '\t.abiversion 2\n\t.section .text.near, "ax"\n'
    + "".join(f"\tbl far_{i}\n\tnop\n" for i in range(FAR))
    + '\t.section .far, "ax"\n'
    + "".join(
        f"\t.balign 16\n\t.globl far_{i}\n\t.type far_{i}, @function\nfar_{i}:\n\tblr\n\t.space 60\n"
        for i in range(FAR)
    )
)
ARM = next(target for target in TARGETS if target.name == "arm")
ARM_CODE = (
    "".join(f"\t.globl other_{i}\nother_{i}:\n" for i in range(MANY))
    + '\t.arm\n\t.section .text.near, "ax"\n'
    + "".join(f"\tbl far_{i}\n" for i in range(FAR))
    + '\t.section .far, "ax"\n'
    + "".join(f"\t.globl far_{i}\n\t.type far_{i}, %function\nfar_{i}:\n\tbx lr\n" for i in range(FAR))
)
SCRIPT = """\
ENTRY(start)
SECTIONS {{
	. = 0x1000000;
	.text : {{ _text = .; _stext = .; *(.text) _etext = .; *(.text.near) }}
	.branch_lt : {{ *(.branch_lt) }}
	.rodata : {{ *(.rodata) }}
	.far : {{ . += {gap}; *(.far) }}
	.data : {{ *(.data) }}
}}
"""


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """Make the kernel, with the gap that puts the first function out of reach by a little."""
    kernel = toy_of(tmp_path, "6.12", POWER, "ld.lld-19", more=CODE)
    for gap in (REACH // 2, 0):
        gap = gap or _gap(kernel)  # noqa: PLW2901 (the second is measured in the first)
        (tmp_path / "toy.lds").write_text(SCRIPT.format(gap=gap), encoding="ascii")
        if gap == REACH // 2:
            kernel.in_passes()
    return kernel


def _gap(kernel: Toy) -> int:
    """Return the gap with which, with whole tables between them, the last call is just out of reach."""
    with load(kernel.folder / "pass2", **kernel.request) as linked:
        far, near = (linked.symbols.address_of(name) for name in (b"far_%d" % (FAR - 1), b"_etext"))
    assert far is not None
    assert near is not None
    return REACH // 2 + REACH - (far - (near + 8 * (FAR - 1)))


def test_passes_do_not_agree(toy: Toy) -> None:
    """The premise: after the passes of stock, the final link has other symbols than its tables."""
    final = toy.in_passes()
    with load(final, **toy.request) as kernel:
        assert not verify(kernel).equal


def test_filled_kernel_agrees_with_itself(toy: Toy) -> None:
    """Linked as the hook does, three times, the tables are those of the very file: its stubs are in them."""
    toy.in_passes()
    image, links = toy.with_room(), 1
    for slack in SLACK:
        try:
            filled(toy, image)
            break
        except MismatchError:
            with load(image, **toy.request) as kernel:
                tables = write_object(reserve(kernel.layout, slack))
        image, links = toy.link(tables, "vmlinux"), links + 1
    assert has_its_own_tables(toy, image, b"__long_branch_")
    assert links == 3
    later = filled(toy, toy.link(tables, "vmlinux"))  # with the room remembered
    assert has_its_own_tables(toy, later, b"__long_branch_")


def test_room_to_spare_is_right_at_once(toy: Toy) -> None:
    """With ELFSYMS_SLACK, the first link with room is the only one, whatever stubs come with it."""
    toy.in_passes()
    assert has_its_own_tables(toy, filled(toy, toy.with_room(slack=2)), b"__long_branch_")


def test_stubs_that_no_table_lists_are_right_at_once(tmp_path: Path) -> None:
    """Stubs of GNU ld on Arm come with the tables, and move all behind them: one link is right, and stock's."""
    kernel = toy_of(tmp_path, "6.12", ARM, more=ARM_CODE)
    script = tmp_path / "toy.lds"
    script.write_text(SCRIPT.format(gap=REACH // 2), encoding="ascii")
    kernel.in_passes()
    without, with_tables = (_distance(kernel, image) for image in ("pass0", "pass2"))
    middle = (without + with_tables) // 2  # out of reach with tables alone
    script.write_text(SCRIPT.format(gap=REACH // 2 + REACH - middle), encoding="ascii")
    stock = kernel.in_passes()
    assert b"__far_0_veneer" not in (tmp_path / "pass0").read_bytes()
    assert b"__far_0_veneer" in stock.read_bytes()
    assert same(filled(kernel, kernel.with_room()), stock)


def filled(toy: Toy, image: Path) -> Path:
    """Fill an image in."""
    with load(image, **toy.request) as kernel:
        fill(kernel)
    return image


def has_its_own_tables(toy: Toy, image: Path, stub: bytes) -> bool:
    """Tell whether the tables in an image are those of its symbols, and stubs are among these."""
    with load(image, **toy.request) as kernel:
        return verify(kernel).equal and stub in kernel.system_map


def _distance(kernel: Toy, image: str) -> int:
    """Return how far the functions are from their callers."""
    with load(kernel.folder / image, **kernel.request) as linked:
        far, near = (linked.symbols.address_of(name) for name in (b"far_0", b"_etext"))
    assert far is not None
    assert near is not None
    return far - near
