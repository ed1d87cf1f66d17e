# SPDX-License-Identifier: GPL-2.0-or-later
"""``check``: whether a kernel has what a tool needs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from elfmaker import Symbol, vmlinux

from elfsyms.cli.app import run
from elfsyms.errors import InputError, UsageError
from elfsyms.inspect.needs import Need, parse_needs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """Return a kernel without kprobes, that keeps code alone."""
    text = [
        Symbol("_text", 0x1000),
        Symbol("_stext", 0x1000),
        Symbol("_etext", 0x2000),
        Symbol("run", 0x1100),
        Symbol("__crc_run", 0x1180),
    ]
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([*text, Symbol("jiffies", 0x3000, section=".data", type="object")]))
    return path


def check(kernel: Path, *needs: str) -> tuple[int, Path]:
    """Run the command on a list; return its exit code and the list's file."""
    path = kernel.with_name("needs")
    path.write_text("# what a tool needs\n" + "\n".join(needs))
    return run(["check", str(kernel), "--needs", str(path), "--no-all-symbols"]), path


def test_all_that_is_there_is_met(kernel: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Exit code 0 where every name is in the tables."""
    assert check(kernel, "_text", "run  # the one that runs")[0] == 0
    assert capsysbinary.readouterr().out.decode().splitlines()[-1] == "2 of 2 needs are met"


@pytest.mark.parametrize(
    ("need", "rule"),
    [("jiffies", "KS501"), ("nowhere", "absent"), ("kprobe:any", "absent")],
)
def test_what_is_missing_has_its_rule(
    kernel: Path, need: str, rule: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Exit code 1, with the rule and what would help, where one is missing or cannot be traced so."""
    assert check(kernel, "_text", need)[0] == 1
    shown = capsysbinary.readouterr().out.decode()
    assert f"{need}  missing  {rule}" in shown
    assert "1 of 2 needs are met" in shown


@pytest.mark.parametrize(
    ("need", "told"),
    [
        ("kprobe:snd_hda:start", "not known module why a symbol of module snd_hda"),
        ("kprobe:ru*", "missing pattern why a pattern"),
    ],
)
def test_what_a_kernel_cannot_have_is_told_from_what_it_lacks(
    kernel: Path, need: str, told: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A module's symbol is not in a kernel's file, and a pattern is no name."""
    assert check(kernel, need)[0] == 1
    assert f"{need} {told}" in " ".join(capsysbinary.readouterr().out.decode().split())


@pytest.mark.parametrize(
    ("line", "name", "question", "offset"),
    [
        ("kprobe:run", "run", "kprobe", 0),
        ("kretprobe:run", "run", "kprobe", 0),
        ("kprobe/run", "run", "kprobe", 0),
        ("kr: run", "run", "kprobe", 0),
        ("kprobe:run+0x10", "run", "kprobe", 16),
        ("kprobe:run+010", "run", "kprobe", 8),  # kstrtol(..., 0, ...) in kernel/trace/trace_probe.c
        ("kprobe:run+08", "run+08", "kprobe", 0),
        ("kprobe:run+16", "run", "kprobe", 16),
        ("kprobe:run+0", "run", "kprobe", 0),
        pytest.param(f"kprobe:run+{'9' * 5000}", f"run+{'9' * 5000}", "kprobe", 0, id="digits"),
        ("kprobe:vmlinux:run", "run", "kprobe", 0),
        ("kprobe:toy:run", "toy:run", "kprobe", 0),
        ("kfunc:run", "run", "fentry", 0),
        ("fexit:vmlinux:run", "run", "fentry", 0),
        ("kprobe.multi/run", "run", "ftrace", 0),
        ("toy:run", "toy:run", "", 0),
        ("run", "run", "", 0),
    ],
)
def test_words_of_bpftrace_and_libbpf_ask_the_same(line: str, name: str, question: str, offset: int) -> None:
    """Each is shown as it was written, whatever it asks."""
    (need,) = parse_needs([line], "needs")
    assert (need.name, need.question, need.offset, str(need)) == (name, question, offset, line)


def test_several_words_are_no_name(kernel: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A question with a blank behind it is not taken for a symbol that the kernel lacks."""
    assert check(kernel, "kprobe run")[0] == 1
    assert "several words, where a need is one name" in capsysbinary.readouterr().out.decode()


def test_what_no_symbol_answers_is_not_known(
    kernel: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A tracepoint is no module's symbol."""
    assert check(kernel, "tracepoint:sched:sched_switch")[0] == 1
    assert "sched_switch  not known  kind\n" in capsysbinary.readouterr().out.decode()


@pytest.mark.parametrize(("need", "rule"), [("kprobe:run", "TR317"), ("ftrace:run", "TR207")])
def test_what_the_file_cannot_tell_is_not_said_to_be_missing(
    kernel: Path, need: str, rule: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A file without the label or function that answers has no answer: exit code 1, and both readings."""
    assert check(kernel, need)[0] == 1
    shown = " ".join(capsysbinary.readouterr().out.decode().split())
    assert f"{need} not known {rule}" in shown
    assert "Either its symbols are not all there, or the kernel was built without CONFIG_" in shown


@pytest.mark.parametrize(
    ("line", "rule"),
    [("# CONFIG_KPROBES is not set", "missing TR301"), ("CONFIG_KPROBES=y", "not known TR105")],
)
def test_a_configuration_decides(
    kernel: Path, line: str, rule: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Beside a vmlinux, ``.config`` proves that the kernel has no kprobes, or that its file was cut."""
    kernel.with_name(".config").write_text(f"CONFIG_SMP=y\n{line}\n")
    assert check(kernel, "kprobe:run")[0] == 1
    assert f"kprobe:run {rule}" in " ".join(capsysbinary.readouterr().out.decode().split())


def test_json_has_the_cost(kernel: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A dropped symbol has its bytes, for who weighs the configuration that keeps it."""
    path = check(kernel, "jiffies")[1]
    capsysbinary.readouterr()
    assert run(["check", str(kernel), "--needs", str(path), "--no-all-symbols", "--json"]) == 1
    told = json.loads(capsysbinary.readouterr().out)
    assert told["schema"] == "elfsyms.check/1"
    assert told["needs"][0]["need"] == "jiffies"
    assert "CONFIG_KALLSYMS_ALL" in told["needs"][0]["fix"]
    assert told["needs"][0]["bytes"] > len("jiffies")


@pytest.mark.parametrize("need", ["fentry.s/run", "fexit.s/run", "kprobe.session/run"])
def test_libbpfs_sections_that_sleep_or_last_ask_of_the_function(need: str) -> None:
    """The variants of a section's word are that word."""
    assert parse_needs([need], "needs")[0].name == "run"


@pytest.mark.parametrize(
    "need", ["raw_tp/sched_switch", "struct_ops/toy", "interval:s:1", "uretprobe:/bin/sh:main"]
)
def test_what_is_no_functions_is_no_missing_symbol(
    kernel: Path, need: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Of what a tool asks besides functions, nothing is said to be missing, nor to be a module's."""
    assert check(kernel, need)[0] == 1
    assert f"{need}  not known  kind\n" in capsysbinary.readouterr().out.decode()


def test_only_what_a_configuration_keeps_has_a_cost(
    kernel: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The cost of a fix is told where there is a fix, and with what comes along, as explain tells it."""
    check(kernel, "jiffies", "__crc_run")
    told = " ".join(capsysbinary.readouterr().out.decode().split())
    assert "CONFIG_KALLSYMS_ALL=y (--all-symbols); costs" in told
    assert "fix none: the symbol is not one that the kernel can use 0 of 2" in told


def test_a_list_is_needed(kernel: Path, tmp_path: Path) -> None:
    """Without a list there is nothing to check, and an empty one is no list."""
    with pytest.raises(UsageError, match="--needs"):
        run(["check", str(kernel)])
    empty = tmp_path / "empty"
    empty.write_text("# nothing\n")
    with pytest.raises(InputError, match="names no symbol"):
        run(["check", str(kernel), "--needs", str(empty)])


def test_names_with_colons_stay_names() -> None:
    """Only the four questions are split off a name."""
    assert parse_needs(["a::b", "kprobe:x", "kprobe:x"], "list") == [Need("a::b"), Need("x", "kprobe")]
