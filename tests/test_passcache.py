# SPDX-License-Identifier: GPL-2.0-or-later
"""The pass cache: right or absent, whatever happens to its folder."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import stat
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from elfmaker import Section, Symbol, elf_file
from hypothesis import given
from hypothesis import strategies as st

from elfsyms.errors import ProgramError
from elfsyms.image.elf import Abi
from elfsyms.pipeline.cache import MOST, PassCache
from elfsyms.pipeline.compress import Compressed, compress_pairs
from elfsyms.pipeline.kernel import load
from elfsyms.pipeline.layout import Label, Layout
from elfsyms.pipeline.names import NameTables, cached_names
from elfsyms.writers.build import assembly_of
from elfsyms.writers.object import plan_object, write_object
from elfsyms.writers.object_child import read_answer
from elfsyms.writers.object_worker import ObjectMaker
from elfsyms.writers.readback import check_object
from elfsyms.writers.templates import keep_template, object_from_template

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

SETTINGS = ("pairs", True)


def material(*names: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Return symbols as the compressor takes them."""
    return np.frombuffer(b"".join(name + b"\0" for name in names), np.uint8)


def made(*names: bytes) -> NameTables:
    """Return what the compressor makes of symbols, with their order."""
    order = sorted(range(len(names)), key=names.__getitem__)
    sizes = np.array([len(name) for name in names], np.int64)
    return compress_pairs(material(*names), sizes), np.array(order, np.int64)


def same(one: Compressed, other: Compressed) -> bool:
    """Tell whether two results are equal in everything."""
    return (
        one.codes.tobytes() == other.codes.tobytes()
        and one.sizes.tolist() == other.sizes.tolist()
        and (one.tokens, one.pairs) == (other.tokens, other.pairs)
    )


def get_names(
    cache: PassCache,
    names: Sequence[bytes],
    make: Callable[[], NameTables],
    settings: tuple[object, ...] = SETTINGS,
) -> NameTables:
    """Get the tables of names from a cache, or have them made."""
    sizes = np.array([len(name) for name in names], np.int64)

    def is_order(sequences: NDArray[np.int64]) -> bool:
        right = made(*names)[1]
        return np.array_equal(right, sequences)

    return cached_names(cache, material(*names), sizes, settings, make, is_order)


def never() -> NameTables:
    """Stand for work that must not be done again."""
    raise AssertionError("made anew")


NAMES = (b"Tstart_kernel", b"tstart_this", b"Dkernel_start")


def test_the_second_pass_over_the_same_names_makes_nothing(tmp_path: Path) -> None:
    """What was made once is recalled, equal in every part."""
    cache = PassCache(tmp_path / "made" / "on the way")
    first = get_names(cache, NAMES, lambda: made(*NAMES))
    again = get_names(cache, NAMES, never)
    assert same(first[0], again[0])
    assert first[1].tolist() == again[1].tolist()


@pytest.mark.parametrize(
    ("names", "settings"),
    [
        ((*NAMES, b"Tone_more"), SETTINGS),
        (NAMES[::-1], SETTINGS),
        (NAMES[:-1], SETTINGS),
        (NAMES, ("pairs", False)),
    ],
    ids=["one more", "another order", "one less", "another algorithm"],
)
def test_anything_that_differs_is_made_anew(
    names: tuple[bytes, ...], settings: tuple[object, ...], tmp_path: Path
) -> None:
    """An entry answers for exactly its own names, order and algorithm."""
    cache = PassCache(tmp_path)
    get_names(cache, NAMES, lambda: made(*NAMES))
    with pytest.raises(AssertionError, match="made anew"):
        get_names(cache, names, never, settings)


