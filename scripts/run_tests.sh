#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Set up what the tests need, and run them: the quick suite; with --all whole kernels too, fetched, built and booted;
# with --long also what takes the better part of an hour. Other arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."
. scripts/setup.sh

# Assemblers, linkers and nm of the targets.
quick="binutils-multiarch gcc make xz-utils lzop u-boot-tools lld mold llvm shellcheck dash git
    binutils-aarch64-linux-gnu binutils-alpha-linux-gnu binutils-arc-linux-gnu binutils-arm-linux-gnueabihf
    binutils-hppa-linux-gnu binutils-hppa64-linux-gnu binutils-i686-linux-gnu binutils-ia64-linux-gnu
    binutils-m68k-linux-gnu binutils-mips-linux-gnu binutils-mips64-linux-gnuabi64
    binutils-mips64el-linux-gnuabi64 binutils-mipsel-linux-gnu binutils-or1k-elf binutils-powerpc-linux-gnu
    binutils-powerpc64-linux-gnu binutils-powerpc64le-linux-gnu binutils-riscv64-linux-gnu
    binutils-s390x-linux-gnu binutils-sh4-linux-gnu binutils-sparc64-linux-gnu binutils-xtensa-lx106"
# What builds the stock generators and a kernel, and boots it; a browser, shells, a debugger, what makes calls fail,
# other languages.
all="busybox-static clang-19 lld-19 llvm-19 dwz flex bison bc libelf-dev libssl-dev qemu-system-x86 chromium zsh fish man-db gdb gdb-multiarch strace locales"
# Debian systems to try packages in, and images.
long="mmdebstrap buildah"

if [ "${1-}" = --all ] || [ "${1-}" = --long ]; then
    [ "$1" = --long ] && marks='' || marks='not long' long=''
    shift
    cat >&2 <<'TELL'
run_tests: all tests. Installs some 70 Debian packages (400 MB) and 350 MB of Python packages into .venv; fetches
run_tests: kernels and their sources from Debian, some 4 GB the first time, which stay in the cache.
TELL
    # shellcheck disable=SC2086 # one word a package
    need $quick $all $long
    python=$(make_venv .venv '.[all]' docs engine release test)
    "$python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --group fuzz ||
        echo "run_tests: atheris cannot be had here: its tests are skipped" >&2
    # What a stable Debian has not yet, from sid, in the cache.
    set -- -m "$marks" "$@"
    "$python" scripts/toolchains.py loongarch64 >/dev/null || echo "run_tests: tests of LoongArch are skipped" >&2
else
    cat >&2 <<'TELL'
run_tests: the quick suite, two minutes. Installs some 40 Debian packages (130 MB) where this is root, and 150 MB of
run_tests: Python packages into .venv; fetches nothing else. Tests whose tool is missing say so and skip. With --all,
run_tests: whole kernels are fetched, built and booted too.
TELL
    # shellcheck disable=SC2086 # one word a package
    need $quick
    python=$(make_venv .venv '.[all]' docs test)
    set -- -m 'not slow and not stock and not kernel and not long' "$@"
fi
exec "$python" -m pytest -n 2 --dist worksteal "$@"
