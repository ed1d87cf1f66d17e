# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms report``: one page, whose figures add up, and which behaves in a browser."""

from __future__ import annotations

import json
import re
import struct
from base64 import b64decode
from typing import TYPE_CHECKING, Any
from zlib import decompress

import numpy as np
import pytest
from browser import Watched, browser
from command import elfsyms, sentence
from conftest import sample_names
from elfmaker import Symbol, vmlinux
from hypothesis import given
from hypothesis import strategies as st
from imagemaker import boundary_tables, made_image

from elfsyms.inspect.entries import entries_of_kernel
from elfsyms.inspect.explain import Explainer
from elfsyms.inspect.ledger import ledger as make_ledger
from elfsyms.pipeline.filters import KEPT
from elfsyms.pipeline.kernel import load
from elfsyms.report.encode import joined_names, pack
from elfsyms.report.flow import branches
from elfsyms.report.kernel_page import kernel_page
from elfsyms.report.tracing import QUESTIONS, tracing
from elfsyms.report.treemap import squarify
from elfsyms.trace.traceability import traceability

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # a browser

TEXT = 0xFFFFFFFF81000000
WICKED = "</script><img src=x onerror=alert(1)>"
SYMBOLS = [
    Symbol("_text", TEXT),
    Symbol("_stext", TEXT),
    Symbol("tcp_sendmsg", TEXT + 0x100, size=64),
    Symbol("tcp_sendmsg.cold", TEXT + 0x200, size=16, binding="local"),
    Symbol("__tcp_alias", TEXT + 0x100, size=64),
    Symbol("helper", TEXT + 0x300, binding="local", size=8),
    Symbol("helper", TEXT + 0x340, binding="local", size=8),
    Symbol(WICKED, TEXT + 0x400, size=4),
    Symbol("Größe", TEXT + 0x500, size=4),
    Symbol("odd*name?", TEXT + 0x600, size=4),
    Symbol("__crc_thing", 0x1234, section="ABS", binding="local", type="notype"),
    Symbol("_etext", TEXT + 0x1000),
    Symbol("jiffies", TEXT + 0x10000, section=".data", type="object", size=8),
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a kernel of a few symbols, one of them with HTML in its name."""
    path = tmp_path_factory.mktemp("report") / "vmlinux"
    path.write_bytes(vmlinux(SYMBOLS))
    return path


@pytest.fixture(scope="module")
def page(small: Path) -> Path:
    """Return the page of the small kernel, as the command writes it."""
    path = small.with_name("report.html")
    result = elfsyms("report", small, "--all-symbols", "-o", path)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    return path


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Return a running Chromium."""
    with browser() as program:
        yield program


@pytest.fixture
def watched(chromium: Any, page: Path) -> Iterator[Watched]:
    """Return the small kernel's page, opened; at the end it has complained of nothing and asked for nothing."""
    opened = Watched(chromium.new_page(), page)
    yield opened
    opened.page.close()
    assert (opened.complaints, opened.requests) == ([], [])


# What goes into the page


@given(
    columns=st.integers(1, 40).flatmap(
        lambda rows: st.lists(
            st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=rows, max_size=rows)
            | st.lists(st.integers(-200, 70000), min_size=rows, max_size=rows),
            min_size=1,
            max_size=4,
        )
    ),
    growing=st.booleans(),
)
def test_columns_come_back(columns: list[list[int]], growing: bool) -> None:
    """Whatever numbers are packed, one that follows the manifest reads the same ones."""
    named = {f"c{i}": np.array(values, np.int64) for i, values in enumerate(columns)}
    packed = pack(named, b"", growing=tuple(named) if growing else ())
    for name, values in named.items():
        assert unpacked(packed.manifest, packed.text, name) == [v % (1 << 64) for v in values.tolist()]


def unpacked(manifest: dict[str, Any], text: str, name: str) -> list[int]:
    """Read a column as 64-bit numbers, high half and all, by the manifest alone."""
    body = decompress(b64decode(text))
    halves = {one["name"]: half(body, manifest["rows"], one) for one in manifest["columns"]}
    if f"{name}_high" in halves:
        return [
            low % (1 << 32) | high << 32
            for low, high in zip(halves[name], halves[f"{name}_high"], strict=True)
        ]
    return [value % (1 << 64) for value in halves[name]]


