#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot a kernel under KASLR in QEMU, dump the guest's memory, decode it, compare with its own ``/proc/kallsyms``.

    scripts/memory_dump.py VMLINUZ [--memory MIB] [--keep FOLDER]

Two dumps are made of one guest: raw memory (``pmemsave``), and an ELF core (``dump-guest-memory -p``). Of each the
symbols must be, line for line, those that the guest showed, modules and what it added at run time set aside.

Leaves out machines other than x86-64.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from emulator import BEGIN, END
from initrd import write_initrd

from elfsyms.decode.recover import recover
from elfsyms.errors import ElfsymsError
from elfsyms.image.kernel_file import open_kernel_file

INIT = f"""\
#!/busybox sh
/busybox mount -t proc proc /proc
/busybox dmesg -n 1
echo '{BEGIN}'
/busybox cat /proc/kallsyms
echo '{END}'
/busybox sleep 100000
"""
PATIENCE = 400  # seconds until the guest has shown its symbols
CPU = ("-accel", "tcg", "-cpu", "qemu64", "-smp", "1")
QUIET = ("-nographic", "-no-reboot", "-nodefaults", "-serial", "file:console", "-device", "vmcoreinfo")


def dump(kernel: Path, folder: Path, memory: int) -> list[str]:
    """Leave ``raw`` and ``core`` in a folder; return the lines that the guest showed of its symbols."""
    initrd = write_initrd("x86_64", INIT, folder / "initrd")
    command = ["qemu-system-x86_64", *CPU, *QUIET, "-m", str(memory), "-kernel", str(kernel.absolute())]
    command += ["-initrd", str(initrd.absolute()), "-append", "console=ttyS0 panic=-1"]
    command += ["-monitor", "unix:monitor,server=on,wait=off"]
    with subprocess.Popen(command, cwd=folder) as guest:
        try:
            lines = _shown(folder / "console", guest)
            _order(folder / "monitor", f"pmemsave 0 {memory << 20} raw", "dump-guest-memory -p core")
        finally:
            guest.kill()
    return lines


def _shown(console: Path, guest: subprocess.Popen[bytes]) -> list[str]:
    """Wait until the guest has shown its symbols, and return the lines."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and guest.poll() is None:
        text = console.read_text("latin-1") if console.exists() else ""
        if END in text.partition(BEGIN)[2]:
            return text.partition(BEGIN)[2].partition(END)[0].split("\n")[1:-1]
        time.sleep(1)
    tail = console.read_text("latin-1")[-500:] if console.exists() else ""
    raise SystemExit(f"memory_dump: the guest showed no symbols; its console ends in:\n{tail}")


def _order(monitor: Path, *orders: str) -> None:
    """Give QEMU's monitor orders, one after the other is done."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(PATIENCE)
        wire.connect(str(monitor))
        _prompt(wire)
        for words in orders:
            wire.sendall(words.encode() + b"\n")
            _prompt(wire)


def _prompt(wire: socket.socket) -> None:
    text = b""
    while not text.endswith(b"(qemu) "):
        piece = wire.recv(4096)
        if not piece:
            raise SystemExit("memory_dump: QEMU ended before its memory was written")
        text += piece


def own_lines(lines: list[str]) -> list[str]:
    """Return the guest's lines but those of modules and of what it added: they follow the kernel's own."""
    own = [line.rstrip("\r") for line in lines]
    return [line for line in own if "\t[" not in line]


def compare(path: Path, shown: list[str]) -> str:
    """Decode a dump; return how it differs from what the guest showed, empty if not at all."""
    start = time.monotonic()
    try:
        with open_kernel_file(path) as file:
            found = recover(file)
    except ElfsymsError as error:
        return str(error)
    lines = found.decoded.text().decode("latin-1").splitlines()
    print(f"{path.name}: {len(lines):,} symbols in {time.monotonic() - start:.1f} s")
    for one, other in zip(lines, shown, strict=False):
        if one != other:
            return f"{one!r} where the guest has {other!r}"
    return "" if len(lines) == len(shown) else f"{len(lines):,} symbols where the guest has {len(shown):,}"


def main() -> int:
    """Boot, dump, compare."""
    parser = argparse.ArgumentParser(
        description="Decode the memory of a guest, and compare with its own account."
    )
    parser.add_argument("kernel", type=Path)
    parser.add_argument("--memory", type=int, default=512, help="MiB of the guest")
    parser.add_argument("--keep", type=Path, help="a folder to leave the dumps in")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = wanted.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        for left in ("console", "monitor", "raw", "core"):  # of an earlier run, which is not this guest's
            (folder / left).unlink(missing_ok=True)
        shown = own_lines(dump(wanted.kernel, folder, wanted.memory))
        wrong = {name: compare(folder / name, shown) for name in ("raw", "core")}
    for name, words in wrong.items():
        print(f"{name}: {words or 'equal'}")
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
