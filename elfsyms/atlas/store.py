# SPDX-License-Identifier: GPL-2.0-or-later
"""The atlas on disk, or in an object store: a Parquet file a kernel, in folders by architecture and series.

    atlas/architecture=x86_64/series=v6.12/ID.parquet

The file's name is the kernel's id, so one kernel is there once, however often it is exported, and by however many
at the same time: a file is written under another name and then renamed. Nothing else is ever changed, so readers
need no lock, and an export that is killed leaves nothing that a reader takes for a kernel. In a folder the next
export removes what it left (``staging.py``); in an object store, which knows no locks, one a day later.

The two columns that the folders tell are not in the files (Hive's convention, which every engine knows). Each
file's own metadata says which kernel it is, so that a list of kernels needs no rows, and of which version its
columns are.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from elfsyms.atlas.columns import FORMAT
from elfsyms.atlas.identity import release_key
from elfsyms.errors import InputError, NotThereError, OutputError, UsageError
from elfsyms.staging import remove_leftovers, replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["PARTITIONS", "Atlas", "Held", "add_table", "open_atlas"]

PARTITIONS = ("architecture", "series")
_KEY, _FORMAT_KEY = b"elfsyms", b"elfsyms.format"
_OF_KERNEL = (
    "id",
    "kernel",
    "release",
    "release_order",
    "flavour",
    "architecture",
    "series",
    "build_id",
    "source",
)
_SOURCES = ("tables", "map", "symtab")  # what a later one tells replaces what an earlier one told
# A kernel's file in an object store until it is moved into its place, which takes seconds.
_STAGED = re.compile(r"\..+\.parquet\.\d+-[0-9a-f]{8}")
_LONGEST_EXPORT = timedelta(days=1)
_GROUP = 1 << 16  # rows: a search by a name's beginning reads one or two of a kernel's three or four groups
_LEVEL = 3  # of zstd: a twentieth smaller than Arrow's own choice, for hundredths of a second a kernel


@dataclass(frozen=True, slots=True)
class Held:
    """A kernel that an atlas has: its file, and the facts that are the same for all of its rows."""

    path: str
    rows: int
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Atlas:
    """An atlas: the file system it is on, and its folder there."""

    files: fs.FileSystem
    folder: str

    def kernels(self) -> list[Held]:
        """Return the kernels in it, oldest release first; only the files' footers are read."""
        chosen = fs.FileSelector(self.folder, recursive=True, allow_not_found=True)
        with _reading(self.folder):
            infos = self.files.get_file_info(chosen)
        held = [self._held(info.path) for info in infos if info.is_file and info.extension == "parquet"]
        return sorted(held, key=lambda one: (*release_key(one.facts), one.path))

    def path_of(self, facts: dict[str, Any]) -> str:
        """Return where a kernel's file is, or is to be."""
        parts = [f"{name}={facts[name]}" for name in PARTITIONS]
        return "/".join([self.folder, *parts, f"{facts['id']}.parquet"])

    def files_of(self, facts: dict[str, Any]) -> list[str]:
        """Return where a kernel's file is: in the folder of any series, as whoever exported it may say another."""
        folder = f"{self.folder}/architecture={facts['architecture']}"
        series = self.files.get_file_info(fs.FileSelector(folder, allow_not_found=True))
        paths = [f"{one.path}/{facts['id']}.parquet" for one in series if one.type == fs.FileType.Directory]
        return [info.path for info in self.files.get_file_info(paths) if info.type == fs.FileType.File]

    def remove_leftovers(self) -> None:
        """Remove what killed exports left: in an object store, what was begun a day ago, which none takes."""
        if not isinstance(self.files, fs.LocalFileSystem):
            with suppress(OSError):  # what is written next will tell
                self._remove_old()
            return
        for folder, _, _ in os.walk(self.folder):
            with suppress(OSError):  # it is gone, or not to be read
                remove_leftovers(folder)

    def _remove_old(self) -> None:
        now = datetime.now(UTC)
        for info in self.files.get_file_info(
            fs.FileSelector(self.folder, recursive=True, allow_not_found=True)
        ):
            ours = info.is_file and _STAGED.fullmatch(info.base_name)
            if ours and info.mtime is not None and now - info.mtime > _LONGEST_EXPORT:
                with suppress(OSError):  # somebody else has done so
                    self.files.delete_file(info.path)

    def tells(self, path: str, source: str) -> bool:
        """Tell whether a kernel's file says as much as one of that source would."""
        return _SOURCES.index(source) <= _SOURCES.index(self._held(path).facts["source"])

    def _held(self, path: str) -> Held:
        try:
            footer = pq.read_metadata(path, filesystem=self.files)
            held = Held(path, footer.num_rows, _told(footer.metadata[_KEY]))
            version = int(footer.metadata.get(_FORMAT_KEY, b"1"))  # without the mark: the first
        except MemoryError:  # of Arrow too, whose own is an ArrowException as well
            raise
        except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, OSError) and error.errno:  # Arrow's own, of damage, has none
                raise InputError(f"cannot read {path}: {_line(error)}") from error
            raise InputError(
                f"{path} is no kernel of an atlas ({_line(error)}): take it out of the folder"
            ) from error
        if version > FORMAT:
            raise InputError(
                f"{path} is of version {version} of the atlas, and this elfsyms reads up to {FORMAT}: "
                "use a later one"
            )
        return held


