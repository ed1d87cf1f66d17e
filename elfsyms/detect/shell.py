# SPDX-License-Identifier: GPL-2.0-or-later
"""Shell text taken apart as far as the kernel's small filter scripts go: words, quotes, pipes, redirections.

Nothing is run or expanded. A word is a row of parts, each plain text or an expansion (``$1``, ``${NM}``,
``$(...)``) as it stands, so that the reader of a script decides which expansions it knows.

Leaves out, with :class:`ShellError`: here-documents, back-quotes, globs as a command's name, and every
operator but ``|``, ``;``, ``&&``, ``>`` and newline.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["Command", "Part", "Pipeline", "ShellError", "Word", "read_shell"]

_EXPANSION = re.compile(r"\$(?:\w+|[@*#?$!-]|\{[^{}]*\})")
_OPERATORS = ("&&", "||", "|", ";", "\n")
_PLAIN = re.compile(r"[^\s\\'\"$`|&;<>()#]+|#(?<=\S#)")
_BLANKS = re.compile(r"(?:[ \t]|\\\n)*")


class ShellError(ValueError):
    """Shell text that is not followed; ``line`` is its line."""

    def __init__(self, line: int, why: str) -> None:
        """Say where and why."""
        super().__init__(why)
        self.line = line


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a word: text, or an expansion as it is written; ``line`` is where it begins."""

    text: str
    line: int
    is_expansion: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a command, quotes taken off."""

    parts: tuple[Part, ...]
    line: int

    @property
    def text(self) -> str:
        """The word, with expansions as they are written."""
        return "".join(part.text for part in self.parts)


@dataclass(slots=True)
class Command:
    """A command's words, and the word that its output is redirected to."""

    line: int
    words: list[Word] = field(default_factory=list)
    output: Word | None = None


Pipeline = list[Command]


def read_shell(text: str, first_line: int = 1) -> list[Pipeline]:
    """Take a script apart into pipelines; raises :class:`ShellError`."""
    return _Shell(text, first_line).pipelines()


class _Shell:
    """Reads one script from beginning to end."""

    def __init__(self, text: str, first_line: int) -> None:
        self.text = text
        self.first_line = first_line
        self.at = 0
        self._counted = 0  # up to where newlines were counted
        self._newlines = 0

    @property
    def line(self) -> int:
        if self.at < self._counted:
            self._counted = self._newlines = 0
        self._newlines += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self.first_line + self._newlines

    def pipelines(self) -> list[Pipeline]:
        found: list[Pipeline] = []
        pipeline: Pipeline = []
        while self.at < len(self.text):
            command = self._command()
            operator = self._operator()
            if command.words:
                pipeline.append(command)
            if operator == "||":
                raise ShellError(self.line, "it depends on what fails")
            if operator == "|":
                self._skip_lines()
            elif pipeline:
                found.append(pipeline)
                pipeline = []
        return found

    def _command(self) -> Command:
        """Read the words up to an operator."""
        self._skip_blanks()
        command = Command(self.line)
        while self.at < len(self.text) and not self._at_operator():
            if self._take(">"):
                self._skip_blanks()
                command.output = self._word()
            else:
                command.words.append(self._word())
            self._skip_blanks()
        return command

    def _word(self) -> Word:
        parts: list[Part] = []
        line, start = self.line, self.at
        while self.at < len(self.text) and (found := self._parts()):
            parts += found
        if self.at == start:
            raise ShellError(line, f"{self.text[self.at : self.at + 2].strip()!r} is not followed here")
        return Word(tuple(parts), line)

    def _parts(self) -> list[Part]:  # noqa: PLR0911 (one for each kind of text)
        """Read what may stand in a word: quoted, escaped or plain text, or an expansion."""
        line = self.line
        if self._take("'"):
            end = self._find("'")
            text, self.at = self.text[self.at : end], end + 1
            return [Part(text, line)]
        if self._take('"'):
            return self._double_quoted()
        if self._take("\\\n"):  # joins what is on both lines
            return [Part("", line)]
        if self._take("\\"):
            self.at += 1
            return [Part(self.text[self.at - 1 : self.at], line)]
        if self.text.startswith("$", self.at):
            return [self._dollar()]
        match = _PLAIN.match(self.text, self.at)
        if not match:
            return []
        self.at = match.end()
        return [Part(match[0], line)]

    def _double_quoted(self) -> list[Part]:
        parts = [Part("", self.line)]
        text, line = "", self.line
        while not self._take('"'):
            if self.at >= len(self.text) or self.text[self.at] == "`":
                raise ShellError(line, "a quotation is not closed, or holds a back-quote")
            if self.text[self.at] == "$":
                part = self._dollar()
                if part.is_expansion:
                    parts += [Part(text, line), part]
                    text, line = "", self.line
                else:
                    text += part.text
            elif self._take("\\\n"):
                pass
            else:
                escape = self.text[self.at] == "\\" and self.text[self.at + 1 : self.at + 2] in tuple('$`"\\')
                self.at += escape
                text += self.text[self.at]
                self.at += 1
        return [*parts, Part(text, line)]

    def _dollar(self) -> Part:
        """Read an expansion, or a dollar that begins none."""
        line = self.line
        if self.text.startswith("$(", self.at):
            end = self._closing(self.at + 2)
        elif match := _EXPANSION.match(self.text, self.at):
            end = match.end()
        elif self.text.startswith("${", self.at):
            raise ShellError(line, "an expansion that is not closed, or has another inside")
        else:
            self.at += 1
            return Part("$", line)
        text, self.at = self.text[self.at : end], end
        return Part(text, line, is_expansion=True)

    def _closing(self, at: int) -> int:
        """Return the index after the parenthesis that closes a command substitution."""
        depth, quoted = 1, False
        while depth:
            if at >= len(self.text):
                raise ShellError(self.line, "a substitution is not closed")
            char = self.text[at]
            quoted ^= char == "'"
            depth += 0 if quoted else {"(": 1, ")": -1}.get(char, 0)
            at += 1
        return at

    def _operator(self) -> str:
        self._skip_blanks()
        for operator in _OPERATORS:
            if self._take(operator):
                return operator
        return ""

    def _at_operator(self) -> bool:
        return self.text.startswith(_OPERATORS, self.at)

    def _skip_blanks(self) -> None:
        match = _BLANKS.match(self.text, self.at)
        self.at = match.end() if match else self.at
        if self.text.startswith("#", self.at):
            self.at = self._find("\n", or_end=True)

    def _skip_lines(self) -> None:
        while self._take("\n") or self.text[self.at : self.at + 1] in ("#", " ", "\t"):
            self._skip_blanks()

    def _take(self, text: str) -> bool:
        found = self.text.startswith(text, self.at)
        self.at += len(text) * found
        return found

    def _find(self, text: str, *, or_end: bool = False) -> int:
        end = self.text.find(text, self.at)
        if end < 0 and not or_end:
            raise ShellError(self.line, "a quotation is not closed")
        return len(self.text) if end < 0 else end