def half(body: bytes, rows: int, one: dict[str, Any]) -> list[int]:
    """Read one array of the body; sum it up where it holds differences."""
    letter = {"1": "b", "2": "h", "4": "i"}[one["type"][1]]
    signed = one["type"][0] == "i"
    values = struct.unpack_from(f"<{rows}{letter if signed else letter.upper()}", body, one["offset"])
    if not one["differences"]:
        return list(values)
    total, sums = 0, []
    for value in values:
        total = (total + value) % (1 << 32)
        sums.append(total - (1 << 32) if signed and total >= 1 << 31 else total)
    return sums


@given(names=st.lists(st.binary(min_size=0, max_size=9).map(lambda n: n.replace(b"\0", b"")), max_size=9))
def test_every_name_is_one_line(names: list[bytes]) -> None:
    """Names go in as UTF-8, one line each, whatever bytes they hold."""
    size = np.array([len(name) for name in names], np.int64)
    text = joined_names(b"".join(names) + bytes(8), np.cumsum(size) - size, size).decode()
    assert text.count("\n") == len(names)
    plain = [name for name in names if name.isascii() and b"\n" not in name]
    assert {name.decode() for name in plain} <= set(text.split("\n"))


@given(sizes=st.lists(st.floats(0.001, 1000), min_size=1, max_size=40), aspect=st.floats(0.2, 5))
def test_areas_are_shares(sizes: list[float], aspect: float) -> None:
    """Each box of a treemap has its number's share of the area, inside the whole, and none lies on another."""
    boxes = squarify(sorted(sizes, reverse=True), aspect=aspect)
    for size, box in zip(sorted(sizes, reverse=True), boxes, strict=True):
        assert box.area == pytest.approx(size / sum(sizes), rel=1e-6, abs=1e-9)
        assert box.left >= -1e-9
        assert box.top >= -1e-9
        assert box.left + box.width <= 1 + 1e-9
        assert box.top + box.height <= 1 + 1e-9
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
            down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
            assert min(across, down) <= 1e-9


@pytest.mark.parametrize("name", sample_names())
def test_the_widths_of_the_flow_sum_to_the_whole(name: str, sample: Callable[[str], Path]) -> None:
    """What the rules take and what arrives is all of .symtab, rule after rule without a gap."""
    with load(sample(name)) as kernel:
        ledger = make_ledger(kernel)
    flow = branches(ledger)
    kept = 100 * ledger.kept / ledger.entries
    assert sum(branch.width for branch in flow) + kept == pytest.approx(100)
    assert [branch.before for branch in flow] == pytest.approx([100, *(b.after for b in flow[:-1])])
    assert sum(branch.row.count for branch in flow) == ledger.dropped_total


