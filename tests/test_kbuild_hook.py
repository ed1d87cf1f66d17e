# SPDX-License-Identifier: GPL-2.0-or-later
"""What the hook does in a link, run by the shells that kernels are built with.

The link scripts are those of ``scripts/kbuild/skeletons.py``, and elfsyms is a script of ten lines that
writes down how it was called. ``test_kernel_boot.py`` does the same with a real kernel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from everyday import the_rest_slow
from treemaker import make_tree as make_kernel_tree

from elfsyms.kbuild import hook_text, install

sys.path.append(str(Path(__file__).parents[1] / "scripts" / "kbuild"))

from skeletons import ANCHOR, SCRIPTS, make_tree, spoil

# What stands between a tree and an object, as the fake link has it.
PASS = "{image} -o {object} --system-map {image}.syms --quiet"
CACHE = ".tmp_elfsyms"
NM = "aarch64-linux-gnu-nm"
COMMON = " --cache {cache} --nm " + NM + " --tree {tree} --config include/config/auto.conf"

FAKE = """\
#!/bin/sh
if [ "$1 $2" = "kbuild serve" ]; then
	[ -z "$GREETING" ] || echo "$GREETING"
	[ -z "$OLD" ] || exit 2
	[ -z "$DYING" ] || { read -r word <&"$4"; exit 2; }
	echo "kbuild serve PID $6 $7" >> serving
	while
		set -- kbuild serve "$3" "$4" "$5"
		while read -r word <&"$4" && [ -n "$word" ]; do set -- "$@" "$word"; done
		[ $# -gt 5 ]
	do
		ask=$4 answer=$5
		shift 5
		sh "$0" "$@"
		echo $? >&"$answer"
		set -- kbuild serve PID "$ask" "$answer"
	done
	echo end >> serving
	exit
fi
echo "$*" >> calls
if [ "$1" = diff ]; then
	echo "moved: do_nothing, as if by a stub"
	exit 1
fi
if [ -n "$FAILING" ]; then
	echo >&2 "elfsyms: $1 is stripped: link it without --strip-all"
	exit 4
fi
status=0
case $1 in
reserve)
	[ -z "$UNRESERVABLE" ] || exit 5
	case $2 in
	--if-known)	[ -e known ] || exit 1 ;;
	esac
	touch known
	shift ;;
fill)
	shift
	if [ -s mismatches ]; then
		sed -i 1d mismatches
		status=1
	fi
	echo filled >> "$1" ;;
esac
image=$1
while [ $# -gt 0 ]; do
	case $1 in
	-o) echo tables > "$2" ;;
	--system-map) cat "$image" > "$2" ;;
	esac
	shift
