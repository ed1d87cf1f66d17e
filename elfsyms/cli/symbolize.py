# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms symbolize [VMLINUX]``: a filter that says what the addresses in a kernel's log are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from elfsyms.cli import streams
from elfsyms.cli.parameters import table_arguments
from elfsyms.errors import InputError
from elfsyms.files import read_standard_input
from elfsyms.printable import shortened

if TYPE_CHECKING:
    from elfsyms.cli.quick import Job
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.trace.symbolize import Report

_MOST = 3  # names in a sentence


def symbolize(job: Job) -> int:
    """Read a kernel's log from standard input and say what its addresses are, in place.

    Takes dmesg, an oops, reports of lockdep and KASAN, and stacks of bare addresses.
    """
    given = job.given
    wanted = streams.request(**table_arguments(given))
    from elfsyms.cli.running import kernel_file  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.cli.symbol_text import refuse_text  # noqa: PLC0415 (as above)
    from elfsyms.decode.opening import open_kernel  # noqa: PLC0415 (as above)
    from elfsyms.inspect.kaslr_offset import checked_offset, read_offset  # noqa: PLC0415 (as above)
    from elfsyms.trace.module_files import module_paths, no_module  # noqa: PLC0415 (as above)
    from elfsyms.trace.symbolize import Symbolizer  # noqa: PLC0415 (as above)

    offset = None if given["kaslr"] is None else read_offset(given["kaslr"])
    modules = tuple(map(Path, given["modules"]))
    for path in modules:
        if not path.is_dir() and not module_paths(path):
            raise no_module(path)
    path = kernel_file(job.file)
    refuse_text(path, "symbolize")
    with open_kernel(path, wanted) as kernel:
        streams.say_findings(kernel.findings, verbose=given["verbose"])
        checked_offset(offset or 0, kernel.image.abi)
        running = _running_offset(kernel) if job.file is None and offset is None else None
        symbolizer = Symbolizer(kernel, modules, kaslr=offset, running=running, lines=given["lines"])
        streams.emit(symbolizer.symbolize(_log()))
        for sentence in _sentences(symbolizer.report, str(kernel.image.path), verbose=given["verbose"]):
            streams.say(f"elfsyms: {sentence}")
    return 0


def _log() -> bytes:
    """Return what comes by standard input; raises :class:`InputError`."""
    try:
        return read_standard_input()
    except OSError as error:
        raise InputError(f"cannot read standard input: {error.strerror}") from error


def _running_offset(kernel: Kernel) -> int | None:
    """Return how far the running kernel was moved; where it hides that, say so."""
    from elfsyms.detect.running import moved_by  # noqa: PLC0415 (only for the running kernel)

    linked = kernel.symbols.address_of(b"_stext")
    moved = None if linked is None else moved_by(linked)
    if moved is None:
        streams.say(
            "elfsyms: warning: /proc/kallsyms hides where the kernel is (kptr_restrict, or a container): bare "
            "addresses are resolved only if the log tells; else give --kaslr, or run as root"
        )
    return moved


def _sentences(report: Report, path: str, *, verbose: bool) -> list[str]:
    """Say what could not be resolved, and why."""
    found = []
    if verbose:
        found += [f"moved by {shift:#x} ({source})" for shift, source in report.offsets]
        found += [f"{report.resolved} addresses resolved"]
    if report.guessed:
        told = f"{report.guessed:,} addresses are" if report.guessed > 1 else "an address is"
        found.append(
            f"{told} named as if the kernel had not been moved: the log does not tell, --kaslr OFFSET would"
        )
    for module, names in report.other_size.items():
        whose = f"module {module}, so it is not the module" if module else f"{path}, so it is not the kernel"
        found.append(f"{_some(names)}: of another size in {whose} of this log")
    for module, names in report.unknown.items():
        found.append(f"{_some(names)}: not in {f'module {module}' if module else path}")
    if report.split:
        files = [f"{file} ({why})" for file, why in report.split.items()]
        found.append(f"what was inlined is not told of units whose files cannot be had: {_some(files)}")
    if report.no_module:
        found.append(f"{_some(report.no_module)}: no such module; give its folder with --modules")
    return found


def _some(names: Any) -> str:
    """Name a few, and count the rest."""
    shown = ", ".join(map(shortened, list(names)[:_MOST]))
    rest = len(names) - _MOST
    return f"{shown} and {rest} more" if rest > 0 else shown
