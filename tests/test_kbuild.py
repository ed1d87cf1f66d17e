# SPDX-License-Identifier: GPL-2.0-or-later
"""The hook for the kernel's link script: put into a source tree, recognised, refused, and taken out.

The trees are those of ``scripts/kbuild/skeletons.py``. What the hook does in them is the matter of
``test_kbuild_hook.py``, and ``test_kernel_boot.py`` does the same with a real kernel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from treemaker import make_tree as make_kernel_tree

from elfsyms.errors import InputError, NotThereError
from elfsyms.kbuild import HOOK_NAME, LINE, State, Status, hook_text, install, remove, status
from elfsyms.kbuild.shapes import Mismatch, read_script, recognise

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPTS_FOLDER = Path(__file__).parents[1] / "scripts"
sys.path.append(str(SCRIPTS_FOLDER / "kbuild"))

from skeletons import (  # noqa: E402 (found by the line above)
    ANCHOR,
    FILE,
    HEAD,
    LINKED_FIRST,
    RELEASES,
    SCRIPTS,
    STEP_MAP,
    STEPS,
    contents,
    spoil,
)
from skeletons import make_tree as make_skeleton  # noqa: E402 (as above)


def make_tree(tree: Path, release: str) -> Path:
    """Make a tree with a release's link script, map script and generator."""
    return make_kernel_tree(make_skeleton(tree, release), f"{release}.9", like=release)


PATCHES = sorted((SCRIPTS_FOLDER / "kbuild").glob("*.patch"))


@pytest.fixture(params=sorted(SCRIPTS))
def release(request: pytest.FixtureRequest) -> str:
    """Name each release whose script is imitated."""
    return str(request.param)


@pytest.fixture
def tree(tmp_path: Path, release: str) -> Path:
    """Make a source tree, in a folder whose name has a space."""
    return make_tree(tmp_path / "source tree", release)


def test_installing_and_removing_leaves_no_trace(tree: Path) -> None:
    """What remove leaves is what install found, to the byte and to the mode."""
    before = contents(tree)
    install(tree)
    assert contents(tree) != before
    remove(tree)
    assert contents(tree) == before


def test_one_line_and_one_file_are_added(tree: Path, release: str) -> None:
    """The script is as before but for one line, behind its functions."""
    install(tree)
    lines = (tree / "scripts" / "link-vmlinux.sh").read_text(encoding="utf-8").splitlines(keepends=True)
    assert lines.count(LINE) == 1
    assert "}\n" not in lines[lines.index(LINE) :]
    assert "".join(line for line in lines if line != LINE) == SCRIPTS[release]
    assert (tree / "scripts" / HOOK_NAME).read_bytes() == hook_text()


def test_installing_again_changes_nothing(tree: Path) -> None:
    """The hook is in the tree once, however often it is installed."""
    install(tree)
    once = contents(tree)
    assert install(tree).state is State.INSTALLED
    assert contents(tree) == once


def test_status_tells_release_and_shape(tree: Path, release: str) -> None:
    """The answer names the release, what is so, and the releases whose script it is."""
    assert (
        status(tree).sentence
        == f"{tree} (Linux {release}.9): not installed; its link script is one of {RELEASES[release]}"
    )
    assert (
        install(tree).sentence
        == f"{tree} (Linux {release}.9): installed; its link script is one of {RELEASES[release]}"
    )
    assert remove(tree).state is State.ABSENT


