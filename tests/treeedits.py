# SPDX-License-Identifier: GPL-2.0-or-later
"""Random edits of a kernel tree's map script and generator, as distributions and vendors make them.

An edit takes the texts of ``scripts/mksysmap`` and ``scripts/kallsyms.c`` and returns them changed. Most are of
the kinds that were met (a pattern more or less, another limit, an option, a table elsewhere, other names
filtered); some are accidents that a reader can only refuse. Nothing here is the kernel's text: edits find their
places by shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

__all__ = ["EDITS", "Edit", "Texts"]

PATTERNS = (
    r" W .*\.c\.",
    " __fix",
    " do_",
    "_end$",
    r"\.cold",
    r"\.isra\.[0-9]*$",
    " [bB] ",
    " [tT] _",
    " .*lock$",
    " x",
    " __[a-z]*_start$",
    r" \(sys\|tcp\)_",
    r" [a-z]\{3,5\}_[a-z]*$",
    "^ffffffff8[0-4]",
    "a0 ",
    " d$",
    r"\bpci\b",
    " ...$",
    r" __\?[kx]",
    r"\(_init\|_exit\)$",
    " [^a-z]",
    r"[[:digit:]]\+_",
    r" \w*_ops$",
    "e",
    " T",
    r"\.$",
    "_[[:upper:]][[:upper:]]*_",
)
STRINGS = ("do_", "_ops", "__x64_", "init_task", ".cold", "tcp_sendmsg", "schedule", "_lock", "vfs_", "$")
LABEL = re.compile(r'^\toutput_label\("kallsyms_(\w+)"\);\n', re.MULTILINE)
STRING = re.compile(r'"([A-Za-z_.$][\w.$]*)"')


@dataclass(frozen=True)
class Texts:
    """The two scripts, and whether the map script is all ``sed``."""

    mksysmap: str
    generator: str

    @property
    def is_sed(self) -> bool:
        """Tell whether the map script is a sed script."""
        return "sed" in self.mksysmap.partition("\n")[0]


@dataclass(frozen=True)
class Edit:
    """A kind of edit; ``change`` returns None where the texts have no place for it."""

    name: str
    change: Callable[[random.Random, Texts], Texts | None]
    weight: int = 1


def _lines(texts: Texts) -> list[int]:
    """Return the numbers of the lines of the map script that have a pattern."""
    wanted = r"/.*/d$" if texts.is_sed else r"\s*-e '.*'|.*grep -v '"
    return [i for i, line in enumerate(texts.mksysmap.split("\n")) if re.match(wanted, line)]


def _with_line(texts: Texts, at: int, line: str | None) -> Texts:
    lines = texts.mksysmap.split("\n")
    lines[at : at + 1] = [] if line is None else [line]
    return Texts("\n".join(lines), texts.generator)


def _spell(texts: Texts, old: str, pattern: str) -> str:
    """Return a line with one more pattern, before or within what it has."""
    if texts.is_sed:
        return f"/{pattern}/d\n{old}"
    if re.match(r"\s*-e", old):
        return f"\t-e '{pattern}'\t\\\n{old}"
    return old.replace("grep -v '", rf"grep -v '\({pattern}\)\|")


def add_pattern(rng: random.Random, texts: Texts) -> Texts:
    """Add a pattern of somebody's own."""
    at = rng.choice(_lines(texts))
    old = texts.mksysmap.split("\n")[at]
    return _with_line(texts, at, _spell(texts, old, rng.choice(PATTERNS)))


def remove_pattern(rng: random.Random, texts: Texts) -> Texts | None:
    """Take a pattern out."""
    at = rng.choice(_lines(texts))
    old = texts.mksysmap.split("\n")[at]
    if texts.is_sed or re.match(r"\s*-e", old):
        return _with_line(texts, at, None)
    parts = re.findall(r"\\\(.*?\\\)", old)
    gone = rng.choice(parts)
    return _with_line(texts, at, old.replace(gone, "", 1).replace(r"\|\|", r"\|").replace(r"'\|", "'"))


