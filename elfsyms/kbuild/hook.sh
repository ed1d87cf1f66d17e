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
# script's own, of 5.10 to 7.3. With
#
#	make ELFSYMS=elfsyms ELFSYMS_LINK=once
#
# vmlinux is linked once, with room for the tables, and they are written into it after that: the functions at the end
# of this file leave out the links that only find out what the tables are.
#
#	ELFSYMS			the program: a path, a name on PATH, or a command such as "python3 -m elfsyms"
#	ELFSYMS_FALLBACK=1	should elfsyms fail, start the link anew with the kernel's own tools
#	ELFSYMS_CACHE_DIR	where elfsyms keeps what one pass learned for the next, .tmp_elfsyms in the build tree
#				unless another folder is named; empty: nowhere
#	ELFSYMS_LINK=once	one link instead of three, as above; passes, or empty: as many as stock
#	ELFSYMS_SLACK=N%	with one link: reserve so much more, so that new symbols cost no second link. The image
#				then depends on the builds before it
#
# Reads of the script: its arguments, srctree, info, is_enabled, vmlinux_link, btf_vmlinux_bin_o; of make: NM, whose
# name tells what to list symbols like. Sets for it: kallsymso kallsymso_prev kallsyms_sysmap kallsyms_vmlinux.
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
	set -- kbuild serve $$ 7 6 ${elfsyms_once:+--once}
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

# Tell whether words can be asked for, a line each: an empty one would end the request, a newline make two of one.
elfsyms_askable()
{
	for elfsyms_word in "$@"; do
		case "${elfsyms_word}" in
		"" | *"${elfsyms_newline}"*)	return 1 ;;
		esac
	done
}

# Have elfsyms do something: the process that was started for it or, without one, a process of its own.
elfsyms_do()
{
	if [ -n "${elfsyms_serves}" ] && elfsyms_askable "$@"; then
		(trap '' PIPE; printf '%s\n' "$@" '' >&8) 2>/dev/null || :
		if read -r elfsyms_status <&9; then
			return "${elfsyms_status}"
		fi
		elfsyms_serves= # it is gone, or was never there
	fi
	elfsyms_run "$@"
}

# Run elfsyms for this tree and configuration; return its exit status. Quiet, it prints no summary, but warns of what
# is wrong with a kernel: names that are too long, options that contradict the image.
# ${1}, ... - what to make of what
elfsyms_ask()
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
	elfsyms_do "$@" --tree "${srctree}" --config include/config/auto.conf
}

# The same, where nothing but success will do; elfsyms has said why when it fails.
# ${1} - an object or image
# ${2}, ... - what to make of it
elfsyms_make()
{
	elfsyms_ask "$@" || elfsyms_failed $?
}

# Start this script anew, with its own arguments.
elfsyms_again()
{
	if [ -n "${elfsyms_opened}" ]; then
		exec 8>&- 9<&-
	fi
	eval "exec \"\${CONFIG_SHELL:-sh}\" \"\${0}\" ${elfsyms_arguments}"
}

# Tell whether the kernel has an option; older scripts have no such function.
elfsyms_configured()
{
	grep -q "^${1}=y" include/config/auto.conf
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
	elfsyms_again
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
# ${1} - object to write, without .o
elfsyms_empty()
{
	elfsyms_lender=init/version-timestamp.o
	if is_enabled CONFIG_LTO_CLANG; then
		elfsyms_lender=vmlinux.o # where the others are bitcode
	fi
	info KSYMS "${1}.o"
	elfsyms_make "${elfsyms_lender}" --empty -o "${1}.o"
	kallsymso_prev=${kallsymso:-}
	kallsymso=${1}.o
}

# 6.11 and later.
# ${1} - empty map
# ${2} - object to write, without .o
kallsyms()
{
	elfsyms_empty "${2}"
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

# Say that the map is made; up to 6.0 the script has said so.
# ${1} - map
elfsyms_say_map()
{
	if ! grep -q '^info SYSMAP' "${0}"; then
		info SYSMAP "${1}"
	fi
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
	elfsyms_say_map "${2}"
	elfsyms_make "${1}" --system-map "${2}"
	if [ -n "${elfsyms_image}" ]; then
		elfsyms_check "${1}" "${2}"
	fi
}

# Images of the last two passes; none without CONFIG_KALLSYMS.
elfsyms_before=
elfsyms_image=

# This script's arguments as a shell reads them.
elfsyms_arguments=
for elfsyms_word; do
	elfsyms_word=$(printf '%s\n' "${elfsyms_word}" | sed "s/'/'\\\\''/g")
	elfsyms_arguments="${elfsyms_arguments} '${elfsyms_word}'"
done

elfsyms_once=
elfsyms_newline='
'
elfsyms_opened=
elfsyms_serves=
if [ "${1:-}" != clean ]; then
	case "${ELFSYMS_LINK:-}" in
	''|passes) ;;
	once)
		if elfsyms_configured CONFIG_KALLSYMS; then
			elfsyms_once=1
		fi ;;
	*)
		echo >&2 "elfsyms: ELFSYMS_LINK is once or passes, not ${ELFSYMS_LINK}"
		exit 2 ;;
	esac
