#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Set up everything that the tests need, and run them. Arguments go to pytest: -m 'not slow and not stock and not
# kernel' is the quick suite.
set -eu
cd "$(dirname "$0")/.."
. scripts/setup.sh

# Assemblers and linkers of the targets; then what builds the stock generators and a kernel, and boots it.
need binutils-multiarch gcc make xz-utils lld mold shellcheck dash busybox-static \
    binutils-aarch64-linux-gnu binutils-arm-linux-gnueabihf binutils-i686-linux-gnu \
    binutils-riscv64-linux-gnu binutils-powerpc64le-linux-gnu binutils-powerpc64-linux-gnu \
    binutils-s390x-linux-gnu binutils-mips-linux-gnu binutils-mipsel-linux-gnu \
    binutils-mips64el-linux-gnuabi64 \
    flex bison bc libelf-dev libssl-dev git qemu-system-x86
python=$(make_venv .venv '.[test]')
exec "$python" -m pytest -n 2 --dist worksteal "$@"
