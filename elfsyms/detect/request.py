# SPDX-License-Identifier: GPL-2.0-or-later
"""What a caller asks for, and what was found of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from elfsyms.releases.options import OPTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.image.which_nm import Nm
    from elfsyms.releases.format_history import Release
    from elfsyms.releases.options import Options

__all__ = ["Finding", "Findings", "Request"]


class Request:
    """What the caller decides; None leaves a thing to be found in the file.

    Beside release, configuration, tree and nm, every field of :data:`elfsyms.releases.options.OPTIONS` may be
    given.
    """

    __slots__ = ("_options", "config", "nm", "release", "tree")

    def __init__(
        self,
        *,
        release: str | None = None,
        config: Path | None = None,
        tree: Path | None = None,
        nm: Nm | None = None,
        **options: Any,
    ) -> None:
        """Take what is decided; :class:`TypeError` for an option that there is not."""
        if unknown := options.keys() - {option.field for option in OPTIONS}:
            raise TypeError(f"no option is called {', '.join(sorted(unknown))}")
        self.release = release
        self.config = config
        self.tree = tree
        self.nm = nm
        self._options = {field: value for field, value in options.items() if value is not None}

    def options(self) -> dict[str, Any]:
        """Return the options that the caller decides, by field."""
        return dict(self._options)

    def changed(self, **values: Any) -> Self:
        """Return a request with some decisions changed."""
        own = {"release": self.release, "config": self.config, "tree": self.tree, "nm": self.nm}
        return type(self)(**(own | self._options | values))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, and what told it."""

    what: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Findings:
    """The release and options to work with, how they were found, and what contradicted."""

    release: Release
    options: Options
    found: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