fi

# The script's own link, which goes to another file than the script thinks.
elfsyms_text=
if [ -n "${elfsyms_once}" ]; then
	elfsyms_text=$(sed -n '/^vmlinux_link()/,/^}/p' "${0}")
	case "${elfsyms_text}" in
	''|*'VMLINUX}'*)
		echo >&2 'elfsyms: WARNING: ELFSYMS_LINK=once is not for this link-vmlinux.sh: linking in passes'
		elfsyms_once= ;;
	esac
fi

if [ "${1:-}" != clean ]; then
	elfsyms_start
fi

if [ -n "${elfsyms_once}" ]; then

# One link. It goes to a file of its own, the tables are written into that, and only then does it get the name of the
# final vmlinux: whatever is killed, no file of that name lacks its tables. How large they are is known from the build
# before or, failing that, from a first link without tables. Where that has changed, the link that was made tells what
# is right, and is done again.
elfsyms_vmlinux=.tmp_vmlinux_once
elfsyms_room= # the object that reserves room, as soon as it is there

# It is called like the last object of stock's passes: linkers write such names down, in symbols of type FILE.
elfsyms_object=.tmp_vmlinux2.kallsyms.o
if grep -q '^kallsyms_step()' "${0}"; then
	elfsyms_object=.tmp_vmlinux.kallsyms2.o # 5.10 to 6.10
fi

elfsyms_percent=${ELFSYMS_SLACK:-0}
elfsyms_percent=${elfsyms_percent%\%}
case "${elfsyms_percent}" in
'' | *[!0-9]* | 0?*)
	echo >&2 "elfsyms: ELFSYMS_SLACK is a whole number of percent, not ${ELFSYMS_SLACK}"
	exit 2 ;;
esac

# What the sizes of the tables are remembered under, besides release and configuration.
elfsyms_key=$(printf '%s ' "$(${1} --version | sed -n 1p)" "${2:-}" "${3:-}" "${elfsyms_percent}" | tr '\n' ' ')

eval "elfsyms_own_${elfsyms_text}" # under another name

# Reserve room for the tables: of an image, or what is known from another build. Returns 1 where nothing is.
# ${1} - image, or --if-known
elfsyms_reserve()
{
	elfsyms_status=0
	elfsyms_ask reserve "${1}" -o "${elfsyms_object}" --link "${elfsyms_key}" \
		--slack "${elfsyms_percent}" || elfsyms_status=$?
	case ${elfsyms_status} in
	0) ;;
	1)	return 1 ;;
	5)	# tables that only the linker can fill in, or cannot be made at all: the passes tell which
		echo >&2 'elfsyms: WARNING: no room can be reserved for these tables: linking in passes'
		export ELFSYMS_LINK=passes
		elfsyms_again ;;
	*)	elfsyms_failed "${elfsyms_status}" ;;
	esac
	elfsyms_room=${elfsyms_object}
	kallsymso_prev=${elfsyms_room}
	kallsymso=${elfsyms_room}
}

# Reserve what an image needs.
# ${1} - vmlinux image
elfsyms_reserve_for()
{
	info KSYMS "${elfsyms_object}"
	elfsyms_reserve "${1}"
}

