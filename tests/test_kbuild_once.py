# SPDX-License-Identifier: GPL-2.0-or-later
"""What the hook does with ELFSYMS_LINK=once: which links are made, and what is asked of elfsyms, in every shape.

The link scripts, the shells and the program that stands for elfsyms are those of ``test_kbuild_hook.py``. Real
kernels are linked once in ``test_kernel_once.py``.
"""
# ruff: noqa: F811 (fixtures are imported, and then are arguments)

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from test_kbuild_hook import build, configure, final, shell, tree  # noqa: F401 (fixtures)

from elfsyms.kbuild import status

sys.path.append(str(Path(__file__).parents[1] / "scripts" / "kbuild"))

from skeletons import ANCHOR, SCRIPTS, spoil

if TYPE_CHECKING:
    import subprocess

    from test_kbuild_hook import Build

ONCE = ".tmp_vmlinux_once"
QUICK = ("5.10", "7.3", "7.4")
STEPPED = ("5.10", "6.1", "6.6")


@pytest.fixture(
    params=[name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SCRIPTS]
)
def release(request: pytest.FixtureRequest) -> str:
    """Each release whose script is imitated; the quick suite tries one of each kind."""
    return str(request.param)


def once(build: Build, shell: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Link with one link."""
    (build.objects / "calls").unlink(missing_ok=True)
    return build.link(shell, elfsyms=str(build.program), ELFSYMS_LINK="once", LD="true", **variables)


def links(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what was linked."""
    assert (done.returncode, done.stderr) == (0, "")
    return re.findall(r"^  LD +(\S+)", done.stdout, re.MULTILINE)


def asked(build: Build) -> list[str]:
    """Return what elfsyms was asked for, in short."""
    return [" ".join(call.split(" --")[0].split()[:2]) for call in build.calls()]


def first(release: str) -> str:
    """Return the name of the link that finds out names."""
    return ".tmp_vmlinux.kallsyms1" if release in STEPPED else ".tmp_vmlinux1"


def room(release: str) -> str:
    """Return the name of stock's last object, which linkers may write down."""
    return ".tmp_vmlinux.kallsyms2.o" if release in STEPPED else ".tmp_vmlinux2.kallsyms.o"


def test_first_build_takes_two_links(build: Build, shell: list[str], release: str) -> None:
    """One finds out the names, in the other the tables are filled in."""
    assert links(once(build, shell)) == [first(release), ONCE]
    empty = [] if release in STEPPED else ["init/version-timestamp.o"]
    assert asked(build) == ["reserve", *empty, f"reserve {first(release)}", f"fill {ONCE}"]


def test_later_build_takes_one(build: Build, shell: list[str]) -> None:
    """Where sizes are known, nothing but the last link is made."""
    once(build, shell)
    assert links(once(build, shell)) == [ONCE]
    assert asked(build) == ["reserve", f"fill {ONCE}"]


def test_filled_file_gets_the_name_of_the_final_one(build: Build, shell: list[str], release: str) -> None:
    """No file of that name ever lacks its tables; what is left of the map is System.map."""
    once(build, shell)
    assert (build.objects / final(release)).read_text(encoding="utf-8").endswith("filled\n")
    assert not (build.objects / ONCE).exists()
    assert (build.objects / "System.map").exists()


def test_changed_names_cost_a_link(build: Build, shell: list[str], release: str) -> None:
    """Where the tables do not fit, the same link is made with the room that fits."""
    once(build, shell)
    (build.objects / "mismatches").write_text("1\n", encoding="ascii")
    assert links(once(build, shell)) == [ONCE, ONCE]
    assert asked(build) == ["reserve", f"fill {ONCE}", f"fill {ONCE}"]
    assert all(f"--or-reserve {room(release)}" in call for call in build.calls()[1:])


def test_names_that_never_settle_get_room_to_spare(build: Build, shell: list[str]) -> None:
    """Room that fits exactly is asked for once; then there is more and more to spare, and at last an end."""
    once(build, shell)
    (build.objects / "mismatches").write_text("1\n" * 3, encoding="ascii")
    assert links(once(build, shell)) == [ONCE] * 4
    assert re.findall(r"--slack (\d+)", "\n".join(build.calls()[1:])) == ["0", "1", "2", "4"]
    (build.objects / "mismatches").write_text("1\n" * 9, encoding="ascii")
    done = once(build, shell)
    assert done.returncode == 1
    assert "did not fit after four links" in done.stderr
    assert build.calls()[-1].startswith(f"fill {ONCE} --tree")  # which says why


def test_btf_takes_two_links_always(build: Build, shell: list[str], release: str) -> None:
    """BTF is made from a link of its own, whose names are those of this build: nothing has to be remembered."""
    configure(build.objects, "CONFIG_KALLSYMS=y", "CONFIG_DEBUG_INFO_BTF=y")
    early = ".tmp_vmlinux.btf" if release in STEPPED else ".tmp_vmlinux1"
    for _ in range(2):
        assert links(once(build, shell)) == [early, ONCE]
        assert asked(build)[-2:] == [f"reserve {early}", f"fill {ONCE}"]


def test_what_the_link_depends_on_is_told(build: Build, shell: list[str]) -> None:
    """Sizes are remembered under the linker and its flags."""
    program = build.objects / "ld"
    program.write_text("#!/bin/sh\necho GNU ld 2.40\necho more\n", encoding="ascii")
    program.chmod(0o755)
    spoil(build.tree, 'LD="$1"', f'LD="$1"; PATH="{build.objects}:$PATH"')
    once(build, shell, PATH=f"{build.objects}:/usr/bin:/bin")
    key = "--link GNU ld 2.40 -m elf_x86_64 --build-id=sha1 -z noexecstack 0 "
    assert all(key in call for call in build.calls() if call.startswith(("reserve", "fill")))


def test_slack_is_passed_on(build: Build, shell: list[str]) -> None:
    """ELFSYMS_SLACK is in percent, with or without the sign."""
    for text in ("5", "5%"):
        once(build, shell, ELFSYMS_SLACK=text)
        calls = [call for call in build.calls() if call.startswith(("reserve", "fill"))]
        assert all("--slack 5 " in f"{call} " for call in calls)


@pytest.mark.parametrize("text", ["2.5", "-1", "%", "08", "much"])
def test_slack_that_is_no_number_stops_the_build(build: Build, shell: list[str], text: str) -> None:
    """A percentage that no shell can add to is a mistake of the caller's, before anything is linked."""
    done = build.link(shell, elfsyms=str(build.program), ELFSYMS_LINK="once", ELFSYMS_SLACK=text)
    assert (done.returncode, "  LD " in done.stdout) == (2, False)
    assert f"ELFSYMS_SLACK is a whole number of percent, not {text}" in done.stderr


def test_without_a_cache_every_build_is_a_first(build: Build, shell: list[str], release: str) -> None:
    """With ELFSYMS_CACHE_DIR set and empty nothing is remembered, and nothing asked for."""
    for _ in range(2):
        assert links(once(build, shell, ELFSYMS_CACHE_DIR="")) == [first(release), ONCE]


def test_tables_that_cannot_be_reserved_are_linked_in_passes(build: Build, shell: list[str]) -> None:
    """Where there is no room to reserve, the script starts anew, with the passes of stock, and says so."""
    done = once(build, shell, UNRESERVABLE="1")
    assert done.returncode == 0
    assert "linking in passes" in done.stderr
    assert not any(call.startswith("fill") for call in build.calls())
    assert build.calls()[-1].endswith("--system-map System.map --quiet")


def test_kernel_without_tables_is_linked_as_ever(build: Build, shell: list[str], release: str) -> None:
    """Without CONFIG_KALLSYMS there is one link anyway."""
    configure(build.objects, "CONFIG_MODULES=y")
    assert links(once(build, shell)) == [final(release)]
    assert len(build.calls()) == 1


def test_failure_stops_the_build(build: Build, shell: list[str], release: str) -> None:
    """A fill that fails leaves no final vmlinux."""
    done = once(build, shell, FAILING="1")
    assert done.returncode == 4
    assert "the link stops here" in done.stderr
    assert not (build.objects / final(release)).exists()


def test_fallback_is_stock(build: Build, shell: list[str]) -> None:
    """With ELFSYMS_FALLBACK=1 the kernel's own tools link, in their passes."""
    done = once(build, shell, FAILING="1", ELFSYMS_FALLBACK="1")
    assert done.returncode == 0
    assert "stock: map System.map" in done.stdout


@pytest.mark.parametrize("word", ["twice", "Once"])
def test_other_words_are_refused(build: Build, shell: list[str], word: str) -> None:
    """A word that means nothing stops the build: it would be linked in passes otherwise, unnoticed."""
    done = build.link(shell, elfsyms=str(build.program), ELFSYMS_LINK=word)
    assert done.returncode == 2
    assert f"ELFSYMS_LINK is once or passes, not {word}" in done.stderr


def test_map_of_the_linker_follows(build: Build, shell: list[str], release: str) -> None:
    """A link map that is called like the link's output is called like the final vmlinux in the end."""
    spoil(build.tree, 'info LD "$1"', 'info LD "$1"; echo map > "$1.map"')
    once(build, shell)
    assert (build.objects / f"{final(release)}.map").exists()


def test_status_tells_whether_one_link_fits(tree: Path) -> None:
    """Of a script whose links cannot be told apart by their outputs, status says so."""
    assert status(tree).once_sentence == "one link (ELFSYMS_LINK=once): fits"
    spoil(tree, ANCHOR, f"{ANCHOR}vmlinux_link .tmp_more\n")
    assert "not in this tree: it has an unknown call: vmlinux_link .tmp_more" in status(tree).once_sentence


def test_one_link_needs_a_link_function_that_takes_any_name(tree: Path) -> None:
    """A function that looks at the final name would do something else for the file of another name."""
    spoil(tree, 'info LD "$1"', 'info LD "$1"; [ "$1" = "${VMLINUX}" ] && echo last')
    assert "looks at the name of the final vmlinux" in status(tree).once_sentence


def test_such_a_script_is_linked_in_passes(build: Build, shell: list[str], release: str) -> None:
    """The build goes on, as stock's does, and says so."""
    spoil(build.tree, 'info LD "$1"', 'info LD "$1"; [ "$1" != "${VMLINUX}" ] || echo last')
    done = once(build, shell)
    assert done.returncode == 0
    assert "linking in passes" in done.stderr
    assert f"  LD      {final(release)}" in done.stdout
