# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion for bash, zsh and fish, as static scripts: nothing of the program runs for them.

The exception is the name of a symbol of a kernel that was already given: ``elfsyms --symbol-names KERNEL BEGIN``
prints those, from a cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from declarations import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from declarations import Command, Parameter

__all__ = ["bash", "fish", "zsh"]

_HEAD = "# SPDX-License-Identifier: GPL-2.0-or-later\n# Made by scripts/shell_files.py: edit what it reads.\n"
_FOLDERS = ("DIR", "TREE", "ATLAS")
_FREE = (
    "R",
    "ID",
    "[R]",
    "[ID]...",
    "OFFSET",
    "HEX",
    "REGEX",
    "RE",
    "PERCENT",
    "C",
    "N",
    "[NAME]",
    "NAME",
    "VIEW",
    "STAGE",
)
_SYMBOLS = ("WHAT...", "[WHAT]...", "GLOB")  # of the kernel that stands before


def kind_of(parameter: Parameter) -> str:
    """Return what completes a value: ``words``, ``symbols``, ``folders``, ``nothing`` or ``files``."""
    if parameter.choices:
        return "words"
    if parameter.metavar in _SYMBOLS:
        return "symbols"
    if parameter.metavar in _FOLDERS:
        return "folders"
    return "nothing" if parameter.metavar in _FREE or "=" in parameter.metavar else "files"


def leaves(commands: Sequence[Command]) -> list[Command]:
    """Return the commands that take arguments: those inside a group instead of the group."""
    return [one for command in commands for one in (command.commands or (command,))]


def _flags(command: Command) -> list[str]:
    return [flag for option in command.options for flag in option.all_flags]


def _last_kind(command: Command, number: int) -> str:
    """Return what completes the argument of a number, from 0: the last one may be there many times."""
    arguments = command.arguments
    if not arguments or (number >= len(arguments) and "..." not in arguments[-1].metavar):
        return "nothing"
    return kind_of(arguments[min(number, len(arguments) - 1)])


# bash

_BASH = """\
_elfsyms_is_command() {
    case $1 in %(names)s) return 0 ;; esac
    return 1
}

# Symbols of the first word after the command that is a file, and that begin so.
_elfsyms_symbols() {
    local word
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ -f $word ]]; then
            mapfile -t COMPREPLY < <(elfsyms --symbol-names "$word" "$1" 2>/dev/null)
            return
        fi
    done
}

_elfsyms_value() {
    case $1 in
        files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
        folders) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
        symbols) _elfsyms_symbols "$2" ;;
    esac
}

_elfsyms() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local command=%(default)s first=1 number=-1 flags valued kinds i
    COMPREPLY=()
    if (( COMP_CWORD == 1 )) && [[ $cur != -* ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -W '%(words)s' -- "$cur"; compgen -f -- "$cur")
        return
    fi
    if _elfsyms_is_command "${COMP_WORDS[1]}"; then
        command=${COMP_WORDS[1]} first=2
    fi
%(groups)s    case $command in
%(commands)s    esac
    case " $valued " in
        *" $prev="*)
            local value=" $valued"
            value=${value##* "$prev"=}
            value=${value%%%% *}
            case $value in
                words:*)
                    value=${value#words:}
                    mapfile -t COMPREPLY < <(compgen -W "${value//,/ }" -- "$cur") ;;
                *) _elfsyms_value "$value" "$cur" ;;
            esac
            return ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
        return
    fi
    for (( i = first; i <= COMP_CWORD; i++ )); do
        [[ ${COMP_WORDS[i]} == -* ]] && continue
        [[ " $valued" == *" ${COMP_WORDS[i-1]}="* ]] && continue
        (( number++ ))
    done
    set -- $kinds
    (( number >= $# )) && number=$(( $# - 1 ))
    (( number >= 0 )) && _elfsyms_value "${@:number+1:1}" "$cur"
}

complete -F _elfsyms elfsyms
"""


