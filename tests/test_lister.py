# SPDX-License-Identifier: GPL-2.0-or-later
"""A generator's own lister: its tables of names and its letters are obeyed, other code must be known."""

from __future__ import annotations

from pathlib import Path

import pytest

from elfsyms.detect import lister
from elfsyms.detect.sources import SourceError, SourceFile
from elfsyms.releases.matchers import Contains, Exact, Letters, Prefix, Suffix

# Made up for the test, but for the names of tables and of the function that asks them.
TEXT = """\
static const char *const sysmap_omit_prefixes[] = {
	/* a comment */
	"foo_", "$",
};
static const char *const sysmap_omit_suffixes[] = { "_bar", };
static const char *const sysmap_omit_names[] = { "baz" };
static const char *const sysmap_omit_patterns[] = { ".x." };
static bool sysmap_omits(const char *name, char type)
{
	return type == 'a' || type == 'U' || asks_tables(name);
}
"""


def source(text: str) -> SourceFile:
    """Return a file with a text."""
    return SourceFile(Path("linux"), "scripts/kallsyms-sysmap.c", text)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the code of the made-up file known, as that of real ones is."""
    parts = {part.name: {part.digests: frozenset[object]()} for part in lister.lister_parts(source(TEXT))[0]}
    monkeypatch.setattr(lister, "known_parts", lambda: parts)


def test_names_and_letters_are_read() -> None:
    """Each name and each letter is a filter, with the line where it stands."""
    found = [(item.matcher, item.line) for item in lister.read_lister(source(TEXT)).filters]
    assert found == [
        (Prefix(b"foo_"), 3),
        (Prefix(b"$"), 3),
        (Suffix(b"_bar"), 5),
        (Exact(b"baz"), 6),
        (Contains(b".x."), 7),
        (Letters(b"a"), 10),
        (Letters(b"U"), 10),
    ]


@pytest.mark.parametrize("letter", ["''", "'ab'", "'", "u"])
def test_a_letter_that_is_none_is_refused(letter: str) -> None:
    """A comparison with anything but one letter is not understood, wherever the text ends."""
    for text in (TEXT.replace("'U'", letter), TEXT[: TEXT.index("'U'")] + letter + "}"):
        with pytest.raises(SourceError):
            lister.read_lister(source(text))


def test_changed_names_and_letters_are_obeyed() -> None:
    """Another name or letter is another filter."""
    text = TEXT.replace('"baz"', '"qux", "quux"').replace("'U'", "'w'")
    found = [item.matcher for item in lister.read_lister(source(text)).filters]
    assert found[3:] == [Exact(b"qux"), Exact(b"quux"), Contains(b".x."), Letters(b"a"), Letters(b"w")]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("asks_tables(name)", "!asks_tables(name)", 10),
        ('{ "baz" }', '{ "baz", NULL }', 6),
        ("static bool", "static int other;\nstatic bool", 8),
    ],
)
def test_other_code_is_refused(old: str, new: str, line: int) -> None:
    """Code that is not known is refused with its line."""
    with pytest.raises(SourceError, match=rf"kallsyms-sysmap\.c:{line}: .* is not understood"):
        lister.read_lister(source(TEXT.replace(old, new)))