def widen_pattern(rng: random.Random, texts: Texts) -> Texts | None:
    """Make a pattern match more, or something else."""
    at = rng.choice(_lines(texts))
    old = texts.mksysmap.split("\n")[at]
    changes: list[Callable[[str], str]] = [
        lambda line: line.replace("$/", "/", 1).replace("$'", "'", 1),
        lambda line: re.sub(r"(/|'| \\\()( )", r"\1", line, count=1),
        lambda line: re.sub(r"([a-z]{2})(?=[a-z_]*(?:/d|'|\\\)))", r"\1.*", line, count=1),
        lambda line: re.sub(r"\[([a-zA-Z]+)\]", r"[\1tT]", line, count=1),
        lambda line: re.sub(r"_(?=[a-z])", r"_*", line, count=1),
        lambda line: re.sub(r"/d$", "/Id", line),
        lambda line: line.replace("_", ".", 1),
    ]
    new = rng.choice(changes)(old)
    return None if new == old else _with_line(texts, at, new)


def other_command(rng: random.Random, texts: Texts) -> Texts | None:
    """Add a command that does more than delete lines."""
    if not texts.is_sed:
        return None
    at = rng.choice(_lines(texts))
    command = rng.choice(
        ["s/_llvm_.*//", "1,3d", "/ __x/!d", "y/abc/xyz/", "/ foo/{d}", "$d", "/a/,/b/d", "p"]
    )
    return _with_line(texts, at, f"{command}\n{texts.mksysmap.split(chr(10))[at]}")


def limit(rng: random.Random, texts: Texts) -> Texts:
    """Change the longest name, with the buffer that depends on it or without."""
    value = rng.choice([16, 24, 40, 64, 128, 256, 768, 1024])
    text = re.sub(r"(define KSYM_NAME_LEN\s+)\d+", rf"\g<1>{value}", texts.generator)
    if rng.random() < 0.7:
        text = re.sub(r"(define KSYM_NAME_LEN_BUFFER\s+)\d+", rf"\g<1>{4 * value}", text)
    return Texts(texts.mksysmap, text)


def over(_: random.Random, texts: Texts) -> Texts | None:
    """Keep names of exactly the limit."""
    return _generator(texts, texts.generator.replace(">= KSYM_NAME_LEN)", "> KSYM_NAME_LEN)"))


def add_option(rng: random.Random, texts: Texts) -> Texts:
    """Add an option that does nothing, or whose variable something uses."""
    name = rng.choice(["quiet", "no-data", "sort-names", "uncompressed", "everything"])
    variable = name.replace("-", "_")
    text = re.sub(
        r"^(static int all_symbols;)", rf"\1\nstatic int {variable};", texts.generator, flags=re.MULTILINE
    )
    if "long_options" in text:
        row = f'{{"{name}", no_argument, &{variable}, 1}},'
        text = re.sub(r"^(\s*)(\{\"all-symbols\")", rf"\1{row}\n\1\2", text, flags=re.MULTILINE)
    else:
        chain = f'if (strcmp(argv[i], "--{name}") == 0)\n\t\t\t\t{variable} = 1;\n\t\t\telse '
        text = re.sub(r"(else )(if \(strcmp\(argv\[i\])", rf"\1{chain}\2", text, count=1)
    if rng.random() < 0.3:
        text = re.sub(r"(if \(!)(all_symbols\))", rf"\1{variable} \&\& !\2", text)
    return _generator(texts, text) or texts


def remove_option(_: random.Random, texts: Texts) -> Texts | None:
    """Take an option out of the parser, whose variable stays."""
    text = re.sub(
        r"^\s*\{\"(?:pc-relative|absolute-percpu)\".*\n", "", texts.generator, count=1, flags=re.MULTILINE
    )
    return _generator(texts, text)


