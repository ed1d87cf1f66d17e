# SPDX-License-Identifier: GPL-2.0-or-later
"""What fuzzing of a tree's scripts starts from: made-up text of the shapes that their readers look for."""

from __future__ import annotations

__all__ = ["GENERATOR", "LISTER", "MAP_SCRIPTS", "TREE_WORDS"]

GENERATOR = rb"""/* a generator of no release */
#include <stdio.h>
#define KSYM_NAME_LEN 512
#define KSYM_NAME_LEN_BUFFER 2048
struct sym_entry { unsigned int len; };
static struct addr_range text_ranges[] = {
	{ "_stext", "_etext" }, { "_sinittext", "_einittext" },
};
static int uncompressed;
static bool is_ignored_symbol(const char *name, char type)
{
	static const char * const ignored_symbols[] = { "kallsyms_names", "kallsyms_markers", NULL };
	static const char * const ignored_prefixes[] = { "$", ".L", "__efi" "stub_", NULL };
	const char * const *p;

	for (p = ignored_symbols; *p; p++)
		if (!strcmp(name, *p))
			return true;
	for (p = ignored_prefixes; *p; p++)
		if (!strncmp(name, *p, strlen(*p)))
			return true;
	if (type == 'U' || type == 'u')
		return true;
	if (!strncmp(name, "ab", 2) || strstr(name, ".x."))
		return true;
	if (toupper(type) == 'A') {
		if (strcmp(name, "__kernel_syscall_via_break") && strcmp(name, "__gp"))
			return true;
	}
	return false;
}
static struct sym_entry *read_symbol(FILE *in)
{
	char name[500];

	if (strlen(name) >= KSYM_NAME_LEN) {
		fprintf(stderr, "Symbol %s too long\n", name);
		return NULL;
	}
	return NULL;
}
static int symbol_valid(const struct sym_entry *s)
{
	const char *name = sym_name(s);

	if (string_starts_with(name, "kallsyms_") || string_starts_with(name, "__x"))
		return 1;
	return !is_ignored_symbol(name, 't');
}
static int find_token(unsigned char *str, int len)
{
	if (uncompressed)
		return -1;
	return str[len];
}
static void optimize_token_table(void)
{
	build_initial_token_table();
	if (!uncompressed)
		optimize_result();
}
static void write_src(void)
{
	unsigned int i;

	printf("#include <asm/bitsperlong.h>\n");
	output_label("kallsyms_num_syms"); printf("a"); printf("\n");
	markers = room(); output_label("kallsyms_names"); printf("b"); printf("\n");
	output_label("kallsyms_markers"); printf("c"); printf("\n"); free(markers);
	if (!uncompressed) {
		output_label("kallsyms_token_table"); printf("d"); printf("\n");
		output_label("kallsyms_token_index"); printf("e"); printf("\n");
	}
	output_label("kallsyms_offsets"); printf("f"); printf("\n");
	sort_symbols_by_name(); output_label("kallsyms_seqs_of_names"); printf("g"); printf("\n");
}
int main(int argc, char **argv)
{
	static struct option long_options[] = {
		{"all-symbols", no_argument, &all_symbols, 1}, {"uncompressed", no_argument, &uncompressed, 1}, {},
	};

	if (strcmp(argv[i], "--all-symbols") == 0) all_symbols = 1; else usage();
	read_map(argv[optind]);
	write_src();
	return 0;
}
"""

LISTER = rb"""/* drops what no map has */
static const char *const sysmap_omit_names[] = { "L0", "_text", };
static const char *const sysmap_omit_prefixes[] = { "__crc_", "$", };
static const char *const sysmap_omit_suffixes[] = { "_from_arm", "_from_thumb", };
static const char *const sysmap_omit_patterns[] = { ".compoundliteral", };
static bool is_range_thunk(const char *name) { return !strncmp(name, "__", 2); }
static bool sysmap_omits(const char *name, char type)
{
	if (type == 'a' || type == 'N' || type == 'U' || type == 'w')
		return true;
	return is_range_thunk(name);
}
"""

MAP_SCRIPTS = (
    b"#!/bin/sed -f\n# a comment\n/ L0$/d\n\n/ x/d # why\n/_end$/Id\n/ [aNUw] /d\n/ \\.L/d\n/ __pi_\\./d\n",
    b"#!/bin/sh -x\n$NM -n $1 | grep -v '\\( [aNUw] \\)\\|\\(__crc_\\)\\|\\( \\$[adt]\\)' > $2\n",
    b"#!/bin/sh\n${NM} -n ${1} | grep -v\t\\\n\t-e ' L0$'\t\\\n\t-e ' do_'\t\\\n> ${2}\n",
    b'#!/bin/sh\n${NM} -n ${1} | sed >${2} -e "\n# all\n/ \\\\$/d\n/ L0$/d\n"\n',
    b"#!/bin/sh\n$NM -n $1 | grep -Ev ' (do|vfs)_[0-9]+' | grep -v ' L0$' > $2\n",
)

TREE_WORDS = (
    *(b"{", b"}", b"(", b")", b";", b",", b'"', b"'", b"/*", b"*/", b"//", b"\\\n", b"#define ", b"#if 0\n"),
    *(
        b"if (",
        b"else",
        b"for (;;)",
        b"do ",
        b"return true;",
        b"type == '",
        b"fprintf(stderr, ",
        b"||",
        b"&&",
        b"!",
    ),
    *(b'string_starts_with(name, "x")', b"strcmp(name, ", b"KSYM_NAME_LEN", b"\xc2\xb2", b"\xff", b"NULL"),
    *(
        b"uncompressed",
        b'output_label("kallsyms_names");',
        b'printf("\\n");',
        b"static ",
        b"= {",
        b"struct option",
    ),
    *(
        b"/d\n",
        b"\\(",
        b"\\)",
        b"\\|",
        b"[[:alpha:]]",
        b"[^a]",
        b"*",
        b"\\{1,3\\}",
        b"$",
        b"^",
        b"|",
        b">",
        b"$(id)",
    ),
    *(
        b"sed -n -e '",
        b"grep -v -e '",
        b"$NM -n ",
        b"`",
        b"${1}",
        b"<<EOF\n",
        b"A" * 3000,
        b"(" * 3000,
        b"\r\n",
    ),
)
