# SPDX-License-Identifier: GPL-2.0-or-later
"""What is shipped: wheel and sdist, the Debian packages, the image for CI, the bill of materials."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command import environment

from elfsyms._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

pytestmark = pytest.mark.slow  # wheels, environments and packages are built

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "scripts"))


# What one version says in several places


def test_all_name_one_version() -> None:
    """The newest release of the changelog, Debian's changelog and the bill of materials have one version."""
    text = (ROOT / "CHANGELOG.md").read_text()
    newest = re.findall(r"^## \[(\d[\d.]*)\] - \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    debian = re.match(r"elfsyms \(([\d.]+)-\d+\)", (ROOT / "debian" / "changelog").read_text())
    bill = json.loads((ROOT / "sbom.cdx.json").read_text())
    assert debian
    assert {newest[0], debian[1], bill["metadata"]["component"]["version"]} == {__version__}


def test_every_dependency_is_in_the_bill_with_its_licence() -> None:
    """The bill of materials has all that pyproject.toml names, each part a licence, and the page is made of it."""
    from make_sbom import direct, licence, name_of, page  # noqa: PLC0415 (a script)

    bill = json.loads((ROOT / "sbom.cdx.json").read_text())
    parts = {name_of(one["name"]): one for one in bill["components"]}
    assert direct().keys() <= parts.keys()
    assert all(licence(one) for one in parts.values())
    assert (ROOT / "docs" / "reference" / "licences.md").read_text() == page(bill)


def test_a_bill_follows_its_schema() -> None:
    """The bill of materials is what CycloneDX's own validator takes."""
    validation = pytest.importorskip("cyclonedx.validation.json", reason="cyclonedx-bom is missing")
    schema = pytest.importorskip("cyclonedx.schema")
    checker = validation.JsonStrictValidator(schema.SchemaVersion.V1_6)
    assert checker.validate_str((ROOT / "sbom.cdx.json").read_text()) is None


# Wheel and sdist


def copied(folder: Path, name: str, *, private: bool, when: float) -> Path:
    """Return a copy of the tree that git has, under a name, with modes and times of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    copy = folder / name
    for file in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / file).is_file():
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, copy / file)
            runs = os.access(ROOT / file, os.X_OK)
            (copy / file).chmod((0o700 if runs else 0o600) if private else (0o755 if runs else 0o644))
            os.utime(copy / file, (when, when))
    return copy


def built(source: Path, out: Path, what: str, variables: Mapping[str, str]) -> Path:
    """Build a wheel or an sdist of a folder; return the file."""
    pytest.importorskip("build", reason="build is missing")
    pytest.importorskip("hatchling", reason="hatchling is missing")
    command = [
        sys.executable,
        "-P",
        "-m",
        "build",
        "--no-isolation",
        f"--{what}",
        "--outdir",
        str(out),
        str(source),
    ]
    done = subprocess.run(command, env=environment(**variables), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = out.iterdir()
    return made


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["wheel", "sdist"])
@pytest.mark.parametrize("epoch", [{}, {"SOURCE_DATE_EPOCH": "1764374400"}], ids=["no-epoch", "epoch"])
def test_two_builds_are_one_file(tmp_path: Path, what: str, epoch: dict[str, str]) -> None:
    """Folder, umask, times, time zone, hash seed: nothing of who builds is in a wheel or an sdist."""
    here = copied(tmp_path, "here", private=False, when=time.time())
    there = copied(tmp_path, "elsewhere", private=True, when=800_000_000)
    one = built(here, tmp_path / "one", what, {"TZ": "UTC", "PYTHONHASHSEED": "1", **epoch})
    old = os.umask(0o077)
    try:
        other = built(there, tmp_path / "other", what, {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "2", **epoch})
    finally:
        os.umask(old)
    assert (one.name, digest(one)) == (other.name, digest(other))


@pytest.mark.slow
def test_the_sdist_makes_the_same_wheel(tmp_path: Path) -> None:
    """A wheel of the unpacked sdist is that of the checkout, and has all that the program and shells read."""
    tree = copied(tmp_path, "tree", private=False, when=time.time())
    wheel = built(tree, tmp_path / "wheel", "wheel", {})
    with tarfile.open(built(tree, tmp_path / "sdist", "sdist", {})) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()
    assert digest(built(source, tmp_path / "again", "wheel", {})) == digest(wheel)
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    ours = {str(path.relative_to(ROOT)) for path in (ROOT / "elfsyms").rglob("*") if path.is_file()}
    assert {
        name for name in ours if "__pycache__" not in name and not name.endswith((".pyc", ".orig"))
    } <= names
    shared = {
        f"share/{path.relative_to(ROOT / 'share')}" for path in (ROOT / "share").rglob("*") if path.is_file()
    }
    assert {f"elfsyms-{__version__}.data/data/{name}" for name in shared} <= names


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    return built(copied(folder, "tree", private=False, when=time.time()), folder / "made", "wheel", {})


def program(name: str) -> str:
    """Return a program of this environment, or skip."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.mark.slow
def test_uv_installs_it_as_a_tool(wheel: Path, tmp_path: Path, sample: Callable[[str], Path]) -> None:
    """``uv tool install`` makes a command that works, from nothing but the wheel."""
    own = {f"UV_TOOL_{name}": str(tmp_path / name.lower()) for name in ("DIR", "BIN_DIR")}
    command = [
        program("uv"),
        "tool",
        "install",
        "--python",
        sys.executable,
        f"elfsyms[report] @ {wheel.as_uri()}",
    ]
    done = subprocess.run(command, env=environment(**own), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    check_command([str(tmp_path / "bin_dir" / "elfsyms")], tmp_path, sample("amd64-6.12"))


@pytest.mark.slow
def test_pipx_runs_it(wheel: Path, tmp_path: Path, sample: Callable[[str], Path]) -> None:
    """``pipx run`` runs it without installing anything for good."""
    start = [program("pipx"), "run", "--python", sys.executable, "--spec", str(wheel), "elfsyms"]
    check_command(start, tmp_path, sample("amd64-6.12"), PIPX_HOME=str(tmp_path / "pipx"))


def check_command(start: list[str], folder: Path, kernel: Path, **variables: str) -> None:
    """Make a table by an installed command, outside the checkout, and its name and version."""
    clean = {name: value for name, value in environment(**variables).items() if name != "PYTHONPATH"}
    for words in (["--version"], [str(kernel), "-o", "kallsyms.o"]):
        done = subprocess.run(
            [*start, *words], cwd=folder, env=clean, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert __version__ in done.stdout or (folder / "kallsyms.o").stat().st_size > 100_000


# Whole systems


def needed(*programs: str) -> None:
    """Skip where a Debian system cannot be made."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root and {', '.join(missing) or 'nothing else'}")


@pytest.mark.long
@pytest.mark.parametrize("version", ["3.11", "3.13", "3.14"])
def test_each_python_with_oldest_and_newest_libraries(version: str, tmp_path: Path) -> None:
    """Wheel and sdist work in empty environments of each Python, and make the same bytes, old libraries or new."""
    from try_pythons import AGES, PYTHONS, distributions, expected, sample, trials  # noqa: PLC0415 (a script)

    needed("mmdebstrap")
    python = next(one for one in PYTHONS if one.version == version)
    (tmp_path / "dist").mkdir()
    files = distributions(tmp_path / "dist")
    sample(tmp_path)
    lines = list(trials(python, AGES, files, expected(tmp_path)))
    assert len(lines) == len(AGES) * len(files)


@pytest.mark.long
def test_debian_packages_are_clean_and_work(tmp_path: Path) -> None:
    """The packages build in a clean system, lintian finds no error and no warning, and what they install works."""
    from make_deb import build, trial  # noqa: PLC0415 (a script)
    from try_pythons import distributions  # noqa: PLC0415 (a script)

    needed("mmdebstrap")
    (tmp_path / "dist").mkdir()
    _, sdist = distributions(tmp_path / "dist")
    debs = build(sdist, tmp_path)
    assert [deb.name.partition("_")[0] for deb in debs] == ["elfsyms", "python3-elfsyms"]
    assert list(trial(debs))


@pytest.mark.long
def test_the_image_for_ci_makes_the_same_tables(tmp_path: Path) -> None:
    """The image builds as Containerfile says, and makes the same tables as its unprivileged user."""
    from try_container import Storage, build, make_base, trial  # noqa: PLC0415 (a script)

    needed("mmdebstrap", "buildah")
    storage = Storage(tmp_path)
    make_base(storage)
    build(storage)
    assert __version__ in trial(storage)


def test_what_needs_python_says_so() -> None:
    """The classifiers name every Python that is tried, from the oldest that is allowed."""
    from try_pythons import PYTHONS  # noqa: PLC0415 (a script)

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {one.rpartition(" ")[2] for one in project["classifiers"] if ":: Python :: 3." in one}
    assert {python.version for python in PYTHONS} <= named
    assert project["requires-python"] == f">={PYTHONS[0].version}"