@pytest.mark.parametrize("cut", [0, 1, 14, 20, 46, 47, 60, -1])
def test_a_truncated_entry_counts_as_absent(cut: int, tmp_path: Path) -> None:
    """However much of an entry is missing, the names are compressed anew and the entry mended."""
    cache = PassCache(tmp_path)
    expected, _ = get_names(cache, NAMES, lambda: made(*NAMES))
    (entry,) = tmp_path.glob("*.pass")
    entry.write_bytes(entry.read_bytes()[:cut])
    found, _ = get_names(cache, NAMES, lambda: made(*NAMES))
    assert same(found, expected)
    assert same(get_names(cache, NAMES, never)[0], expected)


def test_a_changed_byte_counts_as_absent(tmp_path: Path) -> None:
    """A damaged entry is noticed by its hash, wherever the damage is."""
    cache = PassCache(tmp_path)
    get_names(cache, NAMES, lambda: made(*NAMES))
    (entry,) = tmp_path.glob("*.pass")
    whole = entry.read_bytes()
    for place in range(0, len(whole), 7):
        entry.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(AssertionError, match="made anew"):
            get_names(cache, NAMES, never)


def forge(folder: Path, body: bytes) -> None:
    """Put other contents into the one entry of a folder, with the hash that is right for them."""
    (entry,) = folder.glob("*.pass")
    magic = entry.read_bytes()[: entry.read_bytes().index(b"\n") + 1]
    entry.write_bytes(magic + hashlib.sha256(body).digest() + body)


def body_of(folder: Path) -> bytes:
    """Return the contents of the one entry of a folder, without what they are checked by."""
    (entry,) = folder.glob("*.pass")
    return entry.read_bytes().partition(b"\n")[2][32:]


