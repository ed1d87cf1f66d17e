#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# From nothing to a linkable kallsyms.o: set up elfsyms in .venv and run the main job on a sample of a real kernel.
set -eu
cd "$(dirname "$0")/.."
. scripts/setup.sh

python=$(make_venv .venv .)
"$python" - <<'UNPACK'
import lzma, pathlib
packed = pathlib.Path("testdata/vmlinux-samples/amd64-6.12.xz")
pathlib.Path("vmlinux").write_bytes(lzma.decompress(packed.read_bytes()))
UNPACK
.venv/bin/elfsyms vmlinux -o kallsyms.o
