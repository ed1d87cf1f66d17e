#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Real logs: boot a small kernel with two modules that fail as they are told, and keep what the console shows.

    scripts/kernel_logs.py 6.12 x86_64          # stacks, a warning, an oops, a BUG, a panic
    scripts/kernel_logs.py 6.12 x86_64 kasan    # and reports of KASAN and lockdep

Leaves ``logs/NAME.log`` beside the objects, one a failure, and ``logs/modules`` and ``logs/kallsyms``: what
``/proc`` shows of the modules. The kernel is moved (KASLR); only the panic's log says by how much.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from debian import DebianError
from emulator import BootError, console, parts
from initrd import write_initrd
from small_kernel import FIXED, PORTS, KernelError, make_image
from trace_kernel import BUILDS, trace_kernel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from small_kernel import Kernel

LIMIT = 900  # seconds
SOURCES = Path(__file__).parent / "modules"
# lockdep is switched off by what KASAN reports, and by an oops: so it comes first.
ACTS = ("locks", "overflow", "after-free", "warn", "stack", "addresses", "null", "bug")
WORDS = ("sysrq_always_enabled", "kasan_multi_shot")  # KASAN would report once

INIT = f"""\
#!/busybox sh
/busybox mount -t proc proc /proc
/busybox mkdir -p /sys
/busybox mount -t sysfs sysfs /sys
/busybox dmesg -n 8
/busybox sleep 3
echo '== insmod'
/busybox insmod /toy-one.ko
/busybox insmod /toy-two.ko
/busybox sleep 1
echo '== modules'
/busybox cat /proc/modules
echo '== kallsyms'
/busybox grep -F '[toy_' /proc/kallsyms
for act in {" ".join(ACTS)}; do
  echo "== $act"
  (echo $act > /sys/module/toy_one/parameters/act)
  /busybox sleep 1
done
for key in t l w q; do
  echo "== sysrq-$key"
  echo $key > /proc/sysrq-trigger
  /busybox sleep 2
done
echo '== sysrq-c'
echo c > /proc/sysrq-trigger
"""


MODULES_INIT = """\
#!/busybox sh
/busybox mount -t proc proc /proc
/busybox insmod /toy-one.ko
/busybox insmod /toy-two.ko
/busybox sleep 1
/busybox dmesg -n 1
echo '== kallsyms'
/busybox grep -F '[toy_' /proc/kallsyms
echo '== probes'
/busybox mkdir -p /t
/busybox mount -t tracefs tracefs /t
while read name where; do
  if echo "p:k/$name $where" >> /t/kprobe_events; then echo "$name taken"; else echo "$name refused"; fi
done < /probes 2>/dev/null
/busybox sed 's/^/listed /' /t/kprobe_events
echo '== end'
/busybox reboot -f
"""


def build_modules(kernel: Kernel) -> list[Path]:
    """Return the two modules, built for a kernel."""
    folder = kernel.objects.parent / "modules"
    shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
    port = kernel.port
    common = [
        f"--directory={kernel.source}",
        f"O={kernel.objects}",
        f"ARCH={port.arch}",
        f"CROSS_COMPILE={port.cross}",
    ]
    for goal in (["modules_prepare"], [f"M={folder}", "KBUILD_MODPOST_WARN=1", "modules"]):
        done = subprocess.run(
            ["nice", "make", *common, *(f"{name}={value}" for name, value in FIXED.items()), *goal],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise KernelError(f"the modules do not build: {done.stderr.strip().splitlines()[-1:]}")
    return sorted(folder.glob("*.ko"))


def make_logs(
    kernel: Kernel, folder: Path, init: str = INIT, probes: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Boot the kernel with its modules; return what the console shows of each failure, or what ``init`` asks.

    ``probes`` are the places of kprobe events to try, by name.
    """
    modules = {path.name: path.read_bytes() for path in build_modules(kernel)}
    modules["probes"] = "".join(f"{name} {where}\n" for name, where in (probes or {}).items()).encode()
    port = kernel.port.name
    initrd = write_initrd(port, init, folder / "initrd", modules)
    image = make_image(kernel, folder)
    return parts(console(port, image, initrd, *WORDS, limit=LIMIT))


def main() -> int:
    """Make the logs of the kernel named on the command line."""
    parser = argparse.ArgumentParser(description="Logs of a small kernel that fails as it is told.")
    parser.add_argument("release")
    parser.add_argument("port", nargs="?", choices=PORTS, default="x86_64")
    parser.add_argument("build", nargs="?", choices=BUILDS, default="trace")
    wanted = parser.parse_args()
    try:
        kernel = trace_kernel(wanted.release, wanted.port, wanted.build)
        folder = kernel.objects.parent / "logs"
        folder.mkdir(exist_ok=True)
        logs = make_logs(kernel, folder)
    except (BootError, DebianError, KernelError) as error:
        print(f"kernel_logs: {error}", file=sys.stderr)
        return 3
    for name, text in logs.items():
        bare = name in ("modules", "kallsyms")
        (folder / (name if bare else f"{name}.log")).write_text(text, encoding="utf-8")
        print(f"{name}: {len(text.splitlines())} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
