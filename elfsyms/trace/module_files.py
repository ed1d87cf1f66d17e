# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of modules that a path names, and among those the file of a loaded module.

A folder may hold the modules of several kernels, and twice those of one: as they are loaded, and with their debug
information (``/usr/lib/debug``). Those that lie in a folder of the kernel's own name (``/lib/modules/NAME``) go
before others, and of these the first that has debug information is taken.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from elfsyms.errors import NotThereError
from elfsyms.image.module import is_module_path, module_name, open_module

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.image.module import ModuleFile

__all__ = ["ModuleFiles", "module_paths", "no_module"]


def module_paths(path: Path) -> list[Path]:
    """Return the modules' files that a path is, or that a folder has in it, in the order of their names."""
    if not path.is_dir():
        return [path] if is_module_path(path) else []
    # A FIFO of such a name would be waited for.
    return [file for file in sorted(path.rglob("*.ko*")) if is_module_path(file) and file.is_file()]


def no_module(path: Path) -> NotThereError:
    """Return the error of a path that names no module."""
    return NotThereError(f"{path} is no module (.ko, .ko.xz, .ko.zst, .ko.gz), nor a folder that has one")


class ModuleFiles:
    """Some modules, and those in some folders, by the kernel's names for them."""

    def __init__(self, named: tuple[Path, ...], kernel: str) -> None:
        """Take paths, and the kernel's own name for its release (``uname -r``), empty where it is not known."""
        self._named, self._kernel = named, kernel

    def open(self, name: str, *, lines: bool) -> ModuleFile | None:
        """Return the open file of a module, None where there is none; ``lines``: one with debug information first.

        Raises :class:`InputError` for a file that cannot be read.
        """
        paths = self._paths.get(name.replace("-", "_"), [])
        own = [path for path in paths if self._kernel in path.parts] or paths
        opened: list[ModuleFile] = []
        for path in own:
            module = open_module(path)
            if not lines or module.image.dwarf() is not None:
                return module
            opened.append(module)
        return opened[0] if opened else None

    @cached_property
    def _paths(self) -> dict[str, list[Path]]:
        paths: dict[str, list[Path]] = {}
        for path in (file for one in self._named for file in module_paths(one)):
            paths.setdefault(module_name(path), []).append(path)
        return paths
