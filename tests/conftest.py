# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures that several test files share: the samples of real kernels, unpacked once a run."""

from __future__ import annotations

import lzma
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from jsonchecks import check_printed
from treemaker import known_generators

from elfsyms.cli import streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# A slow machine is no wrong answer. Laws are tried with fewer examples where the slow tests are left out.
settings.register_profile("all", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=25)

# Tests leave no templates in the home of who runs them, and depend on none.
os.environ["ELFSYMS_TEMPLATES"] = ""

SAMPLES = Path(__file__).parent.parent / "testdata" / "vmlinux-samples"
_ZEROS = bytes(1 << 16)


def sample_names() -> list[str]:
    """Return the names of the samples that ship with the repository, the whole kernel left out."""
    names = (path.name.removesuffix(".xz") for path in SAMPLES.glob("*.xz"))
    return sorted(name for name in names if not name.endswith(".full"))


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples a law is tried with, but for those that say it themselves."""
    settings.load_profile("quick" if "not slow" in config.option.markexpr else "all")


@pytest.fixture(scope="session", autouse=True)
def made_generators() -> Iterator[None]:
    """Let the made-up trees of the tests be known, as real ones are."""
    with known_generators():
        yield


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that unpacks a sample by name and returns its path."""
    folder = tmp_path_factory.mktemp("samples")

    def unpack(name: str) -> Path:
        path = folder / name
        if not path.exists():
            _unpack(SAMPLES / f"{name}.xz", path)
        return path

    return unpack


def _unpack(packed: Path, path: Path) -> None:
    """Unpack with holes for the zeros that a sample mostly is: 90 MB take 300 kB of disk."""
    with lzma.open(packed) as source, path.open("wb") as target:
        while block := source.read(len(_ZEROS)):
            if block == _ZEROS[: len(block)]:
                target.seek(len(block), 1)
            else:
                target.write(block)
        target.truncate()


@pytest.fixture(autouse=True)
def checked_json(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check every JSON object that a test prints within its process against the schema that it names."""
    printed: list[bytes] = []

    def record(pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            printed.append(piece)
            yield piece

    emit_all = streams.emit_all
    monkeypatch.setattr(streams, "emit_all", lambda pieces: emit_all(record(pieces)))
    yield
    check_printed(b"".join(printed))
