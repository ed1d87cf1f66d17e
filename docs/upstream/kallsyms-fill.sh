#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# elfsyms as the program of the patch beside this file:
#
#	make KALLSYMS_FILL=/path/to/kallsyms-fill.sh
#
# Runs in the build tree, as link-vmlinux.sh does, with what make exports.

command=${1}
shift
if [ "${command}" = reserve ] && [ "${1}" = -o ]; then
	set -- --if-known "$@"
fi
# shellcheck disable=SC2154 # srctree is exported by make
exec ${ELFSYMS:-elfsyms} "${command}" "$@" --quiet --tree "${srctree}" --config include/config/auto.conf \
	--nm "${NM:-nm}" --cache .tmp_elfsyms --link "$(${LD:-ld} --version | sed -n 1p)"
