# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects made after a template are those that LIEF composes; templates outlive a build, in the user's folder."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from command import elfsyms, environment
from test_object_links import ERAS

from elfsyms.image.elf import Abi
from elfsyms.image.machines import MACHINES
from elfsyms.pipeline.cache import PassCache
from elfsyms.writers.object import plan_object, write_object
from elfsyms.writers.templates import keep_template, object_from_template
from elfsyms.writers.user_folder import template_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from elfsyms.pipeline.layout import Layout

ABIS = [
    Abi(bits, order, machine, flags=0)  # type: ignore[arg-type] # the table's keys are plain numbers
    for (machine, bits), facts in sorted(MACHINES.items())
    for order in facts.byte_orders
]


def larger(layout: Layout) -> Layout:
    """Return a layout of the same labels, with more in its tables."""
    labels = tuple(replace(label, offset=3 * label.offset, size=3 * label.size) for label in layout.labels)
    groups = tuple(
        replace(g, offsets=np.tile(g.offsets, 2), addends=np.tile(g.addends, 2)) for g in layout.relocations
    )
    return replace(layout, blob=bytes(layout.blob) * 3, labels=labels, relocations=groups)


@pytest.mark.parametrize("abi", ABIS, ids=lambda abi: f"{abi.machine}-{abi.bits}{abi.byte_order}")
def test_object_after_a_template_is_that_of_lief(abi: Abi, tmp_path: Path) -> None:
    """For tables of other sizes too, on every machine, in every form of addresses."""
    cache = PassCache(tmp_path)
    for era in ERAS:
        if era.__name__ == "places" and MACHINES[abi.machine, abi.bits].pc_relative is None:
            continue
        layout = era(abi)
        keep_template(plan_object(layout), write_object(layout), cache)
        for other in (layout, larger(layout)):
            made = object_from_template(plan_object(other), cache)
            assert made is not None
            assert bytes(made) == write_object(other)


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/elfsyms/templates"),
        ({"XDG_CACHE_HOME": "not/absolute", "HOME": "/h"}, "/h/.cache/elfsyms/templates"),
        ({"HOME": "/h"}, "/h/.cache/elfsyms/templates"),
        ({"HOME": "/h", "ELFSYMS_TEMPLATES": "/t"}, "/t"),
        ({"HOME": "/h", "ELFSYMS_TEMPLATES": ""}, None),
        ({}, None),
    ],
)
def test_folder_is_the_users(
    variables: dict[str, str], folder: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the XDG base directory specification, unless a variable names it or switches it off."""
    for name in ("XDG_CACHE_HOME", "HOME", "ELFSYMS_TEMPLATES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert template_folder() == (None if folder is None else Path(folder))


LOADED = """
import sys
from elfsyms.writers.build import build
build(sys.argv[1], sys.argv[2])
print("lief" in sys.modules)
"""


def test_template_of_an_earlier_build_spares_lief(sample: Callable[[str], Path], tmp_path: Path) -> None:
    """On one core, where no other process can import it, the second build never does; objects are equal."""
    kernel, answers = sample("amd64-6.12"), []
    for name in ("first.o", "second.o"):
        command = [sys.executable, "-c", LOADED, str(kernel), str(tmp_path / name)]
        done = subprocess.run(
            ["taskset", "-c", "0", *command],
            env=environment(ELFSYMS_TEMPLATES=str(tmp_path / "templates")),
            capture_output=True,
            text=True,
            check=True,
        )
        answers.append(done.stdout.strip())
    assert answers == ["True", "False"]
    assert (tmp_path / "first.o").read_bytes() == (tmp_path / "second.o").read_bytes()


def test_damaged_templates_are_made_anew(sample: Callable[[str], Path], tmp_path: Path) -> None:
    """What is in the folder is believed only if the object that comes of it is right."""
    kernel, folder = sample("amd64-7.3"), tmp_path / "templates"
    elfsyms(kernel, "-o", tmp_path / "first.o", ELFSYMS_TEMPLATES=str(folder))
    (entry,) = folder.iterdir()
    entry.write_bytes(entry.read_bytes()[:-40])
    elfsyms(kernel, "-o", tmp_path / "second.o", ELFSYMS_TEMPLATES=str(folder))
    assert (tmp_path / "first.o").read_bytes() == (tmp_path / "second.o").read_bytes()


def test_folder_that_cannot_be_made_is_no_error(sample: Callable[[str], Path], tmp_path: Path) -> None:
    """A home that does not exist costs the template, nothing else."""
    (tmp_path / "file").touch()
    done = elfsyms(
        sample("amd64-7.3"), "-o", tmp_path / "k.o", ELFSYMS_TEMPLATES=str(tmp_path / "file" / "templates")
    )
    assert (done.returncode, b"warning" in done.stderr) == (0, False)
