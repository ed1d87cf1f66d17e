#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Set up everything that the tests need, and run them. Arguments go to pytest: -m 'not slow and not stock and not
# kernel' is the quick suite.
set -eu
cd "$(dirname "$0")/.."
. scripts/setup.sh

# Assemblers, linkers and nm of the targets; then what builds the stock generators and a kernel, and boots it.
need binutils-multiarch gcc make xz-utils lld lld-19 mold llvm llvm-19 shellcheck dash busybox-static \
    binutils-aarch64-linux-gnu binutils-alpha-linux-gnu binutils-arc-linux-gnu binutils-arm-linux-gnueabihf \
    binutils-hppa-linux-gnu binutils-hppa64-linux-gnu binutils-i686-linux-gnu binutils-ia64-linux-gnu \
    binutils-m68k-linux-gnu binutils-mips-linux-gnu binutils-mips64-linux-gnuabi64 \
    binutils-mips64el-linux-gnuabi64 binutils-mipsel-linux-gnu binutils-or1k-elf binutils-powerpc-linux-gnu \
    binutils-powerpc64-linux-gnu binutils-powerpc64le-linux-gnu binutils-riscv64-linux-gnu \
    binutils-s390x-linux-gnu binutils-sh4-linux-gnu binutils-sparc64-linux-gnu binutils-xtensa-lx106 \
    flex bison bc libelf-dev libssl-dev git qemu-system-x86
python=$(make_venv .venv '.[test]')
# What a stable Debian has not yet, from sid, in the cache.
"$python" scripts/toolchains.py loongarch64 >/dev/null || echo "run_tests: tests of LoongArch are skipped" >&2
exec "$python" -m pytest -n 2 --dist worksteal "$@"