@pytest.mark.slow
def test_no_change_of_an_entry_changes_the_tables(tmp_path: Path) -> None:
    """Whatever byte of an entry is another, under a right hash, the names that come of it are the right ones."""
    cache = PassCache(tmp_path)
    right = get_names(cache, NAMES, lambda: made(*NAMES))
    whole = body_of(tmp_path)
    for place in range(len(whole)):
        forge(tmp_path, whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        found = get_names(cache, NAMES, lambda: made(*NAMES))
        assert same(found[0], right[0])
        assert found[1].tolist() == right[1].tolist()


@given(body=st.one_of(st.binary(max_size=2000), st.binary(max_size=8).map(lambda tail: bytes(1064) + tail)))
def test_any_other_entry_counts_as_absent(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    """Bytes that are no entry, under a right hash, are passed over."""
    folder = tmp_path_factory.mktemp("cache")
    cache = PassCache(folder)
    right, _ = get_names(cache, NAMES, lambda: made(*NAMES))
    forge(folder, body)
    assert same(get_names(cache, NAMES, lambda: made(*NAMES))[0], right)
    assert cache.error == ""


def replaced_by_pipe(entry: Path) -> None:
    """Put a FIFO in an entry's place."""
    os.mkfifo(entry)


def replaced_by_endless_file(entry: Path) -> None:
    """Put a link to a device that never ends in an entry's place."""
    entry.symlink_to("/dev/zero")


def replaced_by_huge_file(entry: Path) -> None:
    """Put a file of a terabyte, with nothing in it, in an entry's place."""
    with entry.open("wb") as stream:
        stream.truncate(1 << 40)


@pytest.mark.parametrize(
    "replace", [replaced_by_pipe, replaced_by_endless_file, replaced_by_huge_file, Path.mkdir]
)
def test_what_is_no_entry_is_not_read(tmp_path: Path, replace: Callable[[Path], None]) -> None:
    """A FIFO is not waited for, a device not read; the names are made anew."""
    cache = PassCache(tmp_path)
    right, _ = get_names(cache, NAMES, lambda: made(*NAMES))
    (entry,) = tmp_path.glob("*.pass")
    entry.unlink()
    replace(entry)
    assert same(get_names(cache, NAMES, lambda: made(*NAMES))[0], right)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_a_folder_that_others_can_write_to_is_not_used(tmp_path: Path, mode: int) -> None:
    """Somebody else could put wrong tables there: it is neither read nor written, and that is told."""
    get_names(PassCache(tmp_path), NAMES, lambda: made(*NAMES))
    tmp_path.chmod(mode)
    cache = PassCache(tmp_path)
    with pytest.raises(AssertionError, match="made anew"):
        get_names(cache, NAMES, never)
    assert cache.error.endswith("others can write to its folder: chmod go-w")
    other = PassCache(tmp_path)
    get_names(other, (*NAMES, b"Tother"), lambda: made(*NAMES, b"Tother"))
    assert other.error.startswith("nothing can be kept in the cache")
    assert len(list(tmp_path.glob("*.pass"))) == 1


def test_an_entry_that_others_can_write_to_is_not_used(tmp_path: Path) -> None:
    """An entry may have been written before its folder was closed to others."""
    get_names(PassCache(tmp_path), NAMES, lambda: made(*NAMES))
    (entry,) = tmp_path.glob("*.pass")
    entry.chmod(0o666)
    with pytest.raises(AssertionError, match="made anew"):
        get_names(PassCache(tmp_path), NAMES, never)


def test_folder_and_entries_are_for_this_user_alone(tmp_path: Path) -> None:
    """Whatever the umask, what is made is not for others to write."""
    mask = os.umask(0)
    try:
        get_names(PassCache(tmp_path / "cache"), NAMES, lambda: made(*NAMES))
    finally:
        os.umask(mask)
    (entry,) = (tmp_path / "cache").iterdir()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (entry.parent, entry)] == [0o700, 0o600]


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    """A temporary file that nobody holds goes when the next entry is kept."""
    (tmp_path / ".0123.pass.elfsyms-dead").write_bytes(b"half")
    get_names(PassCache(tmp_path), NAMES, lambda: made(*NAMES))
    assert [path.suffix for path in tmp_path.iterdir()] == [".pass"]


def test_the_folder_does_not_grow_without_bound(tmp_path: Path) -> None:
    """Only the newest entries stay, and those used last are the newest."""
    cache = PassCache(tmp_path)
    for number in range(MOST + 3):
        names = (*NAMES, b"T%d" % number)
        get_names(cache, names, lambda names=names: made(*names))  # type: ignore[misc] # mypy cannot infer a lambda with bound defaults
        for age, path in enumerate(sorted(tmp_path.glob("*.pass"), key=lambda path: path.stat().st_mtime_ns)):
            os.utime(path, (age, age))
    assert len(list(tmp_path.glob("*"))) == MOST


def test_a_folder_that_cannot_be_used_is_no_error(tmp_path: Path) -> None:
    """Where the cache's folder is a file, the work is done all the same, and the reason told."""
    (tmp_path / "file").write_text("not a folder")
    cache = PassCache(tmp_path / "file")
    assert same(get_names(cache, NAMES, lambda: made(*NAMES))[0], made(*NAMES)[0])
    assert cache.error == f"nothing can be kept in the cache {tmp_path / 'file'}: File exists"


def _use(folder: Path, start: int) -> None:
    for number in range(start, start + 40):
        names = (*NAMES, b"T%d" % (number % 5))
        found, _ = get_names(PassCache(folder), names, lambda names=names: made(*names))  # type: ignore[misc] # as above
        assert same(found, made(*names)[0])


@pytest.mark.slow
def test_builds_that_share_a_folder_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Several processes that write and read the same entries all get right answers."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_use, args=(tmp_path, start)) for start in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]


@pytest.mark.parametrize("name", ["amd64-6.12", "s390x-7.2", "armhf-6.1"])
def test_tables_do_not_depend_on_the_cache(name: str, sample: Callable[[str], Path], tmp_path: Path) -> None:
    """Assembly is the same to the byte without a cache, with an empty one, and with a full one."""
    texts = []
    for cache in (None, PassCache(tmp_path), PassCache(tmp_path)):
        with load(sample(name)) as kernel:
            kernel.cache = cache
            texts.append(assembly_of(kernel))
    assert texts[0] == texts[1] == texts[2]


def objects(path: Path, cache: PassCache | None, rounds: int) -> list[bytes]:
    """Return the objects of a kernel that so many passes make with one cache."""
    made = []
    for _ in range(rounds):
        maker = ObjectMaker()
        with load(path) as kernel:
            kernel.cache = cache
            maker.order(kernel.layout, cache)
            made.append(bytes(maker.fetch()))
    return made


@pytest.mark.parametrize("name", ["amd64-6.12", "amd64-7.3", "s390x-7.2", "armhf-6.1", "mipsel-6.1"])
def test_objects_do_not_depend_on_the_cache(name: str, sample: Callable[[str], Path], tmp_path: Path) -> None:
    """An object put together from a remembered template is that which LIEF composes, to the byte."""
    path = sample(name)
    (alone,) = objects(path, None, 1)
    assert objects(path, PassCache(tmp_path), 2) == [alone, alone]


SECOND_PASS = """
import sys
from elfsyms.pipeline.kernel import load
from elfsyms.pipeline.cache import PassCache
from elfsyms.writers.templates import keep_template, object_from_template
from elfsyms.writers.object import plan_object, write_object

cache = PassCache(sys.argv[2])
layout = load(sys.argv[1]).layout
plan = plan_object(layout)
found = object_from_template(plan, cache) is not None
if not found:
    keep_template(plan, write_object(layout), cache)
print(found, "lief" in sys.modules)
"""


def test_a_remembered_template_spares_the_import_of_lief(
    sample: Callable[[str], Path], tmp_path: Path
) -> None:
    """The second pass of the main job never loads LIEF into its own process."""
    command = [sys.executable, "-c", SECOND_PASS, str(sample("amd64-6.12")), str(tmp_path)]
    answers = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() for _ in range(2)
    ]
    assert answers == ["False True", "True False"]


