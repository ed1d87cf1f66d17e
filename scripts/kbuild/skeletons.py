# SPDX-License-Identifier: GPL-2.0-or-later
"""Made-up link scripts of every shape that the hook knows, for the tests: only the shape is the kernel's.

They have the functions, the calls and the variables of ``scripts/link-vmlinux.sh``, for that is what the
hook replaces and what it is recognised by, and nothing behind them: their links write a line into a file, and
their stock tools say ``stock``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "ANCHOR",
    "FILE",
    "HEAD",
    "LINKED_FIRST",
    "RELEASES",
    "SCRIPTS",
    "STEPS",
    "STEP_MAP",
    "contents",
    "make_tree",
    "spoil",
]

HEAD = """\
#!/bin/sh
set -e

LD="$1"
KBUILD_LDFLAGS="$2"
LDFLAGS_vmlinux="$3"
VMLINUX="$4"

is_enabled() {
	grep -q "^$1=y" include/config/auto.conf
}

info()
{
	printf "  %-7s %s\\n" "$1" "$2"
}

vmlinux_link()
{
	info LD "$1"
	echo "symbols${MOVING:+ of $1}" > "$1"
}

say()
{
	echo "stock: $1"
}
"""

# Stock's steps of 5.10 to 6.10; {map} is what became of mksysmap, {tool} how the generator is run.
STEPS = """
kallsyms()
{{
	{tool}
}}

kallsyms_step()
{{
	kallsymso_prev=${{kallsymso}}
	kallsyms_vmlinux=.tmp_vmlinux.kallsyms${{1}}
	kallsymso=${{kallsyms_vmlinux}}.o

	vmlinux_link ${{kallsyms_vmlinux}} "${{kallsymso_prev}}" ${{btf_vmlinux_bin_o}}
	{map}
	say "step $1"
}}

mksysmap()
{{
	say "map $2"
	cp "$1" "$2"
}}
"""

LINKED_FIRST = """
kallsyms()
{
	scripts/kallsyms ${kallsymopt} "${1}" > "${2}.S"
	kallsymso=${2}.o
}

sysmap_and_kallsyms()
{
	mksysmap "${1}" "${1}.syms"
	kallsyms "${1}.syms" "${1}.kallsyms"
	kallsyms_sysmap=${1}.syms
}

mksysmap()
{
	say "map $2"
	cp "$1" "$2"
}
"""

ANCHOR = """
# Use "make V=1" to debug this script
case "${KBUILD_VERBOSE}" in
*1*)
	set -x
	;;
esac

if [ "$1" = "clean" ]; then
	exit 0
fi

btf_vmlinux_bin_o=
kallsymso=
kallsymso_prev=
kallsyms_vmlinux=
"""

STEPPED_MAIN = """
if is_enabled CONFIG_DEBUG_INFO_BTF; then
	vmlinux_link .tmp_vmlinux.btf
	btf_vmlinux_bin_o=.btf.vmlinux.bin.o
fi
if is_enabled CONFIG_KALLSYMS; then
	kallsyms_step 1
	kallsyms_step 2
fi
vmlinux_link vmlinux "${{kallsymso}}" ${{btf_vmlinux_bin_o}}
{before_map}
mksysmap vmlinux System.map{map_argument}
if is_enabled CONFIG_KALLSYMS; then
	{last_map}
	if ! cmp -s System.map {last}; then
		echo >&2 Inconsistent kallsyms data
		exit 1
	fi
fi
"""

# Stock's steps of the coming script, whose generator reads the ELF file itself and writes the map.
READS_ELF = """
kallsyms()
{
	info KSYMS "${2}.S"
	scripts/kallsyms --sysmap="${3}" ${kallsymopt} "${1}" "${2}.bin" > "${2}.S"
	[ -z "${1}" ] || cp "${1}" "${3}"
	kallsymso=${2}.o
}

sysmap_and_kallsyms()
{
	kallsyms "${1}" "${1}.kallsyms" "${1}.syms"
	kallsyms_sysmap=${1}.syms
}

mksysmap()
{
	info SYSMAP "$2"
	say "map $2"
	scripts/kallsyms --sysmap="${2}" "${1}"
	cp "$1" "$2"
}
"""

LINKED_FIRST_MAIN = """
if is_enabled CONFIG_KALLSYMS; then
	true > {empty}.syms
	kallsyms {first} .tmp_vmlinux0.kallsyms{map}
	vmlinux_link .tmp_vmlinux1{relocs}
	sysmap_and_kallsyms .tmp_vmlinux1
	vmlinux_link .tmp_vmlinux2{relocs}
	sysmap_and_kallsyms .tmp_vmlinux2