# Reserve what the build before needed. Not with BTF, which has to be made from a link of its own: its names are those
# of this build.
elfsyms_recall()
{
	if [ -z "${ELFSYMS_CACHE_DIR-.tmp_elfsyms}" ] || elfsyms_configured CONFIG_DEBUG_INFO_BTF; then
		return 1
	fi
	elfsyms_reserve --if-known || return 1
	info KSYMS "${elfsyms_object}"
}

# Write the tables into the linked file, and the map. Returns 1 where they do not fit; what was reserved then does.
# ${1} - more room than needed, in percent
elfsyms_fill()
{
	info FILL "${elfsyms_vmlinux}"
	elfsyms_status=0
	elfsyms_ask fill "${elfsyms_vmlinux}" --system-map "${elfsyms_vmlinux}.syms" --or-reserve "${elfsyms_room}" \
		--link "${elfsyms_key}" --slack "${1}" || elfsyms_status=$?
	case ${elfsyms_status} in
	0) ;;
	1)	return 1 ;;
	*)	elfsyms_failed "${elfsyms_status}" ;;
	esac
}

# The link that counts: until the tables fit, which is at once where nothing has changed.
# ${1} - output file
# ${2}, ... - what the script links with it
elfsyms_link_once()
{
	elfsyms_final=${1}
	shift
	# Names that changed fit after one more link. Where they come and go with the layout (a linker's stubs), they may
	# never fit exactly, but with room to spare; which is remembered, so that the next build fits at once.
	for elfsyms_more in 0 1 2 4; do
		elfsyms_more=$((elfsyms_percent + elfsyms_more))
		elfsyms_own_vmlinux_link "${elfsyms_vmlinux}" "$@"
		if elfsyms_fill "${elfsyms_more}"; then
			if [ -f "${elfsyms_vmlinux}.map" ]; then
				mv -f "${elfsyms_vmlinux}.map" "${elfsyms_final}.map"
			fi
			mv -f "${elfsyms_vmlinux}" "${elfsyms_final}"
			return
		fi
	done
	echo >&2 'elfsyms: the tables did not fit after four links; of the last one:'
	elfsyms_run fill "${elfsyms_vmlinux}" --tree "${srctree}" --config include/config/auto.conf >&2 || :
	elfsyms_failed 1
}

# In place of the script's: no link but that which finds out the names, where they are not known, and the last.
# ${1} - output file
# ${2}, ... - what the script links with it
vmlinux_link()
{
	case "${1}" in
	.tmp_vmlinux*)
		if [ -z "${elfsyms_room}" ]; then
			elfsyms_own_vmlinux_link "$@"
		fi ;;
	*)	elfsyms_link_once "$@" ;;
	esac
}

# 5.10 to 6.10: the first step reserves room, the others are not needed.
# ${1} - number of the pass
kallsyms_step()
{
	kallsyms_vmlinux=${elfsyms_vmlinux}
	if [ -n "${elfsyms_room}" ] || elfsyms_recall; then
		return
	fi
	if elfsyms_configured CONFIG_DEBUG_INFO_BTF; then
		elfsyms_reserve_for .tmp_vmlinux.btf # which is linked without tables, but has the names
		return
	fi
	vmlinux_link .tmp_vmlinux.kallsyms1 ""
	elfsyms_reserve_for .tmp_vmlinux.kallsyms1
}

# 6.11 and later: what the first link wants, unless it is not needed.
# ${1} - empty map
# ${2} - object to write, without .o
kallsyms()
{
	elfsyms_recall || elfsyms_empty "${2}"
}

# 6.11 and later: after the first link, what the last one wants.
# ${1} - vmlinux image
sysmap_and_kallsyms()
{
	kallsyms_sysmap=${elfsyms_vmlinux}.syms
	if [ -z "${elfsyms_room}" ]; then
		elfsyms_reserve_for "${1}"
	fi
}

# The map of the final vmlinux is there already.
# ${1} - vmlinux image
# ${2} - map to write
mksysmap()
{
	elfsyms_say_map "${2}"
	cp "${elfsyms_vmlinux}.syms" "${2}"
}

fi

fi