def test_no_change_of_a_template_changes_the_object(sample: Callable[[str], Path], tmp_path: Path) -> None:
    """Whatever byte of a template is another, under a right hash, the object is the right one or there is none."""
    cache = PassCache(tmp_path)
    with load(sample("amd64-6.12")) as kernel:
        layout = kernel.layout
    plan, image = plan_object(layout), write_object(layout)
    keep_template(plan, image, cache)
    whole = body_of(tmp_path)
    for place in range(0, len(whole), 3):
        for change in (0x01, 0xFF):
            forge(tmp_path, whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :])
            found = object_from_template(plan, cache)
            if found is not None:
                check_object(found, plan)


@given(body=st.binary(max_size=300))
def test_any_other_template_is_not_used(body: bytes) -> None:
    """Bytes that are no template are passed over."""
    plan = plan_object(SMALL_LAYOUT)

    class Forged(PassCache):
        def get(self, kind: str, *source: bytes | memoryview) -> bytes | None:
            assert (kind, len(source)) == ("template", 1)
            return body

    assert object_from_template(plan, Forged("nowhere")) is None


def test_a_template_that_does_not_fit_is_not_used(sample: Callable[[str], Path], tmp_path: Path) -> None:
    """A template whose bytes are not those of the plan's object is passed over, though its hash is right."""
    cache = PassCache(tmp_path)
    with load(sample("amd64-6.12")) as kernel:
        layout = kernel.layout
    plan = plan_object(layout)
    image = bytearray(write_object(layout))
    image[5] = 2  # the byte order
    keep_template(plan, bytes(image), cache)
    assert object_from_template(plan, cache) is None


SMALL_LAYOUT = Layout(Abi(64, "<", 62, 0), ".rodata", b"tables", 8, (Label(b"kallsyms_names", 0),), ())