def move_table(rng: random.Random, texts: Texts) -> Texts | None:
    """Print a table elsewhere."""
    blocks = _blocks(texts.generator)
    if len(blocks) < 3:
        return None
    one, other = rng.sample(blocks, 2)
    text = texts.generator
    moved = text[one[0] : one[1]]
    place = other[0] if other[0] < one[0] else other[0] - len(moved)
    text = text[: one[0]] + text[one[1] :]
    return _generator(texts, text[:place] + moved + text[place:])


def swap_labels(rng: random.Random, texts: Texts) -> Texts:
    """Give two tables each other's label."""
    names = LABEL.findall(texts.generator)
    one, other = rng.sample(names, 2)
    swap = {one: other, other: one}
    text = LABEL.sub(lambda m: m[0].replace(f'_{m[1]}"', f'_{swap.get(m[1], m[1])}"'), texts.generator)
    return Texts(texts.mksysmap, text)


def size_line(rng: random.Random, texts: Texts) -> Texts | None:
    """Add or remove the size of a table."""
    sizes = re.findall(r'^\tprintf\("\.size .*\n', texts.generator, re.MULTILINE)
    if sizes and rng.random() < 0.5:
        return _generator(texts, texts.generator.replace(rng.choice(sizes), "", 1))
    name = rng.choice(LABEL.findall(texts.generator))
    line = f'\tprintf(".size kallsyms_{name}, . - kallsyms_{name}\\n");\n'
    start = texts.generator.index(f'output_label("kallsyms_{name}");')
    end = texts.generator.index('\tprintf("\\n");\n', start)
    return _generator(texts, texts.generator[:end] + line + texts.generator[end:])


def filter_string(rng: random.Random, texts: Texts) -> Texts | None:
    """Change, add or remove a name that the generator looks for."""
    start = texts.generator.index("text_ranges[]")
    end = texts.generator.index("static void write_src")
    places = [m for m in STRING.finditer(texts.generator, start, end) if m[1] not in ("r", "a")]
    match = rng.choice(places)
    new = rng.choice(STRINGS)
    kind = rng.random()
    if kind < 0.5:
        text = f'"{new}"'
    elif kind < 0.75 and texts.generator[match.end() :].startswith(","):
        text = f'"{match[1]}", "{new}"'
    else:
        text = f'"{match[1][:-1] or "x"}"'
    return _generator(texts, texts.generator[: match.start()] + text + texts.generator[match.end() :])


def add_comparison(rng: random.Random, texts: Texts) -> Texts | None:
    """Ignore one more name, or letter, by a line of one's own."""
    name = rng.choice(STRINGS)
    line = rng.choice(
        [
            f'\tif (!strcmp(name, "{name}"))\n\t\treturn true;\n',
            f'\tif (!strncmp(name, "{name}", {len(name)}))\n\t\treturn true;\n',
            f'\tif (strstr(name, "{name}"))\n\t\treturn true;\n',
            "\tif (type == 'b' || type == 'B')\n\t\treturn true;\n",
            f"\tif (strlen(name) > {len(name) * 3})\n\t\treturn true;\n",
        ]
    )
    text = re.sub(r"^(\tif \(type == )", lambda m: line + m[1], texts.generator, count=1, flags=re.MULTILINE)
    return _generator(texts, text)


def letters(rng: random.Random, texts: Texts) -> Texts | None:
    """Ignore another letter than before."""
    found = list(re.finditer(r"type == '(\w)'", texts.generator))
    match = rng.choice(found)
    new = rng.choice("bBdDrRvVtW")
    text = texts.generator[: match.start(1)] + new + texts.generator[match.end(1) :]
    return _generator(texts, text)


def ranges(rng: random.Random, texts: Texts) -> Texts | None:
    """Keep other ranges."""
    pair = rng.choice(
        ['{ "_stext_x", "_etext_x" },', '{ "_sdata", "_edata" },', '{ "__init_begin", "__init_end" },']
    )
    text = re.sub(r"(\n\t\{ \"_sinittext\",\s+\"_einittext\" \},)", rf"\1\n\t{pair}", texts.generator)
    return _generator(texts, text)


