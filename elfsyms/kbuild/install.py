# SPDX-License-Identifier: GPL-2.0-or-later
"""The hook in a kernel source tree: put in, looked at, and taken out without a trace.

Two things change in the tree: the file ``scripts/elfsyms-hook.sh``, and one line in
``scripts/link-vmlinux.sh``, after the function definitions, that reads it. The tree builds as before until
``make`` is given ``ELFSYMS``. A tree whose script has a shape that the hook does not fit stays as it is.

Leaves out build trees (``O=``): the scripts are those of the source tree.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from importlib.resources import files
from typing import TYPE_CHECKING

from elfsyms.detect.sources import SourceError
from elfsyms.detect.tree import tree_release, tree_version
from elfsyms.errors import InputError, NotThereError, OutputError
from elfsyms.files import read_regular, reading
from elfsyms.kbuild.shapes import ANCHOR, Mismatch, Script, Shape, once_mismatch, read_script, recognise
from elfsyms.releases.versions import format_version
from elfsyms.staging import remove_leftovers
from elfsyms.writers.output import write_output, write_outputs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    Report: TypeAlias = Callable[["Status"], object]

__all__ = ["HOOK_NAME", "LINE", "State", "Status", "hook_text", "install", "remove", "status"]

HOOK_NAME = "elfsyms-hook.sh"
LINE = f'. "${{srctree}}/scripts/{HOOK_NAME}"\n'

_MARK = b"# elfsyms in the link of vmlinux.\n"  # in every hook file that was ever installed
_ENCODING = "utf-8"
_ERRORS = "surrogateescape"  # bytes that are no UTF-8 come back as they were


class State(Enum):
    """What of the hook is in a tree; the value is what ``status`` prints."""

    ABSENT = "not installed"
    INSTALLED = "installed"
    OUTDATED = "installed by another version of elfsyms"
    DAMAGED = "half installed"


@dataclass(frozen=True, slots=True)
class Status:
    """A tree and the hook in it.

    ``shape`` is None, and ``mismatch`` says why, where the hook does not fit. ``refused`` is why the main job
    refuses the tree, empty where it does not: a script that is not understood.
    """

    tree: Path
    release: str
    state: State
    shape: Shape | None
    mismatch: str
    fix: str
    once_mismatch: str = ""  # why there cannot be one link, where there cannot
    refused: str = ""

    @property
    def sentence(self) -> str:
        """The answer for the user, with what to do if there is something to do."""
        if self.refused:
            return f"{self.tree} (Linux {self.release}): {self.state.value}; refused: {self.refused}"
        fits = (
            f"its link script is one of {self.shape.releases}"
            if self.shape
            else f"no shape fits: {self.mismatch}"
        )
        fix = f"; {self.fix}" if self.fix else ""
        return f"{self.tree} (Linux {self.release}): {self.state.value}; {fits}{fix}"

    @property
    def can_link_once(self) -> bool:
        """Whether ``ELFSYMS_LINK=once`` is for this tree."""
        return self.shape is not None and not self.once_mismatch

    @property
    def once_sentence(self) -> str:
        """The answer for the user on ``ELFSYMS_LINK=once``, with why it is not for this tree."""
        if self.shape is None or self.once_mismatch:
            return f"one link (ELFSYMS_LINK=once): not in this tree: {self.once_mismatch or 'no shape fits'}"
        return "one link (ELFSYMS_LINK=once): fits"


def hook_text() -> bytes:
    """Return the shell file that this version of elfsyms installs."""
    return files("elfsyms.kbuild").joinpath("hook.sh").read_bytes()


def status(tree: Path) -> Status:
    """Tell whether the hook is in a tree, and whether it could be: whether the tree's scripts are understood.

    Raises :class:`NotThereError` where there is no link script, :class:`InputError` where no Makefile.
    """
    text = _read_script(tree)
    state, fix = _state(LINE in _lines(text), _read_hook(tree))
    script = read_script(_without_line(text))
    shape, mismatch = _fit(script)
    refused = _refusal(tree) if shape else ""
    return Status(tree, _release(tree), state, shape, mismatch, fix, once_mismatch(script), refused)


def install(tree: Path, report: Report | None = None) -> Status:
    """Put the hook into a tree, or bring it up to date there; return what is so now.

    ``report`` is told that before anything changes, and what it raises keeps everything as it is.

    Raises :class:`InputError`, and changes nothing, where the link script is of no known shape or a link to that of
    another tree, a script is not understood, or a file of the hook's name is there that is not ours;
    :class:`OutputError` where the tree cannot be written.
    """
    _check_own(tree)
    before = status(tree)
    if before.shape is None:
        raise InputError(
            f"the link script of {tree} (Linux {before.release}) is none that the hook fits: "
            f"{before.mismatch}; nothing was changed"
        )
    if before.refused:
        raise InputError(f"{before.refused}; nothing was changed")
    _check_ours(tree)
    script = _encode(_with_line(_read_script(tree)))
    after = replace(before, state=State.INSTALLED, fix="")
    if report:
        report(after)
    write_outputs([(_hook(tree), hook_text()), (_script(tree), script)])  # the line last: it needs the hook
    _remove_leftovers(tree)
    return after


def remove(tree: Path, report: Report | None = None) -> Status:
    """Take the hook out of a tree, also a damaged one; return what is so now, which ``report`` is told before.

    Raises :class:`OutputError` where the tree cannot be written, :class:`InputError` where its script is a link
    to that of another tree. A tree without the hook stays as it is.
    """
    _check_own(tree)
    text = _read_script(tree)
    _check_ours(tree)
    after = replace(status(tree), state=State.ABSENT, fix="")
    if report:
        report(after)
    if _without_line(text) != text:
        write_output(_script(tree), _encode(_without_line(text)))
    try:
        _hook(tree).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot remove {_hook(tree)}: {error.strerror}") from error
    _remove_leftovers(tree)
    return after


def _remove_leftovers(tree: Path) -> None:
    """Remove what a run that was killed left, also where this one had nothing to write."""
    with suppress(OSError):
        remove_leftovers(tree / "scripts")


def _state(line: bool, hook: bytes | None) -> tuple[State, str]:
    """Return the state of a tree, and the fix if something is wrong."""
    if hook is not None and _MARK not in hook:
        return State.ABSENT, f"but scripts/{HOOK_NAME} is there and not from elfsyms: rename it"
    if line and hook is not None:
        if hook == hook_text():
            return State.INSTALLED, ""
        return State.OUTDATED, "elfsyms kbuild install brings it up to date"
    if line:
        return (
            State.DAMAGED,
            f"scripts/{HOOK_NAME} is missing and every build stops there: install or remove it",
        )
    if hook is not None:
        return State.DAMAGED, "the line in scripts/link-vmlinux.sh is missing: install or remove it"
    return State.ABSENT, ""


def _fit(script: Script) -> tuple[Shape | None, str]:
    try:
        return recognise(script), ""
    except Mismatch as mismatch:
        return None, str(mismatch)


def _refusal(tree: Path) -> str:
    """Return why the main job would refuse a tree's scripts, empty where it would not."""
    try:
        tree_release(tree)
    except SourceError as error:
        return error.finding
    except InputError as error:
        return str(error)
    return ""