@pytest.mark.parametrize("release", ["6.12"], indirect=True)
class TestStates:
    """Trees in which something is not as install left it."""

    def test_old_hook_is_brought_up_to_date(self, tree: Path) -> None:
        """A hook of another version is told, and replaced by install."""
        install(tree)
        hook = tree / "scripts" / HOOK_NAME
        hook.write_bytes(hook.read_bytes() + b"# of another day\n")
        assert status(tree).state is State.OUTDATED
        assert install(tree).state is State.INSTALLED

    def test_line_without_file_is_told(self, tree: Path) -> None:
        """A tree in which every build would stop is called half installed, with the cure."""
        install(tree)
        (tree / "scripts" / HOOK_NAME).unlink()
        assert status(tree).state is State.DAMAGED
        assert "install or remove it" in status(tree).sentence
        assert remove(tree).state is State.ABSENT

    def test_file_without_line_is_told(self, tree: Path) -> None:
        """What a reset of the script leaves is called half installed, and remove takes it away."""
        install(tree)
        remove_line = (tree / "scripts" / "link-vmlinux.sh").read_text(encoding="utf-8").replace(LINE, "")
        (tree / "scripts" / "link-vmlinux.sh").write_text(remove_line, encoding="utf-8")
        assert status(tree).state is State.DAMAGED
        remove(tree)
        assert not (tree / "scripts" / HOOK_NAME).exists()

    def test_removing_what_is_not_there_changes_nothing(self, tree: Path) -> None:
        """Remove may be run on any tree."""
        before = contents(tree)
        assert remove(tree).state is State.ABSENT
        assert contents(tree) == before

    def test_foreign_file_is_left_alone(self, tree: Path) -> None:
        """A file of our name that is not ours is neither overwritten nor deleted."""
        hook = tree / "scripts" / HOOK_NAME
        hook.write_text("echo mine\n", encoding="utf-8")
        before = contents(tree)
        for act in (install, remove):
            with pytest.raises(InputError, match="is not from elfsyms: rename it; nothing was changed"):
                act(tree)
        assert contents(tree) == before
        assert "not from elfsyms" in status(tree).sentence

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            (
                "sysmap_and_kallsyms",
                "both_of_them",
                "it defines neither kallsyms_step nor sysmap_and_kallsyms",
            ),
            (
                "sysmap_and_kallsyms .tmp_vmlinux2",
                "sysmap_and_kallsyms .tmp_vmlinux2 x",
                "it has an unknown call: sysmap_and_",
            ),
            (
                "mksysmap vmlinux System.map",
                "mksysmap vmlinux Map",
                "it has an unknown call: mksysmap vmlinux Map",
            ),
            (
                "kallsyms_sysmap=${1}.syms",
                "kallsyms_map=${1}",
                "its function sysmap_and_kallsyms works in another way",
            ),
            ('"${1}" > "${2}.S"', '--sysmap="$1" > "${2}.S"', "its function kallsyms works in another way"),
            ("info()", "inform()", "it lacks the function info"),
            (
                'scripts/kallsyms ${kallsymopt} "${1}"',
                'kallsymopt="${kallsymopt} --sorted-by-size"\n\tscripts/kallsyms ${kallsymopt} "${1}"',
                "it passes --sorted-by-size to scripts/kallsyms, which no release of Linux knows",
            ),
            (
                '# Use "make V=1"',
                '# Use "make V=2"',
                "it has not one line '# Use \"make V=1\" to debug this script'",
            ),
        ],
    )
    def test_unknown_scripts_are_refused(self, tree: Path, old: str, new: str, reason: str) -> None:
        """A script that the hook does not fit is refused by name and reason, and left as it is."""
        spoil(tree, old, new)
        before = contents(tree)
        with pytest.raises(InputError) as error:
            install(tree)
        assert str(error.value).startswith(
            f"the link script of {tree} (Linux 6.12.9) is none that the hook fits: "
        )
        assert reason in str(error.value)
        assert str(error.value).endswith("nothing was changed")
        assert contents(tree) == before

    def test_hook_can_be_removed_from_an_unknown_script(self, tree: Path) -> None:
        """A script that changed below the hook does not keep it."""
        install(tree)
        spoil(tree, "kallsyms_sysmap=${1}.syms", "kallsyms_map=${1}")
        assert remove(tree).state is State.ABSENT


def test_folder_without_script_is_refused(tmp_path: Path) -> None:
    """What is no kernel tree is called so, with what to give instead."""
    with pytest.raises(
        NotThereError, match=r"has no scripts/link-vmlinux.sh .*: give the top of a kernel source tree"
    ):
        install(tmp_path)


def test_script_of_both_kinds_is_refused() -> None:
    """A script with the functions of two shapes is none of them."""
    both = HEAD + STEPS.format(tool=FILE, map=STEP_MAP) + LINKED_FIRST + ANCHOR
    with pytest.raises(Mismatch, match="defines both"):
        recognise(read_script(both))


# Patches, for those who carry them.


