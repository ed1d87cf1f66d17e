# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# elfsyms in the link of vmlinux.
#
# scripts/link-vmlinux.sh reads this file after its own functions. Without ELFSYMS it does nothing, except for its
# part of "make clean". With
#
#	make ELFSYMS=elfsyms
#
# the functions below take the place of those that run nm, sed, scripts/kallsyms and the assembler: one call of
# elfsyms makes the map and the object of a pass. The passes, the links between them and the checks stay the
# script's own, of 5.10 to 7.3.
#
#	ELFSYMS			the program: a path, a name on PATH, or a command such as "python3 -m elfsyms"
#	ELFSYMS_FALLBACK=1	should elfsyms fail, start the link anew with the kernel's own tools
#	ELFSYMS_CACHE_DIR	where elfsyms keeps what one pass learned for the next, .tmp_elfsyms in the build tree
#				unless another folder is named; empty: nowhere
#
# Reads of the script: LD KBUILD_LDFLAGS LDFLAGS_vmlinux VMLINUX (its arguments), srctree, info, is_enabled,
# vmlinux_link, btf_vmlinux_bin_o; of make: NM, whose name tells what to list symbols like. Sets for it: kallsymso kallsymso_prev kallsyms_sysmap kallsyms_vmlinux.
# shellcheck disable=SC2034,SC2154 # these variables are the script's
# shellcheck disable=SC2317,SC2329 # and it is the script that calls the functions

if [ "${1:-}" = clean ]; then
	# in older releases "make clean" itself takes files of such names, no folders
	rm -rf .tmp_elfsyms .tmp_elfsyms_pipes
fi

if [ -n "${ELFSYMS:-}" ]; then

# Run elfsyms; a command of several words is one if no program has that name.
elfsyms_run()
{
	if command -v "${ELFSYMS}" >/dev/null; then
		"${ELFSYMS}" "$@"
	else
		${ELFSYMS} "$@"
	fi
}

# Start elfsyms once, for all that follows: it loads while others work, and ends with this script. It is asked through
# files 7 and 8, and answers through 6 and 9. Not where each call is to be seen, where these files are in use (by the
# jobserver of a make above), nor without pipes; then every call is a process of its own.
elfsyms_start()
{
	case "${KBUILD_VERBOSE:-}" in
	*1*)	return ;;
	esac
	for elfsyms_file in 6 7 8 9; do
		if (eval ": >&${elfsyms_file}") 2>/dev/null; then
			return
		fi
	done
	if ! command -v "${ELFSYMS}" >/dev/null && ! command -v "${ELFSYMS%% *}" >/dev/null; then
		return
	fi
	elfsyms_pipes=.tmp_elfsyms_pipes # a folder of its own, for this user alone whatever the umask
	rm -rf "${elfsyms_pipes}"
	if ! (umask 077 && mkdir "${elfsyms_pipes}" && cd "${elfsyms_pipes}" && mkfifo ask answer) 2>/dev/null; then
		rm -rf "${elfsyms_pipes}"
		return
	fi
	set -- kbuild serve $$ 7 6
	if [ -n "${ELFSYMS_CACHE_DIR-.tmp_elfsyms}" ]; then
		set -- "$@" --cache "${ELFSYMS_CACHE_DIR-.tmp_elfsyms}"
	fi
	exec 7<>"${elfsyms_pipes}/ask" 9<>"${elfsyms_pipes}/answer" # both ways, so that no opening waits for another
	exec 8>"${elfsyms_pipes}/ask" 6>"${elfsyms_pipes}/answer"
	exec 7<"${elfsyms_pipes}/ask" 9<"${elfsyms_pipes}/answer"
	rm -rf "${elfsyms_pipes}"
	(exec 8>&- 9<&- >&2; elfsyms_run "$@") &
	exec 6>&- 7<&-
	elfsyms_opened=1
	elfsyms_serves=1
}

# Have elfsyms do something: the process that was started for it or, without one, a process of its own.
elfsyms_do()
{
	if [ -n "${elfsyms_serves}" ]; then
		(trap '' PIPE; printf '%s\n' "$@" '' >&8) 2>/dev/null || :
		if read -r elfsyms_status <&9; then
			return "${elfsyms_status}"
		fi
		elfsyms_serves= # it is gone, or was never there
	fi
	elfsyms_run "$@"
}

# Run elfsyms for this tree and configuration; it has said why when it fails. Quiet, it prints no summary, but
# warns of what is wrong with a kernel: names that are too long, options that contradict the image.
# ${1} - an object or image
# ${2}, ... - what to make of it
elfsyms_make()
{
	case "${KBUILD_VERBOSE:-}" in
	*1*)	set -- "$@" --verbose ;;
	*)	set -- "$@" --quiet ;;
	esac
	if [ -n "${ELFSYMS_CACHE_DIR-.tmp_elfsyms}" ]; then
		set -- "$@" --cache "${ELFSYMS_CACHE_DIR-.tmp_elfsyms}"
	fi
	case "${NM:-}" in
	*nm*)	set -- "$@" --nm "${NM}" ;;
	esac
	elfsyms_do "$@" --tree "${srctree}" --config include/config/auto.conf || elfsyms_failed $?
}