def _with_line(text: str) -> str:
    """Return the script with our line before the anchor, once."""
    bare = _without_line(text)
    return bare.replace(f"{ANCHOR}\n", f"{LINE}{ANCHOR}\n", 1)


def _without_line(text: str) -> str:
    return "".join(line for line in _lines(text) if line != LINE)


def _lines(text: str) -> list[str]:
    """Return the lines of a script as a shell reads them: a line feed ends one, and nothing else."""
    return [part for part in re.split(r"(?<=\n)", text) if part]


def _script(tree: Path) -> Path:
    return tree / "scripts" / "link-vmlinux.sh"


def _hook(tree: Path) -> Path:
    return tree / "scripts" / HOOK_NAME


def _read_script(tree: Path) -> str:
    try:
        return read_regular(_script(tree)).decode(_ENCODING, _ERRORS)
    except OSError as error:
        raise NotThereError(
            f"{tree} has no scripts/link-vmlinux.sh ({error.strerror}): "
            "give the top of a kernel source tree, 5.10 or later"
        ) from error


def _encode(text: str) -> bytes:
    return text.encode(_ENCODING, _ERRORS)


def _read_hook(tree: Path) -> bytes | None:
    with reading(_hook(tree)):
        try:
            return read_regular(_hook(tree))
        except FileNotFoundError:
            return None


def _check_ours(tree: Path) -> None:
    hook = _read_hook(tree)
    if hook is not None and _MARK not in hook:
        raise InputError(f"{_hook(tree)} is not from elfsyms: rename it; nothing was changed")


def _check_own(tree: Path) -> None:
    """Raise :class:`InputError` for a script or hook that lies elsewhere, and may be that of other trees too."""
    for path in (_script(tree), _hook(tree)):
        own = os.path.join(os.path.realpath(tree), "scripts", path.name)  # noqa: PTH118 (names, for realpath)
        real = os.path.realpath(path)
        if real != own:
            raise InputError(
                f"{path} is {real}, through a link, and other trees may use that: give the tree it belongs to, or "
                "put a copy in place of the link; nothing was changed"
            )


def _release(tree: Path) -> str:
    return format_version(tree_version(tree))