@pytest.mark.parametrize("patch", PATCHES, ids=lambda path: path.stem)
def test_patch_holds_this_hook(patch: Path) -> None:
    """The patches add the hook as it is now; scripts/kbuild/make_patches.py writes them anew."""
    added = [line[1:] for line in patch.read_bytes().splitlines(keepends=True) if line.startswith(b"+")]
    text = b"".join(line for line in added if not line.startswith(b"++ "))
    assert text in (hook_text() + LINE.encode(), LINE.encode() + hook_text())


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("patch", PATCHES, ids=lambda path: path.stem)
def test_patch_does_what_install_does(patch: Path, tree: Path) -> None:
    """A tree with any of the patches applied is a tree with the hook installed."""
    before = contents(tree)
    subprocess.run(["git", "apply", str(patch)], cwd=tree, check=True, capture_output=True)
    patched = {path: data for path, (data, _) in contents(tree).items()}
    assert status(tree).state is State.INSTALLED
    remove(tree)
    assert contents(tree) == before
    install(tree)
    assert {path: data for path, (data, _) in contents(tree).items()} == patched


def shared_tree(tmp_path: Path, what: str) -> tuple[Path, Path]:
    """Make a tree whose script, or folder of scripts, is a link into another tree; return both."""
    shared = make_tree(tmp_path / "shared", "6.12")
    tree = tmp_path / "tree"
    shutil.copytree(shared, tree, symlinks=True)
    place = tree / what
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink()
    place.symlink_to(shared / what)
    return tree, shared


@pytest.mark.parametrize("what", ["scripts/link-vmlinux.sh", "scripts"])
@pytest.mark.parametrize("act", [install, remove])
def test_script_that_is_a_link_into_another_tree_is_refused(
    tmp_path: Path, what: str, act: Callable[[Path], Status]
) -> None:
    """The line would stop the builds of every other tree that uses the script: nothing is changed."""
    tree, shared = shared_tree(tmp_path, what)
    before = contents(shared), contents(tree)
    with pytest.raises(InputError, match="other trees may use that"):
        act(tree)
    assert (contents(shared), contents(tree)) == before


def test_hook_that_is_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    """A link in the hook's place would have its file made, wherever that is."""
    tree = make_tree(tmp_path / "tree", "6.12")
    (tree / "scripts" / HOOK_NAME).symlink_to(tmp_path / "outside")
    before = contents(tree)
    with pytest.raises(InputError, match="through a link"):
        install(tree)
    assert contents(tree) == before
    assert not (tmp_path / "outside").exists()


def test_tree_that_is_itself_a_link_is_the_tree(tmp_path: Path) -> None:
    """A link to a whole tree is another name of it."""
    make_tree(tmp_path / "tree", "6.12")
    (tmp_path / "link").symlink_to(tmp_path / "tree")
    assert install(tmp_path / "link").state is State.INSTALLED
    assert remove(tmp_path / "link").state is State.ABSENT


@pytest.mark.parametrize("name", ["link-vmlinux.sh", HOOK_NAME])
def test_pipe_in_place_of_a_script_is_not_waited_for(tmp_path: Path, name: str) -> None:
    """A FIFO that nobody writes to is no script, and no hook."""
    tree = make_tree(tmp_path / "tree", "6.12")
    (tree / "scripts" / name).unlink(missing_ok=True)
    os.mkfifo(tree / "scripts" / name)
    with pytest.raises((InputError, NotThereError), match="Not a regular file"):
        install(tree)


@pytest.mark.parametrize("where", ["everywhere", "one line"])
def test_carriage_returns_are_refused(tree: Path, where: str) -> None:
    """A script with CRLF line ends is none that a shell runs: refused, named with its line, and nothing changed."""
    script = tree / "scripts" / "link-vmlinux.sh"
    text = script.read_bytes()
    spoilt = text.replace(b"\n", b"\r\n") if where == "everywhere" else text.replace(b"\n}\n", b"\r\n}\n", 1)
    script.write_bytes(spoilt)
    before = contents(tree)
    with pytest.raises(InputError, match=r"line \d+ has a carriage return.*nothing was changed"):
        install(tree)
    assert contents(tree) == before
    assert status(tree).shape is None


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_only_a_line_feed_ends_a_line(tree: Path, separator: str) -> None:
    """What Python takes for line ends, and a shell does not, stays inside its line."""
    script = tree / "scripts" / "link-vmlinux.sh"
    text = script.read_text(encoding="utf-8")
    script.write_text(text + f"# a remark{separator}{LINE}", encoding="utf-8")
    before = contents(tree)
    assert status(tree).state is State.ABSENT
    install(tree)
    assert status(tree).state is State.INSTALLED
    remove(tree)
    assert contents(tree) == before