@pytest.mark.parametrize("name", sample_names())
def test_columns_say_what_explain_says(name: str, sample: Callable[[str], Path]) -> None:
    """Of every entry, the columns have the facts that explain has of it alone."""
    with load(sample(name)) as kernel:
        entries = entries_of_kernel(kernel)
        explainer = Explainer(kernel)
        assert sorted(entries.symbol.tolist()) == list(range(len(kernel.symbols)))
        for row in range(0, len(entries), max(1, len(entries) // 60)):
            facts = explainer.facts(int(entries.symbol[row]))
            assert (facts.rule is None) == (entries.rule[row] == KEPT)
            if facts.position is None or facts.encoding is None:
                assert entries.index[row] == -1
                continue
            place = facts.position
            assert entries.index[row] == place.index
            assert entries.alias[row] == place.aliases.index(facts.symbol)
            assert entries.aliases[row] == len(place.aliases)
            assert ("weak", "linker script", "underscores", "map", "")[
                entries.decider[row]
            ] == place.decided_by
            assert (entries.sympos[row], entries.alike[row]) == (place.sympos, len(place.same_name))
            assert chr(entries.letter[row]) == facts.table_letter
            assert entries.problem == facts.encoding.problem
            assert bool(entries.moves[row]) == facts.encoding.moves


@pytest.mark.parametrize("name", sample_names())
def test_every_sample_has_a_page(name: str, sample: Callable[[str], Path]) -> None:
    """A page is made of every architecture's kernel, and loads nothing from anywhere."""
    with load(sample(name)) as kernel:
        text = kernel_page(kernel)
        assert f"{len(kernel.symbols):,}" in text
    assert not re.findall(r"""(?:src|href)=["'](?!#|data:)""", text)
    assert "url(" not in text


def test_a_kernel_that_cannot_be_encoded_has_a_page(tmp_path: Path) -> None:
    """Where a release cannot encode the symbols, the page says so, and explains them all the same."""
    path = tmp_path / "vmlinux"
    path.write_bytes(
        vmlinux([*SYMBOLS, Symbol("far", 0x7000000000000000, type="object", section=".far")], release="7.3.0")
    )
    with load(path, all_symbols=True) as kernel:
        text = kernel_page(kernel)
    assert "No tables can be made" in text


def test_errors_are_sentences(tmp_path: Path) -> None:
    """A file that is no kernel, and a folder that is none, end in one sentence and write nothing."""
    (tmp_path / "note").write_text("hello")
    assert "holds no kallsyms tables" in sentence(elfsyms("report", tmp_path / "note", cwd=tmp_path), 3)
    assert not (tmp_path / "report.html").exists()


# What it does in a browser


def test_typing_searches(watched: Watched) -> None:
    """Words, ends, globs, regular expressions and addresses each narrow the list as they are typed."""
    assert watched.search("tcp") == ["tcp_sendmsg", "__tcp_alias", "tcp_sendmsg.cold"]
    assert watched.search("^tcp cold") == ["tcp_sendmsg.cold"]
    assert watched.search("msg$") == ["tcp_sendmsg"]
    assert watched.search("tcp_*") == ["tcp_sendmsg", "tcp_sendmsg.cold"]
    assert watched.search("*msg") == ["tcp_sendmsg"]
    assert watched.search("*cp_a*") == ["__tcp_alias"]
    assert watched.search("^odd*name?$") == ["odd*name?"]
    assert len(watched.search("*")) == len(watched.search(""))
    assert watched.search("/^h.l+per$/") == ["helper", "helper"]
    assert watched.search(f"{TEXT + 0x110:#x}") == ["tcp_sendmsg", "__tcp_alias"]
    assert watched.search("größe") == ["Größe"]
    assert watched.search("TCP") == []
    assert watched.page.is_visible("#nothing")
    assert watched.search("/(/") == []


def test_filters_narrow_the_list(watched: Watched) -> None:
    """Section, letter and rule each let through what they name, and together what all name."""
    page = watched.page
    page.select_option("#filter-section", ".data")
    assert watched.names() == ["jiffies"]
    page.select_option("#filter-section", "")
    page.select_option("#filter-fate", "dropped")
    assert "__crc_thing" in watched.names()
    page.select_option("#filter-letter", "a")
    assert watched.names() == ["__crc_thing"]
    page.click("#clear")
    assert len(watched.names()) > len(SYMBOLS)


def test_a_click_explains(watched: Watched, small: Path) -> None:
    """The explanation has what `elfsyms explain` says: verdict, rule, place, sympos, bytes, tokens."""
    said = elfsyms("explain", small, "--all-symbols", "--bytes", "-v", "helper").stdout.decode()
    watched.search("^helper$")
    watched.page.click("#row-1")
    facts = watched.facts()
    position, bytes_ = (
        re.findall(rf"^  {label}\s+(.*)$", said, re.MULTILINE) for label in ("position", "bytes")
    )
    assert (facts["position"], facts["bytes"]) == (position[1], bytes_[1])
    assert facts["sympos"].startswith("2 of 2 symbols of this name")
    assert "".join(facts["tokens"].split()) == "thelper"


@pytest.mark.parametrize("name", ["__tcp_alias", "__crc_thing", "jiffies", "_stext"])
def test_explanations_are_those_of_the_command(name: str, watched: Watched, small: Path) -> None:
    """Each line of the page's explanation stands in the command's, blanks and line ends aside."""
    said = elfsyms("explain", small, "--all-symbols", "--bytes", "-v", name).stdout.decode()
    watched.search(f"^{name}$")
    watched.page.click("#row-0")
    for label, text in watched.facts().items():
        if label not in {"rule", "also", "tokens", "trace", *QUESTIONS.values()}:
            assert squeezed(re.sub(r"\s(passed|dropped)$", "", text)) in squeezed(said), label


def squeezed(text: str) -> str:
    """Return a text without blanks, and without the verdicts that the command has at the edge of its lines."""
    return re.sub(r"\s+", "", re.sub(r" +(kept|dropped)$", "", text, flags=re.MULTILINE))


def test_keys_are_enough(watched: Watched) -> None:
    """With keys alone one searches, goes through the list, reads explanations and comes back."""
    page = watched.page
    page.keyboard.press("/")
    page.keyboard.type("tcp")
    page.keyboard.press("ArrowDown")
    assert page.inner_text("#details-name") == "tcp_sendmsg"
    page.keyboard.press("End")
    assert page.inner_text("#details-name") == "tcp_sendmsg.cold"
    page.keyboard.press("ArrowUp")
    assert page.inner_text("#details-name") == "__tcp_alias"
    assert page.get_attribute("#list", "aria-activedescendant") == "row-1"
    page.keyboard.press("Escape")
    assert not page.is_visible("#details")


def test_the_address_leads_a_colleague_there(watched: Watched, page: Path) -> None:
    """Who opens the address of a view sees query, filters and explanation as they were."""
    watched.search("^helper")
    watched.page.select_option("#filter-letter", "t")
    watched.page.click("#row-1")
    address = watched.page.evaluate("location.hash.slice(1)")
    before = watched.facts()
    watched.open(page, address)
    assert watched.page.input_value("#query") == "^helper"
    assert watched.page.input_value("#filter-letter") == "t"
    assert watched.facts() == before
    for wrong in ("entry=999999&section=none", "entry=1.5", "entry=x&letter="):
        watched.open(page, wrong)
        assert not watched.page.is_visible("#details")


def test_links_of_the_page_lead_to_symbols(watched: Watched) -> None:
    """A rule of the flow, an alias of an explanation: a click shows the symbols meant."""
    watched.page.click("#flow a[href='#fate=KS201']")
    watched.page.wait_for_function("() => document.querySelector('#filter-fate').value === 'KS201'")
    assert watched.names() == ["__crc_thing"]
    watched.page.click("#clear")
    watched.search("^tcp_sendmsg$")
    watched.page.click("#row-0")
    watched.page.click("#details-facts a:text-is('__tcp_alias')")
    watched.page.wait_for_selector(
        "#details-name:text-is('__tcp_alias')"
    )  # the address changes after the click
    assert watched.page.inner_text("#details-fate") == "shadowed"


def test_a_name_with_html_is_a_name(watched: Watched) -> None:
    """Markup in a symbol's name is shown as it is, and does nothing."""
    assert watched.search("onerror") == [WICKED]
    watched.page.click("#row-0")
    assert watched.page.inner_text("#details-name") == WICKED
    assert watched.page.evaluate("document.querySelectorAll('img').length") == 0


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "light"), (1280, "dark")])
def test_nothing_is_wider_than_the_screen(chromium: Any, page: Path, width: int, scheme: str) -> None:
    """On a phone and on a screen, light and dark, nobody scrolls sideways, and text stands out of its ground."""
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    opened = Watched(context.new_page(), page)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    opened.page.click("#row-3")
    texts = opened.page.evaluate(TEXTS)
    assert len(texts) > 100
    assert [what for what, ink, ground in texts if contrast(ink, ground) < 4.5] == []
    context.close()


