# SPDX-License-Identifier: GPL-2.0-or-later
"""Which program lists the symbols in a kernel's build: GNU nm, llvm-nm, or the kernel's own generator.

``make`` takes ``nm`` of the cross compiler's prefix, or ``llvm-nm`` with ``LLVM=1``. The two agree on nearly all
that a kernel has; where they do not (``gnu_letters.py`` and ``llvm_letters.py``), ``System.map`` and the tables
differ too. ``LLVM=1`` makes LLD the linker, and ``linux_banner`` names the linker since 5.8, that of Android's
kernels earlier: so a banner that names LLD means llvm-nm.

Leaves out other programs of that name (elfutils' ``eu-nm``), which are taken for GNU's.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from elfsyms.errors import UsageError

__all__ = ["GNU", "KERNEL", "Nm", "banner_nm", "parse_nm"]

_NAME = re.compile(r"gnu|kernel|(?P<llvm>llvm)(?:-(?P<version>\d{1,9}))?")
_PROGRAM = re.compile(r"(?:.*-)?nm(?:[-.].*)?")
_LLVM = re.compile(r"llvm-nm(?:-(?P<version>\d{1,9}))?")
_LINKER = re.compile(rb"\bLLD (\d{1,9})\.")


@dataclass(frozen=True, slots=True)
class Nm:
    """A program that lists symbols; ``major`` is LLVM's first number, None the newest known.

    ``kernel`` is the generator after 7.3, which reads the ELF file itself (``kernel_letters.py``).
    """

    family: Literal["gnu", "llvm", "kernel"]
    major: int | None = None

    @property
    def is_kernel(self) -> bool:
        """Tell whether it is the kernel's own generator."""
        return self.family == "kernel"

    @property
    def is_llvm(self) -> bool:
        """Tell whether it is llvm-nm."""
        return self.family == "llvm"

    def is_since(self, major: int) -> bool:
        """Tell whether it is llvm-nm of a major version or later."""
        return self.is_llvm and (self.major is None or self.major >= major)

    def __str__(self) -> str:
        """Return the name, as ``--nm`` takes it."""
        return self.family if self.major is None else f"{self.family}-{self.major}"


GNU, KERNEL = Nm("gnu"), Nm("kernel")


def parse_nm(text: str) -> Nm:
    """Read ``gnu``, ``llvm-19``, ``kernel``, or a program as make's ``NM`` has it: path, wrapper, options and all.

    A program that is there is followed to what it is a link to: ``nm`` itself is llvm-nm on some systems. Raises
    :class:`UsageError` for anything else.

    >>> parse_nm("ccache /opt/llvm/bin/llvm-nm-19"), parse_nm("aarch64-linux-gnu-nm -B")
    (Nm(family='llvm', major=19), Nm(family='gnu', major=None))
    """
    if match := _NAME.fullmatch(text):
        return _nm(match) if match["llvm"] else KERNEL if text == "kernel" else GNU
    words = [word for word in text.split() if _PROGRAM.fullmatch(Path(word).name)]
    if not words:
        raise UsageError(
            f"--nm takes gnu, llvm, llvm-VERSION, kernel, or the name of an nm program, not {text!r}"
        )
    found = shutil.which(words[0])
    real = os.path.realpath(found) if found else ""
    match = _LLVM.search(Path(words[0]).name) or _LLVM.search(Path(real).name)
    return _nm(match) if match else GNU


def _nm(match: re.Match[str]) -> Nm:
    return Nm("llvm", int(match["version"]) if match["version"] else None)


def banner_nm(banner: bytes) -> Nm | None:
    """Return the nm that goes with the linker a banner names; None where it names no LLD."""
    match = _LINKER.search(banner)
    return Nm("llvm", int(match[1])) if match else None
