# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest's ``/proc/kcore``, put together on the host: too large for a serial line, and no file that can be copied.

The guest shows its headers and notes, and sums of the beginnings of its segments, as it reads them from
``/proc/kcore``. The memory that the segments map is saved by QEMU (``memsave``), and put where the headers have it;
the sums must be those of what was put together.

Leaves out segments larger than the guest's memory, which map what may be there.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

from elfsyms.image.elf import PT_LOAD, open_image

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.image.segments import Segment

__all__ = ["SCRIPT", "check_sums", "put_segment", "write_head"]

HEAD = 1 << 16  # bytes of kcore that hold its headers and notes
SUMMED = 1 << 16  # bytes of each segment that the guest makes a sum of
MARK = "elfsyms: kcore"
# A sum of the beginning of each segment: in files of class 64 (2) headers are wider.
SCRIPT = f"""\
echo '{MARK}'
/busybox dd if=/proc/kcore bs={HEAD} count=1 2>/dev/null | /busybox base64
echo '{MARK}'
wide=$(/busybox od -An -tu1 -j4 -N1 /proc/kcore)
if [ $wide = 2 ]; then count=56 first=64 step=56 at=8 bytes=8; else count=44 first=52 step=32 at=4 bytes=4; fi
number=$(/busybox od -An -tu2 -j$count -N2 /proc/kcore)
row=0
while [ $row -lt $number ]; do
    offset=$(/busybox od -An -tu$bytes -j$((first + row * step + at)) -N$bytes /proc/kcore)
    read="/busybox dd if=/proc/kcore bs={SUMMED} count=1 iflag=skip_bytes skip=$((offset))"
    echo "elfsyms: sum $row $($read 2>/dev/null | /busybox md5sum)"
    row=$((row + 1))
done
"""


def write_head(text: str, kcore: Path, most: int) -> list[Segment]:
    """Write headers and notes; return the segments that are no larger than the guest's memory."""
    kcore.write_bytes(base64.b64decode(text.split(MARK)[1]))
    segments = _segments(kcore)
    with kcore.open("r+b") as stream:  # as large as the kernel says: a hole, but for what is put into it
        stream.truncate(max(segment.offset + segment.file_size for segment in segments))
    return [segment for segment in segments if segment.file_size <= most]


def _segments(kcore: Path) -> list[Segment]:
    with open_image(kcore) as image:
        return [segment for segment in image.segments() if segment.type == PT_LOAD]


def put_segment(folder: Path, segment: Segment) -> None:
    """Put what was saved of a segment where kcore has it; what is not mapped was not saved."""
    piece = folder / "piece"
    with (folder / "kcore").open("r+b") as stream:
        stream.seek(segment.offset)
        if piece.exists():
            stream.write(piece.read_bytes())
            piece.unlink()


def check_sums(text: str, kcore: Path, most: int) -> None:
    """Compare with what the guest itself read of the segments; of some, memory may have changed since."""
    sums = {int(row): told for row, told in re.findall(r"elfsyms: sum (\d+) ([0-9a-f]{32})", text)}
    with open_image(kcore) as image:
        loads = [
            (row, s) for row, s in enumerate(image.segments()) if s.type == PT_LOAD and s.file_size <= most
        ]
        same = [row for row, s in loads if _sum(image.read_at(s.offset, SUMMED)) == sums.get(row)]
    print(f"kcore: {len(same)} of {len(loads)} segments begin as the guest read them")
    if not same:
        raise SystemExit("memory_dump: no segment of kcore begins as the guest read it")


def _sum(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