def pass_image(path: Path, labels: list[tuple[str, int]]) -> Path:
    """Write the image of a pass: functions, twins of one name among them, and the tables' labels at places."""
    functions = [
        Symbol(f"do_{name}", 0x1000 + 8 * at, ".text") for at, name in enumerate(("sit", "stay", "down"))
    ]
    twins = [Symbol("kallsyms_twin", 0x1030 + 8 * at, ".text", "local") for at in range(2)]
    symbols = [
        Symbol("_text", 0x1000, ".text"),
        *functions,
        *twins,
        Symbol("kallsyms_lookup", 0x1060, ".text"),
    ]
    symbols += [Symbol(f"kallsyms_{name}", 0x2000 + place, ".rodata") for name, place in labels]
    sections = [
        Section(".text", 0x1000, bytes(128), flags="ax"),
        Section(".rodata", 0x2000, bytes(64), flags="a"),
    ]
    path.write_bytes(elf_file(symbols, sections))
    return path


FIRST = [("num_syms", 0), ("names", 8), ("markers", 8), ("token_table", 16)]
SECOND = [("num_syms", 0), ("names", 8), ("markers", 32), ("token_table", 40)]


class Watched(PassCache):
    """A cache that says when names are put into it."""

    def __init__(self, folder: Path, missed: list[None]) -> None:
        """Use a folder, and a list that grows."""
        super().__init__(folder)
        self.missed = missed

    def put(self, kind: str, body: bytes, *source: bytes | memoryview) -> None:
        """Put an entry, and note that it was not there."""
        self.missed.append(None)
        super().put(kind, body, *source)


@pytest.mark.parametrize(
    ("release", "kept"),
    [("2.6.12", False), ("6.1", False), ("6.10", True), ("6.12", True), ("7.3", True)],
)
def test_labels_that_change_places_are_no_other_names(tmp_path: Path, release: str, *, kept: bool) -> None:
    """The first pass has labels at one address, in another order: the second finds its names all the same."""
    missed: list[None] = []
    made_tables = []
    for name, labels in (("first", FIRST), ("second", SECOND)):
        path = pass_image(tmp_path / name, labels)
        with (
            load(path, release=release, all_symbols=True) as plain,
            load(path, release=release, all_symbols=True) as cached,
        ):
            cached.cache = Watched(tmp_path / "cache", missed)
            made_tables.append(plain.tables)
            assert cached.tables.names.tobytes() == plain.tables.names.tobytes()
            assert cached.tables.sequences.tolist() == plain.tables.sequences.tolist()
            assert assembly_of(cached) == assembly_of(plain)
    order = [list(tables.records.names()) for tables in made_tables]
    assert (order[0] != order[1]) == kept
    assert len(missed) == 1


@pytest.mark.parametrize("answer", [b"", b"0", b"0\x05\0\0", b"0\x05" + bytes(7) + b"half"])
def test_an_object_that_comes_in_part_is_none(answer: bytes) -> None:
    """Where the child dies while it answers, that is told, and what came of the object is not taken for it."""
    with pytest.raises(ProgramError, match="the process that composes the object died"):
        read_answer(BytesIO(answer))


@pytest.mark.parametrize("name", ["locked/sub", "locked/sub/deeper"])
def test_a_cache_under_a_folder_that_may_not_be_searched_is_a_warning(name: str, tmp_path: Path) -> None:
    """A folder that cannot even be looked for is as useless as any other: a warning, and the tables are made."""
    locked = tmp_path / "locked"
    (locked / "sub").mkdir(parents=True)
    symbols, sections = [Symbol("_text", 0x1000)], [Section(".text", 0x1000, bytes(16), flags="ax")]
    (tmp_path / "vmlinux").write_bytes(elf_file(symbols, sections))
    command = [sys.executable, "-m", "elfsyms", "vmlinux", "-o", "k.S", "--release", "6.12", "--cache", name]
    if os.geteuid() == 0:  # root may search everything, unless it gives up that right
        if shutil.which("setpriv") is None:
            pytest.skip("no setpriv: install util-linux")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    locked.chmod(0)
    try:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    finally:
        locked.chmod(0o700)
    assert done.returncode == 0, done.stderr
    assert "warning: nothing can be kept in the cache" in done.stderr
    assert (tmp_path / "k.S").exists()