# What stands on the page: each text's element, its colour, and the nearest ground that is not transparent; on the
# treemap, every ground that its labels may lie on.
TEXTS = """() => [...document.querySelectorAll('body *')].flatMap((element) => {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || /SCRIPT|OPTION/.test(element.tagName)) return [];
    const colour = (one, which) => getComputedStyle(one)[which];
    let ground = element;
    while (ground !== document.body && colour(ground, 'backgroundColor') === 'rgba(0, 0, 0, 0)') {
        ground = ground.parentElement;
    }
    const grounds = element.closest('.region') ? [...document.querySelectorAll('.part')] : [ground];
    const what = `${element.tagName} ${element.className}: ${element.textContent.slice(0, 30)}`;
    return grounds.map((one) => [what, colour(element, 'color'), colour(one, 'backgroundColor')]);
})"""


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, after WCAG 2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of ``rgb(...)``."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_nothing_found_is_said_at_the_top(watched: Watched) -> None:
    """Where no symbol matches, that stands where the first would, and the list keeps its size."""
    before = watched.page.locator(".listing").bounding_box()["height"]
    assert watched.search("zzzz") == []
    assert watched.page.locator(".listing").bounding_box()["height"] == before
    note, box = watched.page.locator("#nothing").bounding_box(), watched.page.locator("#list").bounding_box()
    assert 0 <= note["y"] - box["y"] < 40


