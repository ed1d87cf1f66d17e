# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms decode FILE``: tables back to the symbols that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elfsyms.cli import streams
from elfsyms.errors import NotThereError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.cli.parameters import Given
    from elfsyms.cli.quick import Job
    from elfsyms.decode.decode import Decoded
    from elfsyms.decode.recovered import Recovered
    from elfsyms.image.kernel_file import KernelFile
    from elfsyms.releases.format_history import Release


def decode(job: Job) -> int:
    """Read kallsyms tables back, of any release, and print their symbols as /proc/kallsyms does.

    The tables are found by their labels, or where you say; in a kernel without symbols, packed or not, by
    searching its bytes. Tables that a kernel would trip over are told, and make the exit code 1.
    """
    from elfsyms.writers.output import check_different, write_outputs  # noqa: PLC0415 (not for --help)

    given, file = job.given, job.named_file
    elf = given["elf"]
    if elf is not None:
        check_different({"FILE": file, "--elf": elf})
    decoded, image = _decoded(file, given)
    if given["json"]:
        streams.emit_json("elfsyms.decode/2", _facts(file, decoded))
    else:
        streams.say(f"{file}: {len(decoded):,} symbols, tables of release {decoded.release.name}")
        if elf is None:
            streams.emit(decoded.text())
    for problem in decoded.problems:
        streams.say(f"elfsyms: {problem}")
    write_outputs(
        [] if elf is None else [(elf, streams.for_output(elf, image))]
    )  # last: all that can fail does so before a file changes
    return 1 if decoded.problems else 0


def _decoded(file: Path, given: Given) -> tuple[Decoded, bytes]:
    """Decode the tables where the options say that they are, or look for them.

    Returns the kernel as an ELF file too, where that is asked for, else no bytes.
    """
    release, base_relative, elf = given["release"], given["base_relative"], given["elf"]
    tables = {name: streams.hexadecimal(number, "--address") for name, number in map(_pair, given["address"])}
    at, text = (_number(given, name) for name in ("dump_at", "text"))
    if given["kaslr"] is not None and elf is None:
        raise UsageError(
            "--kaslr moves what --elf writes: give --elf OUT, too, or see 'elfsyms list --kaslr'"
        )
    if elf is not None:
        from elfsyms.inspect.kaslr_offset import read_offset  # noqa: PLC0415 (only this needs it)

        moved = 0 if given["kaslr"] is None else read_offset(given["kaslr"])
        return _search(file, release, at, verbose=given["verbose"], moved=moved)
    if tables and at is not None:
        return _dump(file, release, given["like"], at, tables, base_relative), b""
    if tables or text is not None:
        return _file(file, release, text, tables, base_relative), b""
    return _search(file, release, at, verbose=given["verbose"], base_relative=base_relative)


def _number(given: Given, name: str) -> int | None:
    """Return the hexadecimal number of an option, None where it is not given."""
    text = given[name]
    return None if text is None else streams.hexadecimal(text, f"--{name.replace('_', '-')}")


def _has_labels(kernel: KernelFile) -> bool:
    """Tell whether a file has symbols that say where its tables are, or is an object, which must."""
    from elfsyms.decode.locate import has_labels  # noqa: PLC0415 (not for a usage error)
    from elfsyms.image.elf import RELOCATABLE  # noqa: PLC0415 (as above)

    if kernel.image is None or kernel.is_core:
        return False
    return kernel.image.file_type == RELOCATABLE or has_labels(kernel.image)


def _search(
    file: Path,
    release: str | None,
    at: int | None,
    *,
    verbose: bool,
    moved: int | None = None,
    base_relative: bool | None = None,
) -> tuple[Decoded, bytes]:
    """Decode a kernel by its labels, or search for its tables and say how.

    Returns its ELF file too, where ``moved`` tells how far it was moved, else no bytes.
    """
    from elfsyms.decode.recover import recover  # noqa: PLC0415 (as above)
    from elfsyms.image.kernel_file import open_kernel_file  # noqa: PLC0415 (as above)

    with open_kernel_file(file) as kernel:
        if moved is None and _has_labels(kernel):
            return _file(file, release, None, {}, base_relative), b""
        found = recover(kernel, release, at)
        image = b"" if moved is None else _rebuilt(found, moved)
    for line in found.evidence if verbose else ():
        streams.say(f"elfsyms: {line}")
    for note in found.notes:
        streams.say(f"elfsyms: {file}: {note}")
    return found.decoded, image


