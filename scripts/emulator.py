# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU, without an accelerator, or User-Mode Linux: start a kernel, read its console, get ``/proc/kallsyms`` back.

The kernel runs a script that waits for the kernel's own test of its table (``CONFIG_KALLSYMS_SELFTEST``), if it has
one, prints ``/proc/kallsyms`` between two marks, and restarts the machine, which ends QEMU (User-Mode Linux, a
program of the host, would start again: it is switched off).

Leaves out the random seed that riscv64 kernels want in the device tree: QEMU 7.2 gives none, and the
kernel stays where it was linked.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["INIT", "MACHINES", "Boot", "BootError", "boot", "console", "parts"]

BEGIN, END = "elfsyms: kallsyms begin", "elfsyms: kallsyms end"

INIT = f"""\
#!/busybox sh
/busybox mount -t proc proc /proc
ended='kallsyms_selftest: (finish|abort)'
while /busybox grep -q ' kallsyms_test_init$' /proc/kallsyms && ! /busybox dmesg | /busybox grep -qE "$ended"
do /busybox sleep 1; done
/busybox dmesg -n 1
echo '{BEGIN}'
/busybox cat /proc/kallsyms
echo '{END}'
/busybox grep -q 'User Mode' /proc/cpuinfo && /busybox poweroff -f
/busybox reboot -f
"""

_FIRMWARE = "/usr/share/qemu-efi"
# By port: the program, the machine, and the console on the kernel's command line.
MACHINES = {
    "x86_64": (("qemu-system-x86_64", "-cpu", "max"), "console=ttyS0"),
    "arm64": (("qemu-system-aarch64", "-machine", "virt", "-cpu", "max"), "console=ttyAMA0"),
    "riscv64": (("qemu-system-riscv64", "-machine", "virt"), "console=ttyS0"),
    "s390x": (("qemu-system-s390x", "-machine", "s390-ccw-virtio", "-cpu", "max"), "console=ttyS0"),
    "arm": (("qemu-system-arm", "-machine", "virt", "-cpu", "max"), "console=ttyAMA0"),
    "i386": (("qemu-system-i386", "-cpu", "max"), "console=ttyS0"),
    "ppc64el": (("qemu-system-ppc64", "-machine", "pseries", "-cpu", "power9"), "console=hvc0"),
    # Wants QEMU 9 or later, and firmware, which clears the screen first (Debian: qemu-efi-loongarch64).
    "loong64": (
        (
            "qemu-system-loongarch64",
            "-cpu",
            "la464",
            "-m",
            "1G",
            "-bios",
            f"{_FIRMWARE}-loongarch64/QEMU_EFI.fd",
        ),
        "console=ttyS0",
    ),
    # With two processors it does not get beyond its first lines.
    "mips64el": (
        ("qemu-system-mips64el", "-machine", "malta", "-cpu", "MIPS64R2-generic", "-smp", "1"),
        "console=ttyS0",
    ),
}
# What User-Mode Linux wants: memory, and a console that is the program's own.
UML = ("mem=256M", "con=null", "con0=fd:0,fd:1", "panic=-1")
COMMON = ("-smp", "2", "-m", "512", "-nographic", "-no-reboot", "-monitor", "none", "-nodefaults")
SERIAL = ("-serial", "stdio")
# s390x has no serial line: its console is the service element's, a line at a time (SCLP_CONSOLE).
CONSOLES = {"s390x": ("-chardev", "stdio,id=console", "-device", "sclplmconsole,chardev=console")}
LIMIT = 300  # seconds; a boot takes 10 to 60


class BootError(Exception):
    """The machine did not get as far as it should: a sentence, and the last lines of its console."""


@dataclass(frozen=True, slots=True)
class Boot:
    """What the console showed: the kernel's log, the lines of ``/proc/kallsyms``, and how long it took."""

    log: tuple[str, ...]
    kallsyms: tuple[str, ...]
    seconds: float

    def said(self, text: str) -> list[str]:
        """Return the lines of the log that hold a text."""
        return [line for line in self.log if text in line]


def boot(port: str, image: Path, initrd: Path, *words: str) -> Boot:
    """Boot an image until it has printed its symbols; ``words`` go on the kernel's command line.

    Raises :class:`BootError` where QEMU is missing, or the symbols do not come.
    """
    start = time.monotonic()
    text, _ = _run(port, image, initrd, words, LIMIT)
    return _parse(text, time.monotonic() - start)


def console(port: str, image: Path, initrd: Path, *words: str, limit: float = LIMIT) -> str:
    """Return all that the console shows until the machine ends.

    ``words`` go on the kernel's command line. Raises :class:`BootError` where QEMU is missing, or the machine is
    still at work after ``limit`` seconds: half an account is none.
    """
    text, ended = _run(port, image, initrd, words, limit)
    if not ended:
        raise BootError(
            "\n".join([f"not done after {limit:.0f} s; the last lines:", *text.split("\n")[-25:]])
        )
    return text


def _run(port: str, image: Path, initrd: Path, words: Sequence[str], limit: float) -> tuple[str, bool]:
    """Return what the console shows, and whether the machine ended by itself."""
    if port == "um":
        return _output([str(image), *UML, f"initrd={initrd}", *words], limit)
    (program, *machine), tty = MACHINES[port]
    if shutil.which(program) is None:
        raise BootError(f"{program} is not installed")
    line = " ".join((tty, "panic=-1", *words))
    kernel = ["-kernel", str(image), "-initrd", str(initrd), "-append", line]
    return _output([program, *COMMON, *machine, *CONSOLES.get(port, SERIAL), *kernel], limit)


def parts(text: str) -> dict[str, str]:
    """Take a console's text apart at lines such as ``== blacklist``; what stands before the first is ``boot``."""
    pieces = re.split(r"^== ([\w-]+)\n", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    return {"boot": pieces[0], **dict(zip(pieces[1::2], pieces[2::2], strict=True))}


def _output(command: list[str], limit: float) -> tuple[str, bool]:
    """Return all that a machine printed until it ended, or was ended, and whether it ended by itself."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode(errors="replace"), False
    return done.stdout.decode(errors="replace"), True


def _parse(text: str, seconds: float) -> Boot:
    lines = [line.rstrip("\r") for line in text.split("\n")]
    if BEGIN not in lines or END not in lines:
        raise BootError(
            "\n".join([f"no symbols after {seconds:.0f} s; the console's last lines:", *lines[-25:]])
        )
    begin, end = lines.index(BEGIN), lines.index(END)
    return Boot(tuple(lines[:begin]), tuple(lines[begin + 1 : end]), seconds)