def bash(commands: Sequence[Command]) -> str:
    """Return the script for bash."""
    names = [command.name for command in commands]
    return _HEAD + _BASH % {
        "names": "|".join(names),
        "default": DEFAULT,
        "words": " ".join([*names, "help"]),
        "groups": "".join(_bash_group(command) for command in commands if command.commands),
        "commands": "".join(map(_bash_command, leaves(commands))),
    }


def _bash_group(command: Command) -> str:
    words = " ".join(one.name for one in command.commands)
    return (
        f"    if [[ $command == {command.name} ]]; then\n"
        f"        if (( COMP_CWORD == 2 )); then\n"
        f"            mapfile -t COMPREPLY < <(compgen -W '{words}' -- \"$cur\")\n"
        f"            return\n"
        f"        fi\n"
        f'        command="{command.name} ${{COMP_WORDS[2]}}" first=3\n'
        f"    fi\n"
    )


def _bash_command(command: Command) -> str:
    valued = " ".join(
        f"{flag}={_bash_kind(option)}"
        for option in command.options
        if option.takes_value
        for flag in option.flags
    )
    kinds = [_last_kind(command, number) for number in range(len(command.arguments) + 1)]
    return (
        f'        "{" ".join(command.words)}")\n'
        f'            flags="{" ".join(_flags(command))}"\n'
        f'            valued="{valued}"\n'
        f'            kinds="{" ".join(kinds)}" ;;\n'
    )


def _bash_kind(option: Parameter) -> str:
    kind = kind_of(option)
    return f"words:{','.join(option.choices)}" if kind == "words" else kind


# zsh

_ZSH = """\
#compdef elfsyms
%(head)s
_elfsyms_symbols() {
    local word
    local -a names
    for word in ${words[1,CURRENT-1]}; do
        if [[ -f $word ]]; then
            names=(${(f)"$(elfsyms --symbol-names "$word" "$PREFIX" 2>/dev/null)"})
            compadd -a names
            return
        fi
    done
    return 1
}

_elfsyms() {
    local -a commands=(
%(list)s    )
    if (( CURRENT == 2 )) && [[ $PREFIX != -* ]]; then
        _describe -t commands command commands
        _files
        return
    fi
    local command=%(default)s
    if (( ${commands[(I)${words[2]}:*]} )); then
        command=${words[2]}
        shift words
        (( CURRENT-- ))
    fi
%(groups)s    case $command in
%(commands)s    esac
}

_elfsyms "$@"
"""
_ZSH_VALUES = {"files": "_files", "folders": "_files -/", "symbols": "_elfsyms_symbols", "nothing": " "}


def zsh(commands: Sequence[Command]) -> str:
    """Return the script for zsh."""
    return _ZSH % {
        "head": _HEAD.rstrip(),
        "list": "".join(f"        {_zsh_item(command)}\n" for command in commands),
        "default": DEFAULT,
        "groups": "".join(_zsh_group(command) for command in commands if command.commands),
        "commands": "".join(map(_zsh_command, leaves(commands))),
    }


def _zsh_item(command: Command) -> str:
    return _single(f"{command.name}:{command.line}")


def _zsh_group(command: Command) -> str:
    items = "".join(f"            {_zsh_item(one)}\n" for one in command.commands)
    return (
        f"    if [[ $command == {command.name} ]]; then\n"
        f"        local -a inner=(\n{items}        )\n"
        f"        if (( CURRENT == 2 )); then\n"
        f"            _describe -t commands command inner\n"
        f"            return\n"
        f"        fi\n"
        f'        command="{command.name} ${{words[2]}}"\n'
        f"        shift words\n"
        f"        (( CURRENT-- ))\n"
        f"    fi\n"
    )


