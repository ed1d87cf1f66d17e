# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree's ``scripts/mksysmap``: which lines of nm's output it removes, line by line of its own.

Three forms have been: a shell script of ``nm | grep -v`` (to 6.3), one of ``nm | sed -e`` (6.4 to 6.9, which takes
the previous table object as its third argument), and a ``sed`` script (6.10 on). Each is read, not guessed:
what is not understood is an error that names file and line and quotes the text, since a filter that is followed in
part would give a wrong map without a word.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfsyms.detect.mappattern import line_matchers
from elfsyms.detect.posix import ExpressionError
from elfsyms.detect.sed import Deletion, SedError, read_sed
from elfsyms.detect.shell import ShellError, read_shell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from elfsyms.detect.shell import Command, Part, Pipeline, Word
    from elfsyms.detect.sources import SourceFile
    from elfsyms.releases.matchers import Matcher

__all__ = ["MapFilter", "MapScript", "read_mksysmap"]

# The substitution with which 6.4 to 6.9 leave out the symbols of the previous table object: the beginning of its
# SHA-256, a run of blanks being one blank.
_EXCLUDES_OBJECT = {"a9c9d1f63f19"}
_NM = ("${NM}", "$NM")


@dataclass(frozen=True, slots=True)
class MapFilter:
    """One expression of the script: map lines that ``matcher`` matches go; its line, and the text of that."""

    matcher: Matcher
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class MapScript:
    """The filters in their order; ``excludes_object``: the symbols of a third argument are left out too."""

    filters: tuple[MapFilter, ...]
    excludes_object: bool


def read_mksysmap(source: SourceFile) -> MapScript:
    """Read a map script; raises :class:`elfsyms.detect.sources.SourceError` for what is not understood."""
    first = source.text.partition("\n")[0]
    try:
        if first.startswith("#!") and "sed" in first:
            return MapScript(tuple(_sed_filters(source, source.text, 1)), excludes_object=False)
        return _shell_filters(source)
    except ShellError as error:
        raise source.error(error.line, str(error)) from None


def _shell_filters(source: SourceFile) -> MapScript:
    """Read the one pipeline of a shell script, from nm to the file that its second argument names."""
    pipelines = read_shell(source.text)
    if len(pipelines) != 1:
        line = pipelines[1][0].line if pipelines else 1
        raise source.error(line, "more than one command, or none, makes the map")
    first, *rest = pipelines[0]
    if [word.text for word in first.words] not in [[nm, "-n", one] for nm in _NM for one in ("$1", "${1}")]:
        raise source.error(first.line, "the map does not begin with nm -n of the first argument")
    _check_outputs(source, pipelines[0])
    filters: list[MapFilter] = []
    excludes = False
    for command in rest:
        reader = _COMMANDS.get(command.words[0].text)
        if reader is None:
            raise source.error(command.line, "a filter that is neither grep nor sed")
        found, takes_object = reader(source, command)
        filters += found
        excludes |= takes_object
    return MapScript(tuple(filters), excludes)


def _check_outputs(source: SourceFile, pipeline: Pipeline) -> None:
    *others, last = pipeline
    if last.output is None or last.output.text not in ("$2", "${2}") or any(c.output for c in others):
        raise source.error(last.line, "the map does not go to the second argument")


def _grep(source: SourceFile, command: Command) -> tuple[list[MapFilter], bool]:
    """Read ``grep -v`` with its expressions."""
    extended = command.words[0].text == "egrep"
    inverted, ignore_case, whole_line, fixed = False, False, False, False
    expressions: list[Word] = []
    words = iter(command.words[1:])
    for word in words:
        if word.text == "-e":
            expressions.append(next(words, word))
        elif word.text.startswith("-") and set(word.text[1:]) <= set("vEixF") and len(word.text) > 1:
            flags = set(word.text[1:])
            inverted |= "v" in flags
            extended |= "E" in flags
            ignore_case |= "i" in flags
            whole_line |= "x" in flags
            fixed |= "F" in flags
        elif not word.text.startswith("-") and not expressions:
            expressions.append(word)
        else:
            raise source.error(word.line, "an argument of grep that is not followed")
    if not inverted or fixed or not expressions:
        raise source.error(command.line, "grep does not drop lines by -v and expressions")

    def matchers(text: bytes) -> tuple[Matcher, ...]:
        options = {"extended": extended, "ignore_case": ignore_case, "whole_line": whole_line}
        return line_matchers(text, controls=False, **options)

    return [f for word in expressions for f in _lines(source, word, matchers)], False


def _lines(
    source: SourceFile, word: Word, matchers: Callable[[bytes], tuple[Matcher, ...]]
) -> Iterator[MapFilter]:
    """Read the expressions of a word: each line of it is one to grep."""
    for number, expression in enumerate(_plain(source, word).split("\n")):
        yield from _filters(source, word.line + number, expression, matchers)


def _sed(source: SourceFile, command: Command) -> tuple[list[MapFilter], bool]:
    """Read ``sed -e`` with its scripts."""
    filters: list[MapFilter] = []
    excludes = False
    extended = False
    words = iter(command.words[1:])
    for word in words:
        if word.text in ("-E", "-r"):
            extended = True
            continue
        script = next(words, word) if word.text == "-e" else word
        if script.text.startswith("-"):
            raise source.error(word.line, "an argument of sed that is not followed")
        for part in script.parts:
            if not part.is_expansion:
                filters += _sed_filters(source, part.text, part.line, extended=extended)
            elif _is_exclusion(part):
                excludes = True
            else:
                raise source.error(part.line, "a substitution that is not known")
    return filters, excludes


_COMMANDS: dict[str, Callable[[SourceFile, Command], tuple[list[MapFilter], bool]]] = {
    "grep": _grep,
    "egrep": _grep,
    "sed": _sed,
}


def _is_exclusion(part: Part) -> bool:
    return hashlib.sha256(" ".join(part.text.split()).encode()).hexdigest()[:12] in _EXCLUDES_OBJECT


def _plain(source: SourceFile, word: Word) -> str:
    """Return the text of a word in which nothing is expanded."""
    if any(part.is_expansion for part in word.parts):
        raise source.error(word.line, "an expansion within an expression")
    return word.text


def _sed_filters(
    source: SourceFile, script: str, first_line: int, *, extended: bool = False
) -> Iterator[MapFilter]:
    try:
        deletions = read_sed(source.encode(script))
    except SedError as error:
        raise source.error(first_line + error.line, str(error)) from None
    for deletion in deletions:

        def matchers(text: bytes, deletion: Deletion = deletion) -> tuple[Matcher, ...]:
            return line_matchers(
                text, extended=extended, ignore_case=deletion.ignore_case, negated=deletion.negated
            )

        yield from _filters(source, first_line + deletion.line, source.decode(deletion.expression), matchers)


def _filters(
    source: SourceFile, line: int, expression: str, matchers: Callable[[bytes], tuple[Matcher, ...]]
) -> Iterator[MapFilter]:
    try:
        found = matchers(source.encode(expression))
    except ExpressionError as error:
        raise source.error(line, str(error)) from None
    for matcher in found:
        yield MapFilter(matcher, line, source.line(line))
