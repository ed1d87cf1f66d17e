# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of a generator that are read: made-up code of the shapes that they may have, and what is refused.

That a real generator so read makes what it makes is the matter of ``test_tree_edits.py``.
"""

from __future__ import annotations

import pytest

from elfsyms.detect.arguments import read_flags
from elfsyms.detect.csource import CError, Definition, definitions, digest, statements, strings, tokens
from elfsyms.detect.generator import parts_of
from elfsyms.detect.ignored import read_ignored
from elfsyms.detect.written import read_written
from elfsyms.releases.matchers import Contains, Exact, Letters, Matcher, Prefix


def function(body: str, name: str = "f") -> Definition:
    """Return a function with a body."""
    return definitions(f"static bool {name}(void)\n{{\n{body}\n}}\n")[0]


def test_blanks_and_comments_do_not_count() -> None:
    """Two texts that differ in layout and comments alone have the same digest, line by line their own lines."""
    one = "if (a) /* why */ return 1;\n// more\nb++;"
    other = "if(a)\n\treturn 1; b ++ ;"
    assert digest(tokens(one)) == digest(tokens(other))
    assert [token.line for token in tokens(one) if token.text == "b"] == [3]


def test_definitions_are_told_apart() -> None:
    """Functions, variables, structures and macros are found by name; strings and comments do not mislead."""
    text = '#define N 5 /* { */\nstruct s { int a; };\nstatic char t[] = { "}", 0 };\nint f(int a) { return a; }\n'
    assert [d.name for d in definitions(text)] == ["N", "struct s", "t", "f"]


def test_statements_are_whole() -> None:
    """A statement comes with what it governs."""
    body = tokens("if (a) { b; } else c; for (;;) d; do e; while (f); g();")
    assert [statement[0].text for statement in statements(body)] == ["if", "for", "do", "g"]


def test_statements_without_end_are_an_error() -> None:
    """What a function of thousands of ifs governs is not followed, and ends in a sentence."""
    with pytest.raises(CError, match="without end"):
        statements(tokens("if (a) " * 5000 + "b;"))


@pytest.mark.parametrize(
    "text", ['"', "int f(", "{", "f()", "int a; /* ", "/*/", "#define N 5 /* int a;\n", "/* " * 60_000]
)
def test_what_is_no_c_is_an_error(text: str) -> None:
    """Source that does not end is an error with a line."""
    with pytest.raises(CError):
        definitions(text)


@pytest.mark.parametrize(
    ("condition", "matchers"),
    [
        ("type == 'b' || type == 'B'", [Letters(b"b"), Letters(b"B")]),
        ('!strcmp(name, "x")', [Exact(b"x")]),
        ('strcmp(name, "x") == 0', [Exact(b"x")]),
        ('!strncmp(name, "ab", 2)', [Prefix(b"ab")]),
        ('!strncmp(name, "ab", strlen("ab"))', [Prefix(b"ab")]),
        ('strstr(name, ".x.") || string_starts_with(name, "y")', [Contains(b".x."), Prefix(b"y")]),
    ],
)
def test_comparisons_are_read(condition: str, matchers: list[Matcher]) -> None:
    """A comparison of the name or the letter that returns true is an ignored name or letter."""
    found = read_ignored(function(f"if ({condition})\n\treturn true;\nreturn false;"))
    assert [item.matcher for item in found.items] == matchers
    assert found.kept_absolute is None


def test_strings_are_those_of_c() -> None:
    """Literals with nothing between them are one; escapes but those of quotes are errors."""
    found = [text for text, _ in strings(tokens(r'"a", "b" /* no comma */ "c", "d\"e", "\\n"'))]
    assert found == ["a", "bc", 'd"e', "\\n"]
    with pytest.raises(CError):
        list(strings(tokens(r'"\n"')))


def test_absolute_symbols_that_are_kept_are_read() -> None:
    """The exceptions for absolute symbols are names; without any, all absolute symbols go."""
    some = 'if (toupper(type) == \'A\') { if (strcmp(name, "x") && strcmp(name, "y")) return true; } return false;'
    none = "if (toupper(type) == 'A') return true; return false;"
    assert read_ignored(function(some)).kept_absolute == ("x", "y")
    assert read_ignored(function(none)).kept_absolute == ()


@pytest.mark.parametrize(
    "body",
    [
        "if (strlen(name) > 9) return true; return false;",
        'if (!strncmp(name, "abc", 2)) return true; return false;',
        'if (!strcmp(name, "x")) return false; return false;',
        'if (strcmp(name, "x") && type) return true; return false;',
        "count++; return false;",
        "return true;",
    ],
)
def test_other_filters_are_refused(body: str) -> None:
    """What asks anything else is an error, as is a comparison that is cut short."""
    with pytest.raises(CError):
        read_ignored(function(body))


BLOCKS = {
    "num_syms": 'output_label("kallsyms_num_syms"); printf("a"); printf("\\n");',
    "names": 'markers = room(); output_label("kallsyms_names"); printf("b"); printf("\\n");',
    "markers": 'output_label("kallsyms_markers"); printf("c"); printf("\\n"); free(markers);',
    "token_table": 'output_label("kallsyms_token_table"); printf("d"); printf("\\n");',
    "token_index": 'output_label("kallsyms_token_index"); printf("e"); printf("\\n");',
    "offsets": 'output_label("kallsyms_offsets"); printf("f"); printf("\\n");',
    "seqs_of_names": 'sort_symbols_by_name(); output_label("kallsyms_seqs_of_names"); printf("g"); printf("\\n");',
}


def writer(names: list[str]) -> Definition:
    """Return a writer of tables in an order."""
    return function('int i; printf("head"); ' + " ".join(BLOCKS[name] for name in names))


@pytest.mark.parametrize(
    "order",
    [
        list(BLOCKS),
        ["names", "markers", "offsets", "num_syms", "token_table", "token_index", "seqs_of_names"],
        ["offsets", "num_syms", "names", "markers", "seqs_of_names", "token_table", "token_index"],
    ],
)
def test_the_order_of_tables_is_read(order: list[str]) -> None:
    """Tables may stand in any order in which each finds what it needs."""
    assert read_written(writer(order)).tables == order


@pytest.mark.parametrize(
    "order",
    [
        ["markers", "names", "num_syms", "token_table", "token_index", "offsets", "seqs_of_names"],
        ["num_syms", "names", "markers", "token_index", "token_table", "offsets", "seqs_of_names"],
        ["num_syms", "names", "markers", "token_table", "token_index", "seqs_of_names", "offsets"],
    ],
)
def test_an_order_that_cannot_be_is_refused(order: list[str]) -> None:
    """A table before what it is made of, or behind the sort that puts symbols elsewhere, is an error."""
    with pytest.raises(CError, match="order of tables"):
        read_written(writer(order))


def test_sizes_and_uncompressed_tables_are_read() -> None:
    """A label's size is that label's; what is not printed for uncompressed names must be the token tables."""
    sized = BLOCKS["num_syms"].replace(
        'printf("\\n")', 'printf(".size kallsyms_num_syms, . - kallsyms_num_syms\\n"); printf("\\n")'
    )
    assert read_written(function(sized)).sized == ["num_syms"]
    plain = f"{BLOCKS['num_syms']} if (!uncompressed) {{ {BLOCKS['token_table']} {BLOCKS['token_index']} }}"
    assert read_written(function(plain)).knows_uncompressed
    with pytest.raises(CError, match="not all but those of tokens"):
        read_written(function(f"if (uncompressed) return; {BLOCKS['num_syms']}"))


@pytest.mark.parametrize(
    "text",
    [
        'int symbol_valid(void) { return string_starts_with(name, "x") }',
        'void other(void) { fprintf(stderr, "x") }',
        "int main(void) { static struct option long_options[] = { {",
        'int main(void) { static struct option long_options[] = { {"a", no_argument }',
        f"#define KSYM_NAME_LEN {'9' * 5000}",
        "#define KSYM_NAME_LEN \u00b2",
    ],
)
def test_code_that_ends_too_early_is_an_error(text: str) -> None:
    """What is read token by token may end at any of them; a number may be one that Python does not make."""
    with pytest.raises(CError):
        parts_of(text)


def test_options_are_taken_out_of_either_form() -> None:
    """Options in a table and in a chain of comparisons are read, and what is left is the same with and without."""
    table = 'static struct option long_options[] = { {"all-symbols", no_argument, &all_symbols, 1}, ROW {}, }; f();'
    chain = 'if (strcmp(argv[i], "--all-symbols") == 0) all_symbols = 1; else ROW usage();'
    rows = {
        table: '{"quiet", no_argument, &quiet, 1},',
        chain: 'if (strcmp(argv[i], "--quiet") == 0) quiet = 1; else',
    }
    for form, row in rows.items():
        flags, left = read_flags(tokens(form.replace("ROW", row)))
        assert sorted(flag.name for flag in flags) == ["--all-symbols", "--quiet"]
        assert digest(left) == digest(read_flags(tokens(form.replace("ROW", "")))[1])