def test_the_list_shows_where_the_keyboard_is(watched: Watched) -> None:
    """What the keyboard reaches has a ring around it that nothing covers, the list too."""
    watched.page.focus("#query")
    watched.page.keyboard.press("ArrowDown")
    ring = "getComputedStyle(document.querySelector('.listing')).outlineStyle"
    assert watched.page.evaluate(ring) == "solid"
    watched.page.focus("#query")
    assert watched.page.evaluate(ring) == "none"


def test_everything_to_work_with_has_a_name(watched: Watched) -> None:
    """Whoever hears the page instead of seeing it is told what each field, button, list and picture is."""
    watched.page.click("#row-3")
    unnamed = watched.page.evaluate("""() => [...document.querySelectorAll(
        'button, input, select, a, [role=img], [role=listbox], aside, nav, section, table')].filter((one) => {
        const by = one.getAttribute('aria-labelledby');
        const label = one.getAttribute('aria-label') ?? (by && document.getElementById(by)?.textContent);
        const said = label || one.labels?.[0]?.textContent || one.caption?.textContent || one.textContent;
        return !said.trim();
    }).map((one) => one.outerHTML)""")
    assert unnamed == []


def test_it_prints(watched: Watched) -> None:
    """On paper stand the account and the figures; what needs a mouse does not."""
    watched.page.emulate_media(media="print")
    assert watched.page.is_visible("#flow")
    assert watched.page.is_visible(".paper")
    cut = "[...document.querySelectorAll('.name-table th a')].filter((a) => a.scrollWidth > a.clientWidth).length"
    assert watched.page.evaluate(cut) == 0
    assert not watched.page.is_visible("#list")
    assert watched.page.pdf(format="A4").startswith(b"%PDF-")


def test_a_long_list_draws_few_rows(chromium: Any, tmp_path: Path) -> None:
    """Of a list of 20,000 symbols only those on the screen are drawn, wherever one scrolls."""
    path = tmp_path / "vmlinux"
    many = [Symbol(f"f{i:05}", TEXT + 16 * i, size=16) for i in range(20000)]
    path.write_bytes(vmlinux([Symbol("_text", TEXT), Symbol("_stext", TEXT), *many]))
    with load(path, all_symbols=True) as kernel:
        (tmp_path / "page.html").write_text(kernel_page(kernel), encoding="utf-8")
    opened = Watched(chromium.new_page(), tmp_path / "page.html")
    opened.page.press("#list", "End")
    opened.page.wait_for_function("() => document.querySelector('#list').scrollTop > 500000")
    assert opened.page.evaluate("document.querySelectorAll('.row').length") < 80
    assert "f19999" in opened.names()
    opened.page.close()


