# SPDX-License-Identifier: GPL-2.0-or-later
"""elfsyms: the Linux kernel's symbol table (kallsyms), made straight from the ELF file.

    >>> import elfsyms
    >>> with elfsyms.load("vmlinux") as kernel:  # doctest: +SKIP
    ...     print(kernel.release.name, len(kernel.tables.records))

The public names are written once, in ``__init__.pyi``, which type checkers read, and from which a name is looked
up when it is first used: ``import elfsyms`` costs next to nothing.
"""

from __future__ import annotations

from elfsyms._version import __version__

__all__ = ["__version__"]


def __getattr__(name: str) -> object:
    """Import a public name from its module when it is first asked for."""
    from importlib import import_module  # noqa: PLC0415 (not for `elfsyms --version`)

    home = _homes().get(name)
    if home is None:
        raise AttributeError(f"module 'elfsyms' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted({*globals(), *_homes()})


def _homes() -> dict[str, str]:
    """Return the module of each public name, as ``__init__.pyi`` has it."""
    import re  # noqa: PLC0415 (as above)
    from pathlib import Path  # noqa: PLC0415 (as above)

    stub = Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    return {
        name: home for home, name in re.findall(r"^from (elfsyms\S+) import (\w+) as \2$", stub, re.MULTILINE)
    }
