#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
r"""Measure what decoding a boot image costs, beside vmlinux-to-elf's finder and sha256sum in the same run.

    scripts/measure_images.py --other venv/bin/kallsyms-finder vmlinuz-6.12.117+deb12-amd64
    scripts/measure_images.py --rounds 9 vmlinuz-6.12.117+deb12-amd64

Whole processes, interleaved, CPU seconds (user and system) and the most memory as time(1) tells them, medians:

* the image to its symbols, beside the finder on the same file (goal: 0.15 of its time);
* the most memory of that, beside the unpacked image (goal: 4 times);
* 64 MiB of bytes without tables, beside ``sha256sum`` on them (goal: 6 times).

Compiled modules are kept in a folder of this run's own, and the first round, which writes them, does not count.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from elfsyms.image.kernel_file import open_kernel_file

ROOT = Path(__file__).resolve().parents[1]
NOISE = 64 << 20


def measured(command: list[str], folder: Path) -> tuple[float, int]:
    """Run a command; return its CPU seconds and the most KiB of memory; 3 is the answer of elfsyms to noise."""
    report = folder / "time"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    timed = ["/usr/bin/time", "--output", str(report), "--format", "%U %S %M", *command]
    done = subprocess.run(timed, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 3):
        raise SystemExit(f"measure_images: {' '.join(command)}: exit code {done.returncode}: {done.stderr}")
    user, system, most = report.read_text(encoding="utf-8").split()[-3:]
    return float(user) + float(system), int(most)


def main() -> int:
    """Print the three ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", type=Path)
    parser.add_argument("--other", metavar="PROGRAM", help="vmlinux-to-elf's kallsyms-finder")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with open_kernel_file(arguments.image) as kernel:
        unpacked = len(kernel.data)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        noise = folder / "noise"
        noise.write_bytes(random.Random(1).randbytes(NOISE))  # noqa: S311 (noise, no secret)
        decode = [sys.executable, "-m", "elfsyms", "decode"]
        commands = {
            "image": [*decode, str(arguments.image)],
            "noise": [*decode, str(noise)],
            "sha256sum": ["sha256sum", str(noise)],
        }
        if arguments.other:
            commands["finder"] = [arguments.other, str(arguments.image)]
        rounds = [
            {what: measured(command, folder) for what, command in commands.items()}
            for _ in range(arguments.rounds + 1)
        ]
    seconds = {what: statistics.median(one[what][0] for one in rounds[1:]) for what in commands}
    most = {what: statistics.median(one[what][1] for one in rounds[1:]) for what in commands}
    for what, value in seconds.items():
        print(f"{what:10} {value:6.2f} s CPU, {most[what] / 1024:6.0f} MiB")
    if arguments.other:
        print(f"image beside the finder: {seconds['image'] / seconds['finder']:.3f} of its time (goal 0.15)")
    print(f"memory beside the unpacked image: {most['image'] * 1024 / unpacked:.2f} times (goal 4)")
    print(
        f"64 MiB without tables beside sha256sum: {seconds['noise'] / seconds['sha256sum']:.2f} times (goal 6)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
