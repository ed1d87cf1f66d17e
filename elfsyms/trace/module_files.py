# SPDX-License-Identifier: GPL-2.0-or-later
"""The file of a loaded module, among those in some folders.

A folder may hold the modules of several kernels, and twice those of one: as they are loaded, and with their debug
information (``/usr/lib/debug``). Those that lie in a folder of the kernel's own name (``/lib/modules/NAME``) go
before others, and of these the first that has debug information is taken.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from elfsyms.image.module import is_module_path, module_name, open_module

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.image.module import ModuleFile

__all__ = ["ModuleFiles"]


class ModuleFiles:
    """The modules in some folders by the kernel's names for them."""

    def __init__(self, folders: tuple[Path, ...], kernel: str) -> None:
        """Take folders, and the kernel's own name for its release (``uname -r``), empty where it is not known."""
        self._folders, self._kernel = folders, kernel

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
        for folder in self._folders:
            for path in sorted(folder.rglob("*.ko*")):
                if is_module_path(path) and path.is_file():  # a FIFO would be waited for
                    paths.setdefault(module_name(path), []).append(path)
        return paths