def comments(_: random.Random, texts: Texts) -> Texts:
    """Say and lay out the same otherwise."""
    text = re.sub(r"^\s*/\*.*?\*/", "/* . */", texts.generator, flags=re.DOTALL | re.MULTILINE)
    text = text.replace("\t", "    ")
    return Texts(texts.mksysmap.replace("# ppc", "# PowerPC"), "// a vendor's\n" + text)


def accident(rng: random.Random, texts: Texts) -> Texts | None:
    """Change a number or an operator anywhere."""
    found = list(
        re.finditer(r"(?<=[ (])(?:0x[0-9a-fA-F]+|\d+|[<>]=?|&&|\|\||\+|-)(?=[ );])", texts.generator)
    )
    match = rng.choice(found)
    swap = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "&&": "||", "||": "&&", "+": "-", "-": "+"}
    new = swap.get(match[0]) or str(int(match[0], 0) + 1)
    return _generator(texts, texts.generator[: match.start()] + new + texts.generator[match.end() :])


def uncompressed(rng: random.Random, texts: Texts) -> Texts | None:
    """Teach the generator to leave names as they are, as OpenWrt does."""
    text = texts.generator
    text = re.sub(r"^(static int all_symbols;)", r"\1\nstatic int uncompressed;", text, flags=re.MULTILINE)
    if "long_options" in text:
        text = re.sub(
            r"^(\s*)(\{\"all-symbols\")",
            r'\1{"uncompressed", no_argument, &uncompressed, 1},\n\1\2',
            text,
            flags=re.MULTILINE,
        )
    else:
        chain = 'if (strcmp(argv[i], "--uncompressed") == 0)\n\t\t\t\tuncompressed = 1;\n\t\t\telse '
        text = re.sub(r"(else )(if \(strcmp\(argv\[i\])", rf"\1{chain}\2", text, count=1)
    if rng.random() < 0.5:
        text = text.replace("optimize_result();", "if (!uncompressed)\n\t\toptimize_result();")
    else:
        begin = r"(static void optimize_result.*?\n\{\n(?:\t[\w ,]+;\n)+)"
        text = re.sub(begin, r"\1\tif (uncompressed)\n\t\treturn;\n", text, flags=re.DOTALL)
    blocks = {name: (start, end) for start, end, name in _named_blocks(text)}
    start, end = blocks["token_table"][0], blocks["token_index"][1]
    return _generator(texts, f"{text[:start]}\tif (!uncompressed) {{\n{text[start:end]}\t}}\n{text[end:]}")


def _generator(texts: Texts, text: str) -> Texts | None:
    return None if text == texts.generator else Texts(texts.mksysmap, text)


def _blocks(text: str) -> list[tuple[int, int]]:
    return [(start, end) for start, end, _ in _named_blocks(text)]


def _named_blocks(text: str) -> list[tuple[int, int, str]]:
    """Return where each table is printed: from its label to the empty line behind it."""
    found = []
    for match in LABEL.finditer(text):
        end = text.index('\n\tprintf("\\n");\n', match.start()) + len('\n\tprintf("\\n");\n')
        found.append((match.start(), end, match[1]))
    return found


EDITS = (
    Edit("pattern added", add_pattern, 10),
    Edit("pattern removed", remove_pattern, 6),
    Edit("pattern widened", widen_pattern, 8),
    Edit("other command", other_command, 2),
    Edit("limit", limit, 5),
    Edit("limit compared otherwise", over, 1),
    Edit("option added", add_option, 4),
    Edit("option removed", remove_option, 1),
    Edit("table moved", move_table, 4),
    Edit("labels swapped", swap_labels, 2),
    Edit("size line", size_line, 2),
    Edit("filter string", filter_string, 6),
    Edit("comparison added", add_comparison, 3),
    Edit("letter", letters, 2),
    Edit("ranges", ranges, 1),
    Edit("comments", comments, 1),
    Edit("accident", accident, 4),
    Edit("uncompressed", uncompressed, 2),
)