def _zsh_command(command: Command) -> str:
    rows = [row for option in command.options for row in _zsh_option(option)]
    for number, argument in enumerate(command.arguments, 1):
        position = "*" if "..." in argument.metavar else str(number)
        mark = position if position == "*" or argument.required else f"{position}:"
        rows.append(_single(f"{mark}:{_zsh_escape(argument.metavar)}:{_ZSH_VALUES[kind_of(argument)]}"))
    body = " \\\n                ".join(["_arguments -s", *rows])
    return f'        "{" ".join(command.words)}")\n            {body} ;;\n'


def _zsh_option(option: Parameter) -> list[str]:
    value = ""
    if option.takes_value:
        kind = kind_of(option)
        action = f"({' '.join(option.choices)})" if kind == "words" else _ZSH_VALUES[kind]
        value = f":{_zsh_escape(option.metavar)}:{action}"
    text = _zsh_escape(option.help)
    return [_single(f"{flag}[{text}]{value}") for flag in option.all_flags]


def _zsh_escape(text: str) -> str:
    for special in "\\[]:":
        text = text.replace(special, f"\\{special}")
    return text


def _single(text: str) -> str:
    """Quote text for a shell."""
    return "'" + text.replace("'", "'\\''") + "'"


# fish

_FISH = """\
# Whether the command, or the command and the one inside it, is this; the main job has no name.
function __elfsyms_is
    set -l words (commandline -opc)[2..]
    set -l command %(default)s
    if contains -- "$words[1]" %(names)s
        set command $words[1]
        if contains -- $command %(groups)s; and set -q words[2]
            set command "$command $words[2]"
        end
    end
    test "$command" = "$argv"
end

function __elfsyms_symbols
    for word in (commandline -opc)[2..]
        if test -f $word
            elfsyms --symbol-names $word (commandline -ct) 2>/dev/null
            return
        end
    end
end

"""


def fish(commands: Sequence[Command]) -> str:
    """Return the script for fish."""
    groups = [command for command in commands if command.commands]
    head = _FISH % {
        "default": DEFAULT,
        "names": " ".join(command.name for command in commands),
        "groups": " ".join(command.name for command in groups),
    }
    lines = [_fish_word("__fish_is_first_token", command) for command in commands]
    for group in groups:
        lines += [_fish_word(f"__elfsyms_is {group.name}", one) for one in group.commands]
    for command in leaves(commands):
        lines += _fish_command(command)
    return _HEAD + head + "\n".join(lines) + "\n"


def _fish_word(condition: str, command: Command) -> str:
    return f"complete -c elfsyms -n {_fish_quote(condition)} -a {command.name} -d {_fish_quote(command.line)}"


def _fish_command(command: Command) -> list[str]:
    condition = f"-n {_fish_quote('__elfsyms_is ' + ' '.join(command.words))}"
    lines = []
    for option in command.options:
        flags = " ".join(f"-l {f[2:]}" if f.startswith("--") else f"-s {f[1:]}" for f in option.flags)
        lines.append(
            f"complete -c elfsyms {condition} {flags}{_fish_value(option)} -d {_fish_quote(option.help)}"
        )
        lines += [f"complete -c elfsyms {condition} -l {flag[2:]}" for flag in option.off_flags]
    if any(kind_of(argument) == "symbols" for argument in command.arguments):
        lines.append(f"complete -c elfsyms {condition} -a '(__elfsyms_symbols)'")
    if all(kind_of(argument) == "folders" for argument in command.arguments) and command.arguments:
        lines.append(f"complete -c elfsyms {condition} -f -a '(__fish_complete_directories)'")
    return lines


def _fish_value(option: Parameter) -> str:
    if not option.takes_value:
        return ""
    values = {
        "files": " -r -F",
        "folders": " -x -a '(__fish_complete_directories)'",
        "symbols": " -x -a '(__elfsyms_symbols)'",
        "nothing": " -x",
        "words": f" -x -a {_fish_quote(' '.join(option.choices))}",
    }
    return values[kind_of(option)]


def _fish_quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
