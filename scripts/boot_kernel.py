#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Link a small kernel by its own tools and by elfsyms, compare, boot it, and ask it for its symbols.

    scripts/boot_kernel.py                  # 6.12 on x86-64, some 4 minutes of processor time the first time
    scripts/boot_kernel.py 7.3 arm64        # needs gcc-aarch64-linux-gnu and qemu-system-arm
    scripts/boot_kernel.py 7.3 --llvm=-19 --set LTO_CLANG_THIN
    scripts/boot_kernel.py --elfsyms "python3 -m elfsyms"

The same objects are linked twice. The maps must be equal, and all that is loaded but for the build-id. The
kernel then boots in QEMU, with its addresses randomized and without: its own test of the table must end well,
what ``/proc/kallsyms`` shows must be what ``elfsyms list --kaslr`` foretells, and where per-CPU symbols are
absolute (x86-64 up to 6.14) they must stay where they are while everything else moves by one offset.

Needs flex, bison, bc, libelf-dev, libssl-dev, qemu-system-x86, and Debian's source packages.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from debian import DebianError, run
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from emulator import INIT, Boot, BootError, boot
from initrd import write_initrd
from small_kernel import (
    PORTS,
    SELFTEST,
    Build,
    Kernel,
    KernelError,
    Link,
    Port,
    add_build_arguments,
    build_asked_for,
    compile_kernel,
    link,
    make_image,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Pair", "differences", "identical", "kaslr_offset", "link_both", "problems", "start"]

# With CONFIG_KALLSYMS_ABSOLUTE_PERCPU: what stays, and what moves by the offset, with the letters they show.
STAYING = {"__per_cpu_start": "A", "gdt_page": "A", "__per_cpu_end": "A"}
MOVING = {"_stext": "T", "__per_cpu_offset": "D"}

WORDS = {"with KASLR": (), "with nokaslr": ("nokaslr",)}


@dataclass(frozen=True, slots=True)
class Pair:
    """One kernel, linked by its own tools and by elfsyms, with what boots the latter."""

    kernel: Kernel
    elfsyms: str
    stock: Link
    ours: Link
    image: Path
    initrd: Path


def link_both(
    release: str, port: Port, elfsyms: str, build: Build | None = None, settings: tuple[str, ...] = ()
) -> Pair:
    """Compile a kernel unless the cache has it, link it twice, and make what boots of the second link.

    ``settings`` are variables of make for the second one.
    """
    kernel = compile_kernel(release, port, build)
    folder = kernel.objects.parent
    stock = link(kernel, folder / "stock")
    ours = link(kernel, folder / "ours", elfsyms=elfsyms, settings=settings)
    image = make_image(kernel, folder / "ours")
    return Pair(kernel, elfsyms, stock, ours, image, write_initrd(port.name, INIT, folder / "initrd"))


def differences(pair: Pair) -> list[str]:
    """Return how the two links differ in what runs and in their maps, a sentence each."""
    found = []
    if pair.stock.system_map.read_bytes() != pair.ours.system_map.read_bytes():
        found.append("System.map differs")
    stock, ours = _loaded(pair.stock.vmlinux), _loaded(pair.ours.vmlinux)
    names = (name for name in sorted({*stock, *ours}) if stock.get(name) != ours.get(name))
    return [*found, *(f"section {name} of vmlinux differs" for name in names)]


def identical(pair: Pair) -> bool:
    """Tell whether the two files are equal to the last byte, but for their build-ids."""
    stock, ours = pair.stock.vmlinux, pair.ours.vmlinux
    return _without(_build_id(stock), stock.read_bytes()) == _without(_build_id(ours), ours.read_bytes())


def start(pair: Pair, *words: str) -> Boot:
    """Boot what elfsyms linked, with words on the kernel's command line."""
    return boot(pair.kernel.port.name, pair.image, pair.initrd, *words)


def kaslr_offset(pair: Pair, booted: Boot) -> int:
    """Return how far the running kernel is from where it was linked."""
    return _symbols(booted.kallsyms)["_stext"][0] - _linked(pair)["_stext"][0]


def problems(pair: Pair, booted: Boot) -> Iterator[str]:
    """Yield what is wrong with a boot, a sentence each."""
    if _is_set(pair.kernel, SELFTEST) and not booted.said("kallsyms_selftest: finish"):
        yield "the kernel's own test of its table did not finish: " + "; ".join(
            booted.said("kallsyms_selftest")
        )
    offset = kaslr_offset(pair, booted)
    foretold = _foretold(pair, offset)
    if foretold != booted.kallsyms:
        where = _first_difference(booted.kallsyms, foretold)
        yield f"/proc/kallsyms is not what elfsyms list foretells: {where}"
    if _is_set(pair.kernel, "KALLSYMS_ABSOLUTE_PERCPU"):
        yield from _absolute_percpu(_linked(pair), _symbols(booted.kallsyms), offset)


def _absolute_percpu(
    linked: dict[str, tuple[int, str]], shown: dict[str, tuple[int, str]], offset: int
) -> Iterator[str]:
    """Yield which symbols break the law for which ``--absolute-percpu`` came into the kernel."""
    for names, distance in ((STAYING, 0), (MOVING, offset)):
        for name, letter in names.items():
            wanted = (linked[name][0] + distance, letter)
            if shown.get(name) != wanted:
                yield f"{name} shows as {shown.get(name)} where {wanted} is right"


def _foretold(pair: Pair, offset: int) -> tuple[str, ...]:
    command = [*shlex.split(pair.elfsyms), "list", str(pair.ours.vmlinux), "--kaslr", hex(offset)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise KernelError(f"elfsyms list failed: {done.stderr.strip()}")
    return tuple(done.stdout.splitlines())


def _linked(pair: Pair) -> dict[str, tuple[int, str]]:
    return _symbols(pair.stock.system_map.read_text(encoding="utf-8").splitlines())


def _symbols(lines: tuple[str, ...] | list[str]) -> dict[str, tuple[int, str]]:
    """Return address and letter by name, of lines as System.map and /proc/kallsyms have them."""
    fields = (line.split(" ", 2) for line in lines)  # a name may be empty: Thumb code has such labels
    return {name: (int(address, 16), letter) for address, letter, name in fields}


def _first_difference(shown: tuple[str, ...], foretold: tuple[str, ...]) -> str:
    pairs = zip(shown, foretold, strict=False)
    at = next((f"{one!r} is shown, {other!r} foretold" for one, other in pairs if one != other), "")
    return at or f"{len(shown)} lines are shown, {len(foretold)} foretold"


def _is_set(kernel: Kernel, symbol: str) -> bool:
    return f"CONFIG_{symbol}=y\n" in (kernel.objects / ".config").read_text(encoding="utf-8")


def _loaded(vmlinux: Path) -> dict[str, tuple[int, bytes]]:
    """Return address and bytes of every section that is loaded, the build-id left out."""
    build_id = _build_id(vmlinux)
    with vmlinux.open("rb") as stream:
        return {
            section.name: (section["sh_addr"], _without(build_id, section.data()))
            for section in ELFFile(stream).iter_sections()
            if section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section["sh_type"] != "SHT_NOBITS"
        }


def _build_id(vmlinux: Path) -> bytes:
    command = ["readelf", "--notes", "--wide", str(vmlinux)]
    found = re.search(r"Build ID: ([0-9a-f]+)", run(command))
    return bytes.fromhex(found[1]) if found else b""


def _without(build_id: bytes, data: bytes) -> bytes:
    return data.replace(build_id, bytes(len(build_id))) if build_id else data


def _report(pair: Pair) -> list[str]:
    """Print how everything went; return what went wrong."""
    print(f"Linux {pair.kernel.release} for {pair.kernel.port.name}: {pair.kernel.objects}")
    print(f"link stage: stock {pair.stock.seconds:.2f} s, elfsyms {pair.ours.seconds:.2f} s")
    wrong = differences(pair)
    print("System.map and what is loaded: " + ("; ".join(wrong) or "identical"))
    print("the whole vmlinux, build-id aside: " + ("identical" if identical(pair) else "differs"))
    same_id = pair.stock.vmlinux.read_bytes() == pair.ours.vmlinux.read_bytes()
    print("and with it: " + ("identical" if same_id else "differs"))
    for name, words in WORDS.items():
        booted = start(pair, *words)
        found = list(problems(pair, booted))
        offset = kaslr_offset(pair, booted)
        print(f"{name}: {booted.seconds:.0f} s, {len(booted.kallsyms):,} symbols, moved by {offset:#x}")
        print("\n".join(f"  {line}" for line in [*booted.said("kallsyms_selftest"), *found]))
        wrong += found
    return wrong


def main() -> int:
    """Do it all for the kernel named on the command line."""
    parser = argparse.ArgumentParser(description="Link a small kernel with elfsyms, compare, and boot it.")
    parser.add_argument("release", nargs="?", default="6.12")
    parser.add_argument("port", nargs="?", choices=PORTS, default="x86_64")
    parser.add_argument("--elfsyms", default="elfsyms", help="the command to link with")
    parser.add_argument("--once", action="store_true", help="link once, as with ELFSYMS_LINK=once")
    add_build_arguments(parser)
    wanted = parser.parse_args()
    build = build_asked_for(wanted)
    try:
        settings = ("ELFSYMS_LINK=once",) if wanted.once else ()
        wrong = _report(link_both(wanted.release, PORTS[wanted.port], wanted.elfsyms, build, settings))
    except (BootError, DebianError, KernelError) as error:
        print(f"boot_kernel: {error}", file=sys.stderr)
        return 3
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
