# SPDX-License-Identifier: GPL-2.0-or-later
"""What the quick suite tries of many machines, releases and samples; the others are tried with the slow tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["everyday_first", "the_rest_slow"]

# GNU's names of those that distributions build kernels for, a REL target and a big-endian one among them.
EVERYDAY = {"x86_64", "i686", "aarch64", "arm", "riscv64", "loongarch64", "powerpc64le", "s390x", "mipsel"}


class HasTriplet(Protocol):
    """A target, however a test describes it."""

    @property
    def name(self) -> str: ...
    @property
    def triplet(self) -> str: ...


T = TypeVar("T", bound=HasTriplet)
V = TypeVar("V")


def everyday_first(targets: Iterable[T]) -> list[Any]:
    """Return parameters of a test, the targets of other machines marked as slow."""
    return [
        pytest.param(
            target,
            id=target.name,
            marks=[] if target.triplet.partition("-")[0] in EVERYDAY else [pytest.mark.slow],
        )
        for target in targets
    ]


def the_rest_slow(values: Iterable[V], quick: Callable[[int, V], bool]) -> list[Any]:
    """Return parameters of a test, those marked as slow of which ``quick`` of place and value is not true."""
    return [
        pytest.param(
            *(value if isinstance(value, tuple) else (value,)),
            marks=[] if quick(place, value) else [pytest.mark.slow],
            id=_told(value),
        )
        for place, value in enumerate(values)
    ]


def _told(value: object) -> str:
    """Return the words of a case: texts, numbers, and lists of them."""
    if isinstance(value, tuple):
        return "-".join(map(_told, filter(lambda part: isinstance(part, str | int | list | tuple), value)))
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