def _rebuilt(found: Recovered, moved: int) -> bytes:
    """Return a kernel as an ELF file; raises :class:`NotThereError` where nothing tells where it lies."""
    from elfsyms.decode.rebuild import rebuild  # noqa: PLC0415 (only this needs it)
    from elfsyms.inspect.kaslr_offset import checked_offset  # noqa: PLC0415 (as above)

    if not found.placed:
        raise NotThereError(
            f"{found.file.path}: nothing tells at which address the image lies: give --dump-at HEX, the address of "
            "its first byte, to write an ELF file of it"
        )
    return rebuild(found, kaslr=checked_offset(moved, found.decoded.abi))


def _pair(text: str) -> tuple[str, str]:
    from elfsyms.releases.table_labels import TABLES  # noqa: PLC0415 (not for --help)

    name, equals, number = text.partition("=")
    if not equals:
        raise UsageError(f"--address takes TABLE=HEX, as num_syms=ffffffff82000000, not {text!r}")
    table = name.removeprefix("kallsyms_")
    if table not in TABLES:
        raise UsageError(f"no table is called {name!r}: --address takes one of {', '.join(TABLES)}")
    return table, number


def _file(
    file: Path, release: str | None, text: int | None, tables: dict[str, int], base_relative: bool | None
) -> Decoded:
    from elfsyms.decode.decode import decode_file  # noqa: PLC0415 (not for a usage error)

    return decode_file(
        file, _release(file, release), tables=tables or None, text=text, base_relative=base_relative
    )


def _dump(
    file: Path,
    release: str | None,
    like: Path | None,
    base: int,
    tables: dict[str, int],
    base_relative: bool | None,
) -> Decoded:
    """Decode a dump whose tables lie where the user says; class and release must then be told, too."""
    lacking = {"--like ELF": like is None, "--release R": release is None}
    if like is None or release is None:
        missing = " and ".join(option for option, lacks in lacking.items() if lacks)
        raise UsageError(
            f"with --address a dump tells neither its class nor its release: give {missing}, too, or leave "
            "--address out to have the tables searched"
        )
    from elfsyms.decode.decode import decode_dump  # noqa: PLC0415 (as above)
    from elfsyms.image.elf import read_abi  # noqa: PLC0415 (as above)
    from elfsyms.releases.format_history import find_release  # noqa: PLC0415 (as above)

    return decode_dump(file, find_release(release), read_abi(like), base, tables, base_relative=base_relative)


def _release(file: Path, name: str | None) -> Release:
    """Return the release that is given, or that a kernel tells."""
    from elfsyms.image.elf import RELOCATABLE, open_image  # noqa: PLC0415 (as above)
    from elfsyms.pipeline.kernel import load  # noqa: PLC0415 (as above)
    from elfsyms.releases.format_history import find_release  # noqa: PLC0415 (as above)

    if name is not None:
        return find_release(name)
    with open_image(file) as image:
        if image.file_type == RELOCATABLE:
            raise UsageError(f"{file} is an object, which does not tell its release: give --release R")
        if image.section(".symtab") is None:
            raise UsageError(
                f"{file} is stripped, and with --address does not tell its release: give --release R, too"
            )
    with load(file) as kernel:
        streams.say_findings(kernel.findings, verbose=False)
        return kernel.release


def _facts(file: Path, decoded: Decoded) -> dict[str, Any]:
    rows = zip(
        decoded.address.tolist(),
        decoded.letter.tolist(),
        decoded.names(),
        decoded.absolute.tolist(),
        strict=True,
    )
    return {
        "file": str(file),
        "release": decoded.release.name,
        "form": decoded.form,
        "tables": {f"kallsyms_{name}": f"{start:#x}" for name, start in decoded.tables.items()},
        "problems": list(decoded.problems),
        "symbols": [
            {
                "address": f"{address:#x}",
                "type": chr(letter),
                "name": name.decode("utf-8", "backslashreplace"),
                "absolute": absolute,
            }
            for address, letter, name, absolute in rows
        ],
    }