done
exit $status
"""

WATCHED_MKFIFO = """\
#!/bin/sh
PATH=${PATH#*:}
mkfifo "$@" && stat -c '%a %F %n' . "$@" >> "$LOG"
"""

SHELLS = {"dash": ["dash"], "busybox": ["busybox", "ash"], "bash": ["bash", "--posix"]}


@dataclass(frozen=True, slots=True)
class Build:
    """A build tree beside a source tree, and the program that is elfsyms there."""

    tree: Path
    objects: Path
    program: Path

    def link(
        self, shell: list[str], *, elfsyms: str | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the tree's link script as Kbuild does; with elfsyms if a command is given."""
        environment = {
            **os.environ,
            **variables,
            "srctree": str(self.tree),
            "NM": NM,
            "CONFIG_SHELL": _shell_program(self, shell),
        }
        environment |= {} if elfsyms is None else {"ELFSYMS": elfsyms}
        script = str(self.tree / "scripts" / "link-vmlinux.sh")
        command = [
            *shell,
            script,
            "ld",
            "-m elf_x86_64",
            "--build-id=sha1 -z noexecstack",
            "vmlinux.unstripped",
        ]
        return subprocess.run(
            command, cwd=self.objects, env=environment, capture_output=True, text=True, check=False
        )

    def calls(self) -> list[str]:
        """Return how elfsyms was called, without what every call has."""
        log = self.objects / "calls"
        common = COMMON.format(cache=CACHE, tree=self.tree)
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return [line.replace(common, "") for line in lines]


def _shell_program(build: Build, shell: list[str]) -> str:
    """Return one program that runs a shell, as CONFIG_SHELL is one."""
    return str(write_program(build.objects / "config-shell", f'#!/bin/sh\nexec {" ".join(shell)} "$@"\n'))


@pytest.fixture(params=sorted(SCRIPTS))
def release(request: pytest.FixtureRequest) -> str:
    """Each release whose script is imitated."""
    return str(request.param)


@pytest.fixture(params=the_rest_slow(sorted(SHELLS), lambda _, name: name == "dash"))
def shell(request: pytest.FixtureRequest) -> list[str]:
    """Each shell that kernels are built with; the quick suite tries the strictest."""
    command = SHELLS[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return command


@pytest.fixture
def tree(tmp_path: Path, release: str) -> Path:
    """Make a source tree, in a folder whose name has a space."""
    return make_kernel_tree(make_tree(tmp_path / "source tree", release), f"{release}.9", like=release)


@pytest.fixture
def build(tree: Path, tmp_path: Path) -> Build:
    """Make a build tree, configured, with the hook installed in its source."""
    objects = tmp_path / "build tree"
    (objects / "include" / "config").mkdir(parents=True)
    configure(objects, "CONFIG_KALLSYMS=y")
    write_program(objects / "scripts" / "kallsyms", "#!/bin/sh\n")
    program = write_program(objects / "el fsyms", FAKE)
    install(tree)
    return Build(tree, objects, program)


def write_program(path: Path, text: str) -> Path:
    """Write a script that can be run."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def configure(objects: Path, *lines: str) -> None:
    """Write the configuration that the link reads."""
    (objects / "include" / "config" / "auto.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")


def expected_calls(release: str) -> list[str]:
    """Return the calls of a build with two passes."""
    if release in ("5.10", "6.1", "6.6"):
        images = [".tmp_vmlinux.kallsyms1", ".tmp_vmlinux.kallsyms2"]
        passes = [PASS.format(image=image, object=f"{image}.o") for image in images]
    else:
        images = [".tmp_vmlinux1", ".tmp_vmlinux2"]
        passes = [PASS.format(image=image, object=f"{image}.kallsyms.o") for image in images]
        passes.insert(0, "init/version-timestamp.o --empty -o .tmp_vmlinux0.kallsyms.o --quiet")
    return [*passes, f"{final(release)} --system-map System.map --quiet"]


def final(release: str) -> str:
    """Return the name of the last link's output."""
    return "vmlinux.unstripped" if release in ("7.3", "7.4") else "vmlinux"


def test_without_elfsyms_stock_builds(build: Build, shell: list[str]) -> None:
    """A tree with the hook builds as stock does unless ELFSYMS is set, and not when it is empty."""
    for elfsyms in (None, ""):
        assert "stock: map System.map" in build.link(shell, elfsyms=elfsyms).stdout
    assert build.calls() == []


def test_one_call_makes_map_and_object(build: Build, shell: list[str], release: str) -> None:
    """Each pass is one call, the last map is another, and nothing of stock runs."""
    done = build.link(shell, elfsyms=str(build.program))
    assert (done.returncode, done.stderr) == (0, "")
    assert "stock" not in done.stdout
    assert build.calls() == expected_calls(release)


def test_kbuild_lines(build: Build, shell: list[str], release: str) -> None:
    """What is printed are lines of Kbuild's form, one for each thing made."""
    done = build.link(shell, elfsyms=str(build.program))
    made = [line.split() for line in done.stdout.splitlines()]
    assert all(line.startswith("  ") for line in done.stdout.splitlines())
    assert [target for verb, target in made if verb == "KSYMS"] == [
        call.partition("-o ")[2].split()[0] for call in expected_calls(release)[:-1]
    ]
    assert made.count(["SYSMAP", "System.map"]) == 1


def test_failure_stops_the_build(build: Build, shell: list[str], release: str) -> None:
    """The sentence and the status are those of elfsyms, what to do comes after it, and no map is left."""
    done = build.link(shell, elfsyms=str(build.program), FAILING="1")
    assert done.returncode == 4
    sentence, *more = done.stderr.splitlines()
    assert (
        sentence
        == f"elfsyms: {expected_calls(release)[0].split()[0]} is stripped: link it without --strip-all"
    )
    assert more[0] == f"elfsyms: the link stops here: ELFSYMS={build.program} left with status 4"
    assert "ELFSYMS_FALLBACK=1" in more[1]
    assert not (build.objects / "System.map").exists()


def test_program_that_is_not_there_stops_the_build(build: Build, shell: list[str]) -> None:
    """A misspelled ELFSYMS is no silent stock build."""
    done = build.link(shell, elfsyms="/nowhere/elfsyms")
    assert done.returncode == 127
    assert "ELFSYMS=/nowhere/elfsyms left with status 127" in done.stderr


def test_fallback_is_stock_and_loud(build: Build, shell: list[str]) -> None:
    """With ELFSYMS_FALLBACK=1 the link starts anew by stock, with two warnings."""
    done = build.link(shell, elfsyms=str(build.program), FAILING="1", ELFSYMS_FALLBACK="1")
    assert done.returncode == 0
    assert "stock: map System.map" in done.stdout
    assert done.stderr.count("elfsyms: WARNING: ") == 2
    assert len(build.calls()) == 1


def test_fallback_keeps_the_arguments(build: Build, shell: list[str]) -> None:
    """Stock gets the arguments that Kbuild gave, spaces in them included."""
    spoil(
        build.tree,
        ANCHOR.splitlines()[1],
        f'{ANCHOR.splitlines()[1]}\necho "<$LD><$KBUILD_LDFLAGS><$LDFLAGS_vmlinux><$4>"',
    )
    done = build.link(shell, elfsyms=str(build.program), FAILING="1", ELFSYMS_FALLBACK="1")
    echoed = [line for line in done.stdout.splitlines() if line.startswith("<")]
    assert echoed == ["<ld><-m elf_x86_64><--build-id=sha1 -z noexecstack><vmlinux.unstripped>"] * 2


def test_convergence_is_told(build: Build, shell: list[str], release: str) -> None:
    """Where stock says that tables are inconsistent, the hook says which symbols moved, and why."""
    done = build.link(shell, elfsyms=str(build.program), MOVING="1")
    passes = ".tmp_vmlinux.kallsyms" if release in ("5.10", "6.1", "6.6") else ".tmp_vmlinux"
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"elfsyms: the tables inside {final(release)} are those of {passes}2, where symbols lie elsewhere:",
        "moved: do_nothing, as if by a stub",
        "Inconsistent kallsyms data",
    ]
    config = "--config include/config/auto.conf"
    assert build.calls()[-1] == f"diff {passes}1 {passes}2 {final(release)} {config}"


def test_verbose_build_is_traced(build: Build, shell: list[str]) -> None:
    """With V=1 the shell shows each command, and elfsyms tells what it found."""
    done = build.link(shell, elfsyms=str(build.program), KBUILD_VERBOSE="1")
    assert done.returncode == 0
    assert any(line.startswith("+") and "--verbose" in line for line in done.stderr.splitlines())
    assert all(call.endswith(" --verbose") for call in build.calls())


def test_elfsyms_is_started_once(build: Build, shell: list[str], release: str) -> None:
    """One process does all the jobs of a link, ends with it, and leaves no pipes behind."""
    before = set(build.objects.iterdir())
    assert build.link(shell, elfsyms=str(build.program)).returncode == 0
    serving = build.objects / "serving"
    for _ in range(100):  # it ends when it finds its pipe closed
        if serving.read_text(encoding="utf-8").endswith("end\n"):
            break
        time.sleep(0.05)
    assert serving.read_text(encoding="utf-8").splitlines() == [f"kbuild serve PID --cache {CACHE}", "end"]
    assert build.calls() == expected_calls(release)
    assert not [
        path for path in set(build.objects.iterdir()) - before if path.name.startswith(".tmp_elfsyms")
    ]


@pytest.mark.parametrize("how", ["old", "dying"])
def test_without_that_process_every_call_is_one(
    build: Build, shell: list[str], release: str, how: str
) -> None:
    """An elfsyms that cannot serve, or dies over the first job, is started for every call."""
    done = build.link(shell, elfsyms=str(build.program), **{how.upper(): "1"})
    assert (done.returncode, done.stderr) == (0, "")
    assert build.calls() == expected_calls(release)
    assert not (build.objects / "serving").exists()


@pytest.mark.parametrize("shell", [SHELLS["dash"], SHELLS["bash"]])  # busybox has a mkfifo inside
def test_pipes_are_for_this_user_alone(build: Build, shell: list[str], tmp_path: Path) -> None:
    """Whatever the umask, nobody else can write to the pipes, or into the folder that they are in."""
    program = write_program(tmp_path / "bin" / "mkfifo", WATCHED_MKFIFO)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    mask = os.umask(0)
    try:
        build.link(shell, elfsyms=str(build.program), PATH=path, LOG=str(tmp_path / "log"))
    finally:
        os.umask(mask)
    modes = (tmp_path / "log").read_text(encoding="ascii").splitlines()
    assert modes == ["700 directory .", "600 fifo ask", "600 fifo answer"]


def test_what_a_wrapper_prints_is_no_answer(build: Build, shell: list[str], release: str) -> None:
    """A program that greets on its standard output serves all the same."""
    done = build.link(shell, elfsyms=str(build.program), GREETING="Loading module elfsyms/1.2")
    assert (done.returncode, done.stderr) == (0, "Loading module elfsyms/1.2\n")
    assert build.calls() == expected_calls(release)
    assert (build.objects / "serving").exists()


@pytest.mark.parametrize("number", ["6", "9"])
def test_files_of_others_are_left_alone(build: Build, shell: list[str], number: str) -> None:
    """Where a file of the hook's numbers is open, as a jobserver's may be, it stays as it is."""
    spoil(build.tree, ANCHOR.splitlines()[1], f"{ANCHOR.splitlines()[1]}\necho kept >&{number}")
    opened = build.objects.parent / "open.sh"
    opened.write_text(f'exec {number}>mine\nexec "$@"\n', encoding="utf-8")
    done = build.link(["sh", str(opened), *shell], elfsyms=str(build.program))
    assert (done.returncode, done.stderr) == (0, "")
    assert (build.objects / "mine").read_text(encoding="utf-8") == "kept\n"
    assert not (build.objects / "serving").exists()
    done = build.link(
        ["sh", str(opened), *shell], elfsyms=str(build.program), FAILING="1", ELFSYMS_FALLBACK="1"
    )
    assert "stock: map System.map" in done.stdout
    assert (build.objects / "mine").read_text(encoding="utf-8") == "kept\n"


def test_failing_without_that_process_stops_the_build(build: Build, shell: list[str]) -> None:
    """A call that is a process of its own stops the build with its exit status, too."""
    done = build.link(shell, elfsyms=str(build.program), OLD="1", FAILING="1")
    assert done.returncode == 4
    assert "left with status 4" in done.stderr


def test_command_of_several_words(build: Build, shell: list[str], release: str) -> None:
    """ELFSYMS may be a program with arguments, as python3 -m elfsyms is."""
    plain = build.objects / "fake.sh"
    plain.write_text(FAKE, encoding="utf-8")
    done = build.link(shell, elfsyms="sh ./fake.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert build.calls() == expected_calls(release)


def test_cache_folder_is_passed_on(build: Build, shell: list[str]) -> None:
    """With ELFSYMS_CACHE_DIR that folder is where every call may use what another learned."""
    build.link(shell, elfsyms=str(build.program), ELFSYMS_CACHE_DIR="my cache")
    assert build.calls()
    assert all(" --quiet --cache my cache --nm " in call for call in build.calls())


def test_empty_cache_folder_is_none(build: Build, shell: list[str]) -> None:
    """With ELFSYMS_CACHE_DIR set and empty, nothing is kept."""
    build.link(shell, elfsyms=str(build.program), ELFSYMS_CACHE_DIR="")
    assert build.calls()
    assert not any("--cache" in call for call in build.calls())


@pytest.mark.parametrize("elfsyms", [None, "elfsyms"])
def test_clean_takes_the_cache_folder(build: Build, shell: list[str], elfsyms: str | None) -> None:
    """``make clean`` leaves no cache in the build tree, with ELFSYMS or without; a named one is the user's."""
    for folder in (CACHE, "my cache"):
        write_program(build.objects / folder / "names.pass", "")
    script = str(build.tree / "scripts" / "link-vmlinux.sh")
    environment = {**os.environ, "srctree": str(build.tree), "ELFSYMS_CACHE_DIR": "my cache"}
    environment |= {} if elfsyms is None else {"ELFSYMS": elfsyms}
    subprocess.run([*shell, script, "clean"], cwd=build.objects, env=environment, check=True)
    assert not (build.objects / CACHE).exists()
    assert (build.objects / "my cache").exists()


def test_kernel_without_tables_gets_its_map(build: Build, shell: list[str], release: str) -> None:
    """Without CONFIG_KALLSYMS the map alone is made, and not compared with anything."""
    configure(build.objects, "CONFIG_MODULES=y")
    done = build.link(shell, elfsyms=str(build.program))
    assert (done.returncode, done.stderr) == (0, "")
    assert build.calls() == expected_calls(release)[-1:]


@pytest.mark.parametrize("release", ["6.12", "7.3"], indirect=True)
def test_link_time_optimization_lends_another_object(build: Build, shell: list[str]) -> None:
    """Where objects are bitcode, the empty table takes its ABI from vmlinux.o."""
    configure(build.objects, "CONFIG_KALLSYMS=y", "CONFIG_LTO_CLANG=y")
    build.link(shell, elfsyms=str(build.program))
    assert build.calls()[0].startswith("vmlinux.o --empty -o .tmp_vmlinux0.kallsyms.o")


def test_hook_is_clean_shell() -> None:
    """No remark of shellcheck is left to make about the hook."""
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(["shellcheck", "-"], input=hook_text(), capture_output=True, check=False)
    assert done.stdout.decode() == ""
