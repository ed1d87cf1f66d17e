#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot a kernel under KASLR in QEMU, dump the guest's memory, decode it, compare with its own ``/proc/kallsyms``.

    scripts/memory_dump.py VMLINUZ [--port i386] [--memory MIB] [--keep FOLDER]

Three dumps are made of one guest: raw memory (``pmemsave``), an ELF core (``dump-guest-memory -p``), and its
``/proc/kcore`` (``guest_kcore.py``). Of each the symbols must be, line for line, those that the guest showed,
modules and what it added at run time set aside.

Leaves out machines other than PCs.
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
from guest_kcore import SCRIPT, check_sums, put_segment, write_head
from initrd import write_initrd

from elfsyms.decode.recover import recover
from elfsyms.errors import ElfsymsError
from elfsyms.image.kernel_file import open_kernel_file

__all__ = ["DUMPS", "PORTS", "compare", "dump", "own_lines", "sparse_folder"]

# By port: the program, and its processor.
PORTS = {"x86_64": ("qemu-system-x86_64", "qemu64"), "i386": ("qemu-system-i386", "qemu32")}
INIT = f"""\
#!/busybox sh
/busybox mount -t proc proc /proc
/busybox dmesg -n 1
{SCRIPT}
echo '{BEGIN}'
/busybox cat /proc/kallsyms
echo '{END}'
/busybox sleep 100000
"""
DUMPS = ("raw", "core", "kcore")
PATIENCE = 400  # seconds until the guest has shown its symbols
CPU = ("-accel", "tcg", "-smp", "1")
QUIET = ("-nographic", "-no-reboot", "-nodefaults", "-serial", "file:console", "-device", "vmcoreinfo")


def dump(kernel: Path, folder: Path, memory: int, port: str = "x86_64") -> list[str]:
    """Leave ``raw``, ``core`` and ``kcore`` in a folder; return the lines that the guest showed of its symbols."""
    program, cpu = PORTS[port]
    initrd = write_initrd(port, INIT, folder / "initrd")
    command = [program, *CPU, "-cpu", cpu, *QUIET, "-m", str(memory), "-kernel", str(kernel.absolute())]
    command += ["-initrd", str(initrd.absolute()), "-append", "console=ttyS0 panic=-1 nopti"]
    command += ["-monitor", "unix:monitor,server=on,wait=off"]
    with subprocess.Popen(command, cwd=folder) as guest:
        try:
            text = _shown(folder / "console", guest)
            pieces = write_head(text, folder / "kcore", memory << 20)
            orders = [f"memsave {segment.address:#x} {segment.file_size} piece" for segment in pieces]
            _order(folder, f"pmemsave 0 {memory << 20} raw", "dump-guest-memory -p core")
            for segment, words in zip(pieces, orders, strict=True):
                _order(folder, words)
                put_segment(folder, segment)
        finally:
            guest.kill()
    check_sums(text, folder / "kcore", memory << 20)
    return text.partition(BEGIN)[2].partition(END)[0].split("\n")[1:-1]


def _shown(console: Path, guest: subprocess.Popen[bytes]) -> str:
    """Wait until the guest has shown its symbols, and return all that it said."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and guest.poll() is None:
        text = console.read_text("latin-1") if console.exists() else ""
        if END in text.partition(BEGIN)[2]:
            return text.replace("\r\n", "\n")
        time.sleep(1)
    tail = console.read_text("latin-1")[-500:] if console.exists() else ""
    raise SystemExit(f"memory_dump: the guest showed no symbols; its console ends in:\n{tail}")


def _order(folder: Path, *orders: str) -> None:
    """Give QEMU's monitor orders, one after the other is done."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(PATIENCE)
        wire.connect(str(folder / "monitor"))
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


def sparse_folder() -> str | None:
    """Return where files may be as large as address spaces, as kcore is: most file systems hold 16 TiB."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 (the folder in it is new)


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
    parser.add_argument("--port", choices=PORTS, default="x86_64", help="the machine")
    parser.add_argument("--memory", type=int, default=512, help="MiB of the guest")
    parser.add_argument("--keep", type=Path, help="a folder to leave the dumps in")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=sparse_folder()) as temporary:
        folder = wanted.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        for left in ("console", "monitor", *DUMPS):  # of an earlier run, which is not this guest's
            (folder / left).unlink(missing_ok=True)
        shown = own_lines(dump(wanted.kernel, folder, wanted.memory, wanted.port))
        wrong = {name: compare(folder / name, shown) for name in DUMPS}
    for name, words in wrong.items():
        print(f"{name}: {words or 'equal'}")
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