def test_a_search_that_takes_long_goes_on(chromium: Any, tmp_path: Path) -> None:
    """Where time is up after each block of rows, the list grows to all that is found, unless a search begins."""
    path = tmp_path / "vmlinux"
    many = [Symbol(f"f{i:05}", TEXT + 16 * i, size=16) for i in range(1, 10000)]
    path.write_bytes(vmlinux([Symbol("_text", TEXT), Symbol("_stext", TEXT), *many]))
    with load(path, all_symbols=True) as kernel:
        (tmp_path / "page.html").write_text(kernel_page(kernel), encoding="utf-8")
    opened = Watched(chromium.new_page(), tmp_path / "page.html")
    opened.page.evaluate("let now = 0; performance.now = () => (now += 1000)")
    for query, found in (
        ("F", 0),
        ("f", 9999),
        ("f0 9$", 1000),
        ("f*5", 1000),
        (f"{TEXT + 16 * 9000 + 3:#x}", 1),
        ("^f09999$", 1),
    ):
        opened.page.fill("#query", "0")
        opened.page.fill("#query", query)
        opened.page.wait_for_function(
            f"() => /^{found:,} of/.test(document.querySelector('#count').textContent)"
        )
        assert opened.page.evaluate("page.later") is None
        assert opened.page.evaluate("page.list.rows.length") == found
    opened.page.close()


def test_an_expression_that_would_take_for_ever_is_stopped(chromium: Any, tmp_path: Path) -> None:
    """A regular expression that tries all ways is stopped with a sentence; meanwhile and after the page answers."""
    path = tmp_path / "vmlinux"
    long = "a" * 200
    many = [Symbol(f"{long}{i:04}", TEXT + 16 * i, size=16) for i in range(1, 9)]
    path.write_bytes(vmlinux([Symbol("_text", TEXT), Symbol("_stext", TEXT), *many]))
    with load(path, all_symbols=True) as kernel:
        (tmp_path / "page.html").write_text(kernel_page(kernel), encoding="utf-8")
    opened = Watched(chromium.new_page(), tmp_path / "page.html")
    opened.page.fill("#query", "/^(a+)+$/")
    assert opened.search("0007") == [f"{long}0007"]
    assert opened.search("/(a+)+!/") == []
    assert "takes too long" in opened.page.inner_text("#nothing")
    assert opened.search("/a0{3}[78]$/") == [f"{long}0007", f"{long}0008"]
    assert opened.search(f"{'*a' * 30}*0007") == [f"{long}0007"]
    assert opened.search(f"{'a*' * 30}!") == []
    assert opened.page.inner_text("#nothing") == "No symbol matches."
    assert (opened.complaints, opened.requests) == ([], [])
    opened.page.close()


def test_an_image_has_a_page_of_its_tables(chromium: Any, tmp_path: Path) -> None:
    """Of a file without a symbol table the page shows what its tables hold, and says what it cannot tell."""
    image = made_image(boundary_tables("6.12", (64, "<", 62)), 1, 1 << 16, banner="6.12.7-1-amd64")
    (tmp_path / "vmlinuz").write_bytes(image.data)
    path = tmp_path / "report.html"
    assert elfsyms("report", tmp_path / "vmlinuz", "-o", path).returncode == 0
    opened = Watched(chromium.new_page(), path)
    assert f"{len(image.tables.records)} of {len(image.tables.records)}" in opened.page.inner_text("#count")
    assert opened.page.locator("#flow").count() == 0
    assert "no symbol table" in opened.page.inner_text(".top .note")
    assert ".symtab" not in opened.page.inner_text("body")
    assert (opened.complaints, opened.requests) == ([], [])
    opened.page.close()


@pytest.mark.parametrize("command", ["report", "export", "symbolize"])
def test_a_text_of_symbols_is_called_one(command: str, tmp_path: Path) -> None:
    """A System.map where a kernel is wanted is told to be a text, not searched for tables."""
    path = tmp_path / "System.map"
    path.write_text("".join(f"{TEXT + 16 * i:016x} T function_{i}\n" for i in range(40)))
    more: dict[str, list[str | Path]] = {
        "report": ["-o", tmp_path / "page.html"],
        "export": ["-o", tmp_path / "atlas"],
    }
    assert "is a text of symbols" in sentence(elfsyms(command, path, *more.get(command, [])), 4)