fi
vmlinux_link {vmlinux}{relocs}
mksysmap {vmlinux} System.map
if is_enabled CONFIG_KALLSYMS; then
	if ! cmp -s System.map "${{kallsyms_sysmap}}"; then
		echo >&2 Inconsistent kallsyms data
		exit 1
	fi
fi
"""

PIPE = "${NM} -n ${1} | scripts/kallsyms ${kallsymopt} > ${2}"
FILE = "scripts/kallsyms ${kallsymopt} ${1} > ${2}"
STEP_MAP = "mksysmap ${kallsyms_vmlinux} ${kallsyms_vmlinux}.syms"


def stepped(main: dict[str, str], **steps: str) -> str:
    """Return a script of the kind that links and makes tables in one step."""
    return HEAD + STEPS.format(**steps) + ANCHOR + STEPPED_MAIN.format(**main)


def linked_first(empty: str, vmlinux: str) -> str:
    """Return a script of the kind that links first, a table of no symbols included."""
    main = {"first": f"{empty}.syms", "map": "", "relocs": ""}
    return HEAD + LINKED_FIRST + ANCHOR + LINKED_FIRST_MAIN.format(empty=empty, vmlinux=vmlinux, **main)


def reads_elf() -> str:
    """Return a script of the coming kind; its links are told what relocations to keep, by an argument more."""
    main = {"first": '""', "map": " .tmp_vmlinux0.syms", "relocs": ' "${LDFLAGS_vmlinux_relocs}"'}
    head = HEAD.replace('VMLINUX="$4"\n', 'VMLINUX="$4"\nLDFLAGS_vmlinux_relocs="$5"\n')
    main |= {"empty": ".tmp_vmlinux0", "vmlinux": '"${VMLINUX}"'}
    return head + READS_ELF + ANCHOR + LINKED_FIRST_MAIN.format(**main)


OLD_END = {
    "before_map": "info SYSMAP System.map",
    "map_argument": "",
    "last_map": "mksysmap ${kallsyms_vmlinux} .tmp_System.map",
    "last": ".tmp_System.map",
}
END = {"before_map": "", "map_argument": "", "last_map": "", "last": "${kallsyms_vmlinux}.syms"}

# By release: the script's text. Fakes of 5.15, 6.18, 7.0 and 7.1 would be those of their neighbours.
SCRIPTS = {
    "5.10": stepped(OLD_END, tool=PIPE, map=""),
    "6.1": stepped(END, tool=FILE, map=STEP_MAP),
    "6.6": stepped(
        {**END, "map_argument": " ${kallsymso}"}, tool=FILE, map=f"{STEP_MAP} ${{kallsymso_prev}}"
    ),
    "6.12": linked_first(".tmp_vmlinux.kallsyms0", "vmlinux"),
    "7.3": linked_first(".tmp_vmlinux0", '"${VMLINUX}"'),
    "7.4": reads_elf(),
}
RELEASES = {
    "5.10": "5.10 to 6.0",
    "6.1": "6.1 to 6.10",
    "6.6": "6.1 to 6.10",
    "6.12": "6.11 to 7.3",
    "7.3": "6.11 to 7.3",
    "7.4": "after 7.3",
}


def make_tree(tree: Path, release: str) -> Path:
    """Write a source tree of a release."""
    (tree / "scripts").mkdir(parents=True)
    version, level = release.split(".")
    (tree / "Makefile").write_text(
        f"VERSION = {version}\nPATCHLEVEL = {level}\nSUBLEVEL = 9\n", encoding="utf-8"
    )
    script = tree / "scripts" / "link-vmlinux.sh"
    script.write_text(SCRIPTS[release], encoding="utf-8")
    script.chmod(0o755)
    return tree


def contents(tree: Path) -> dict[Path, tuple[bytes, int]]:
    """Return every file of a tree, with its bytes and its mode."""
    return {path: (path.read_bytes(), path.stat().st_mode) for path in tree.rglob("*") if path.is_file()}


def spoil(tree: Path, old: str, new: str) -> None:
    """Change the link script into one that nobody has seen."""
    script = tree / "scripts" / "link-vmlinux.sh"
    text = script.read_text(encoding="utf-8")
    assert old in text
    script.write_text(text.replace(old, new), encoding="utf-8")
