# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines that the quick suite tries; the others are tried with the slow tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["everyday_first"]

# GNU's names of those that distributions build kernels for, a REL target and a big-endian one among them.
EVERYDAY = {"x86_64", "i686", "aarch64", "arm", "riscv64", "loongarch64", "powerpc64le", "s390x", "mipsel"}


class HasTriplet(Protocol):
    """A target, however a test describes it."""

    @property
    def name(self) -> str: ...
    @property
    def triplet(self) -> str: ...


T = TypeVar("T", bound=HasTriplet)


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