# Two kernels


@pytest.fixture(scope="module")
def difference(tmp_path_factory: pytest.TempPathFactory, small: Path) -> Path:
    """Return the page about the small kernel and one in which a few things changed."""
    folder = tmp_path_factory.mktemp("difference")
    kept = [s for s in SYMBOLS if s.name not in {"Größe", "tcp_sendmsg", "helper"}]
    changed = [
        *kept,
        Symbol("tcp_sendmsg", TEXT + 0x100, size=164),
        Symbol("helper.isra.0", TEXT + 0x300, binding="local", size=8),
        Symbol("brand_new", TEXT + 0x700, size=32),
    ]
    (folder / "vmlinux").write_bytes(vmlinux(changed, release="6.12.9"))
    path = folder / "report.html"
    result = elfsyms("report", small, folder / "vmlinux", "--all-symbols", "-o", path)
    assert (result.returncode, result.stderr) == (0, b"")
    return path


def test_two_kernels_show_what_changed(chromium: Any, difference: Path) -> None:
    """Added, removed, renamed and grown symbols are found under these words, the largest change first."""
    opened = Watched(chromium.new_page(), difference)
    opened.search("")
    assert opened.names()[0] == "tcp_sendmsg"
    expected = {"added": "brand_new", "removed": "Größe", "renamed": "helper.isra.0", "grown": "tcp_sendmsg"}
    for change, name in expected.items():
        opened.page.select_option("#filter-change", change)
        assert name in opened.names()
    opened.page.click("#row-0")
    assert opened.facts()["size"] == "+100 bytes"
    targets = opened.page.inner_text("#targets")
    assert "helper.isra.0" in targets
    assert "Größe" in targets
    assert (opened.complaints, opened.requests) == ([], [])
    opened.page.close()


@pytest.mark.parametrize("name", ["amd64-edge-a", "i386-6.1", "s390x-6.1"])
def test_tracing_is_counted_as_it_is_judged(name: str, sample: Callable[[str], Path]) -> None:
    """Of the code in the tables, yes and each no add up, and each row has the answer of its own entry."""
    with load(sample(name)) as kernel:
        entries = entries_of_kernel(kernel)
        answers, shown = traceability(kernel), tracing(kernel, entries)
    for question in shown.questions:
        assert question.can + sum(count for *_, count in question.cannot) == shown.code
        column = shown.columns[question.name]
        assert (column == getattr(answers, question.name)[entries.symbol]).all()


def test_the_list_can_be_narrowed_to_what_is_traceable(watched: Watched) -> None:
    """Traceable or not is a filter, and the explanation says who can, and why the others cannot."""
    watched.page.select_option("#filter-ftrace", "no")
    assert "jiffies" in watched.names()
    watched.search("^jiffies$")
    watched.page.click("#row-0")
    assert re.search(r"no executable section.*TR101.*no$", watched.facts()["trace"], re.DOTALL)


def test_what_the_file_cannot_tell_is_not_known(watched: Watched, chromium: Any, difference: Path) -> None:
    """A kernel without a list of ftrace's calls: neither page says yes or no of its functions."""
    watched.page.click("#clear")
    watched.search("^tcp_sendmsg$")
    watched.page.click("#row-0")
    assert re.search(r"TR207.*not known$", watched.facts()["ftrace, fprobe"], re.DOTALL)
    opened = Watched(chromium.new_page(), difference)
    opened.search("^tcp_sendmsg$")
    opened.page.click("#row-0")
    assert opened.facts()["ftrace"] == "not known"
    opened.page.close()


def test_data_in_the_page_is_json(page: Path) -> None:
    """What the script reads is JSON that no name can break out of."""
    text = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL
    )
    assert json.loads(text[0])["kind"] == "kernel"