def _told(text: bytes) -> dict[str, Any]:
    """Return what a file's footer tells of its kernel; :class:`ValueError` where that is not what we write."""
    facts = json.loads(text)
    if not isinstance(facts, dict):
        raise ValueError("its footer is no object")  # noqa: TRY004 (a file's fault, not an argument's)
    for name in _OF_KERNEL:
        if not isinstance(facts.get(name), int if name == "release_order" else str):
            raise ValueError(f"it does not tell the kernel's {name}")  # noqa: TRY004 (as above)
    return facts


def open_atlas(folder: str | Path, *, must_exist: bool = False) -> Atlas:
    """Return the atlas in a folder, or under a URI as pyarrow knows them (``s3://bucket/atlas``).

    Raises :class:`NotThereError` for a folder that is to be read and is not there, :class:`UsageError` for a name
    that is not UTF-8 and a URI that is none, :class:`InputError` for one that cannot be read.
    """
    text = os.fspath(folder)
    files, root = _from_uri(text) if "://" in text else (fs.LocalFileSystem(), _path_for_arrow(text))
    atlas = Atlas(files, root.rstrip("/"))
    with _reading(text):
        is_there = not must_exist or files.get_file_info(atlas.folder).type == fs.FileType.Directory
    if not is_there:
        raise NotThereError(f"there is no atlas in {text}: 'elfsyms export KERNEL... -o {text}' makes one")
    return atlas


def _from_uri(text: str) -> tuple[fs.FileSystem, str]:
    try:
        with _reading(text):
            files, root = fs.FileSystem.from_uri(text)
    except ValueError as error:  # Arrow's own is one
        raise UsageError(f"{text} is no folder that pyarrow knows: {_line(error)}") from error
    if not root:
        raise UsageError(f"{text} names no folder: give one, as in s3://bucket/atlas")
    return files, root


@contextmanager
def _reading(folder: str) -> Iterator[None]:
    """Say of which atlas an error of the file system or the network is."""
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot read the atlas {folder}: {_line(error)}") from error


def _line(error: Exception) -> str:
    """Return the first line of what Arrow says of an error."""
    return str(error).partition("\n")[0]


def _path_for_arrow(folder: str) -> str:
    """Return the path of a folder as Arrow takes it, whose paths are all UTF-8; :class:`UsageError` for others.

    Absolute, unless the working directory's own name is something else.
    """
    for path in (os.path.abspath(folder), folder):  # noqa: PTH100 (Path would keep no URI)
        with suppress(UnicodeEncodeError):
            path.encode()
            return path
    raise UsageError(f"{folder} is not UTF-8, which the names of an atlas have to be: give another folder")


def add_table(atlas: Atlas, table: pa.Table, *, replace: bool = False) -> bool:
    """Write a kernel's table into an atlas; return False, and write nothing, where it is there already.

    What a symbol table tells replaces what a map or a boot image of the same kernel told.

    Raises :class:`OutputError` where it cannot be written.
    """
    facts = _facts(table)
    path = atlas.path_of(facts)
    try:
        there = atlas.files_of(facts)
        if not replace and any(atlas.tells(one, facts["source"]) for one in there):
            return False
        _write(atlas, path, table.drop_columns(list(PARTITIONS)), facts)
        _delete_others(atlas, path, set(there), facts)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    return True


def _delete_others(atlas: Atlas, path: str, before: set[str], facts: dict[str, Any]) -> None:
    """Delete a kernel's files from before, and of those that came meanwhile all but the first by name.

    Who exports at the same time, and calls the series otherwise, sees the same files and leaves the same one.
    """
    came = sorted(set(atlas.files_of(facts)) - before)
    for one in [*(before - {path}), *came[1:]]:
        atlas.files.delete_file(one)


def _facts(table: pa.Table) -> dict[str, Any]:
    """Return what a table says of its kernel, from its first row."""
    if not table.num_rows:
        raise InputError("a kernel without symbols cannot go into an atlas")
    return {name: table[name][0].as_py() for name in _OF_KERNEL}


def _write(atlas: Atlas, path: str, table: pa.Table, facts: dict[str, Any]) -> None:
    """Write beside the destination, then rename."""
    folder, _, name = path.rpartition("/")
    data = _parquet(table, facts)
    atlas.files.create_dir(folder, recursive=True)
    if isinstance(atlas.files, fs.LocalFileSystem):
        replace_file(path, memoryview(data))
        return
    staged = f"{folder}/.{name}.{os.getpid()}-{secrets.token_hex(4)}"
    try:
        with atlas.files.open_output_stream(staged) as stream:
            stream.write(data)
        atlas.files.move(staged, path)
    except BaseException:
        if atlas.files.get_file_info(staged).type == fs.FileType.File:
            atlas.files.delete_file(staged)
        raise


def _parquet(table: pa.Table, facts: dict[str, Any]) -> pa.Buffer:
    """Return a kernel's file."""
    file = pa.BufferOutputStream()
    pq.write_table(
        table.replace_schema_metadata({_KEY: json.dumps(facts).encode(), _FORMAT_KEY: str(FORMAT).encode()}),
        file,
        row_group_size=_GROUP,
        compression="zstd",
        compression_level=_LEVEL,
        use_dictionary=[c.name for c in table.schema if pa.types.is_dictionary(c.type)],
        column_encoding={"name": "DELTA_BYTE_ARRAY"},
    )
    return file.getvalue()