# Stop the build or, if that was asked for, start this script anew without elfsyms.
# ${1} - exit status of elfsyms
elfsyms_failed()
{
	if [ "${ELFSYMS_FALLBACK:-}" != 1 ]; then
		echo >&2 "elfsyms: the link stops here: ELFSYMS=${ELFSYMS} left with status ${1}"
		echo >&2 'elfsyms: "make ELFSYMS=" links with the tools of the kernel, ELFSYMS_FALLBACK=1 does on failure'
		exit "${1}"
	fi
	echo >&2 "elfsyms: WARNING: ELFSYMS=${ELFSYMS} left with status ${1}"
	echo >&2 "elfsyms: WARNING: ELFSYMS_FALLBACK=1: linking anew with the kernel's own nm, sed, kallsyms and as"
	export ELFSYMS=
	if [ -n "${elfsyms_opened}" ]; then
		exec 8>&- 9<&-
	fi
	exec "${CONFIG_SHELL:-sh}" "${0}" "${LD}" "${KBUILD_LDFLAGS}" "${LDFLAGS_vmlinux}" "${VMLINUX:-}"
}

# Make the tables and the map of one pass.
# ${1} - vmlinux image
# ${2} - object to write
# ${3} - map to write
elfsyms_pass()
{
	info KSYMS "${2}"
	elfsyms_make "${1}" -o "${2}" --system-map "${3}"
	elfsyms_before=${elfsyms_image}
	elfsyms_image=${1}
}

# Say which symbols the final link moved away from its own tables, and why: the script will find that the maps
# differ, and stop.
# ${1} - final vmlinux
# ${2} - its map
elfsyms_check()
{
	if ! cmp -s "${elfsyms_image}.syms" "${2}"; then
		echo >&2 "elfsyms: the tables inside ${1} are those of ${elfsyms_image}, where symbols lie elsewhere:"
		# shellcheck disable=SC2086 # no image before is no word
		elfsyms_run diff ${elfsyms_before} "${elfsyms_image}" "${1}" --config include/config/auto.conf >&2 || :
	fi
}

# 5.10 to 6.10: one pass of kallsyms, the link included.
# ${1} - number of the pass
kallsyms_step()
{
	kallsymso_prev=${kallsymso}
	kallsyms_vmlinux=.tmp_vmlinux.kallsyms${1}
	kallsymso=${kallsyms_vmlinux}.o

	# shellcheck disable=SC2086 # no BTF is no word
	vmlinux_link "${kallsyms_vmlinux}" "${kallsymso_prev}" ${btf_vmlinux_bin_o}
	elfsyms_pass "${kallsyms_vmlinux}" "${kallsymso}" "${kallsyms_vmlinux}.syms"
}

# 6.11 and later: the tables without symbols that the first link wants, in the ABI of the objects beside them.
# ${1} - empty map
# ${2} - object to write, without .o
kallsyms()
{
	elfsyms_object=init/version-timestamp.o
	if is_enabled CONFIG_LTO_CLANG; then
		elfsyms_object=vmlinux.o # where the others are bitcode
	fi
	info KSYMS "${2}.o"
	elfsyms_make "${elfsyms_object}" --empty -o "${2}.o"
	kallsymso_prev=${kallsymso:-}
	kallsymso=${2}.o
}

# 6.11 and later: one pass of kallsyms, after the link.
# ${1} - vmlinux image
sysmap_and_kallsyms()
{
	elfsyms_pass "${1}" "${1}.kallsyms.o" "${1}.syms"
	kallsymso_prev=${kallsymso:-}
	kallsymso=${1}.kallsyms.o
	kallsyms_sysmap=${1}.syms
}

# The map of the final vmlinux, and up to 6.0 that of the last pass, which is there already.
# ${1} - vmlinux image
# ${2} - map to write
mksysmap()
{
	if [ "${1}" = "${elfsyms_image}" ]; then
		cp "${1}.syms" "${2}"
		return
	fi
	if ! grep -q '^info SYSMAP' "${0}"; then
		info SYSMAP "${2}" # up to 6.0 the script has said so
	fi
	elfsyms_make "${1}" --system-map "${2}"
	if [ -n "${elfsyms_image}" ]; then
		elfsyms_check "${1}" "${2}"
	fi
}

# Images of the last two passes; none without CONFIG_KALLSYMS.
elfsyms_before=
elfsyms_image=

elfsyms_opened=
elfsyms_serves=
if [ "${1:-}" != clean ]; then
	elfsyms_start
fi

fi
