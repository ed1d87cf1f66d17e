// SPDX-License-Identifier: GPL-2.0-or-later
// The page: search, filters, list and details, and the address (what follows #) that tells their state.

const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const MOMENT = 30; // milliseconds of searching, before the page sees to keys and frames again
const PAUSE = 4; // milliseconds until it goes on

// How a row of the list is drawn, by the kind of page: cells of [class, text].
const CELLS = {
  kernel: (model, row) => [
    ["address", model.address(row)],
    ["letter", model.letter(row)],
    ["name", model.table.name(row) || "(no name)"],
    ["section", model.section(row)],
    ["size", count(model.table.big("size", row))],
    ["fate", model.rule(row)?.id ?? model.fate(row)],
  ],
  difference: (model, row) => [
    ["letter", model.letters(row)[1] === "-" ? model.letters(row)[0] : model.letters(row)[1]],
    ["name", model.table.name(row)],
    ["size", signed(model.delta(row))],
    ["fate", model.verdict(row)],
  ],
};

class Page {
  constructor(table) {
    const Model = data.kind === "kernel" ? Explainer : Changes;
    this.model = new Model(table, data.words);
    this.search = new Search(table);
    this.list = new List(find("list"), {
      draw: (target, row) => this.draw(target, row),
      choose: (row) => this.open(row),
    });
    this.filters = data.filters.map((filter) => this.addFilter(filter));
    find("query").addEventListener("input", () => this.changed());
    find("query").addEventListener("keydown", (event) => this.queryKey(event));
    find("clear").addEventListener("click", () => this.clear());
    find("copy").addEventListener("click", () => this.copy());
    find("close").addEventListener("click", () => this.close());
    addEventListener("hashchange", () => this.fromAddress());
    addEventListener("keydown", (event) => this.globalKey(event));
    this.fromAddress();
  }

  addFilter({ column, label, choices }) {
    const select = element("select", { id: `filter-${column}` }, element("option", { value: "", textContent: "any" }));
    for (const choice of choices) {
      select.append(element("option", { value: choice.key, textContent: `${choice.label}  (${count(choice.count)})` }));
    }
    select.addEventListener("change", () => this.changed());
    find("filters").append(element("label", {}, element("span", { textContent: label }), select));
    return { column, select, choices };
  }

  // A function that tells whether the filters let a row through.
  passes() {
    const tests = this.filters
      .filter(({ select }) => select.value)
      .map(({ column, select, choices }) => {
        const { values } = choices.find((choice) => choice.key === select.value);
        return { numbers: this.model.table.columns[column], among: new Set(values) };
      });
    if (!tests.length) return () => true;
    return (row) => tests.every(({ numbers, among }) => among.has(numbers[row]));
  }

  // Show what the query and the filters ask for: at once, as far as a moment's time goes, and then bit by bit; `then`
  // is for who goes to a row of the answer: done when all is there, which is at once where no worker is waited for.
  changed(then) {
    clearTimeout(this.later);
    [this.asked, this.then, this.shown] = [performance.now(), then, false];
    delete document.body.dataset.allMs;
    this.search.start(find("query").value, this.passes());
    this.searchOn(this.asked + (then ? Infinity : MOMENT));
    this.toAddress();
  }

  searchOn(until) {
    const done = this.search.run(until);
    if (done || !this.search.waiting) this.showFound(done);
    this.later = done ? undefined : setTimeout(() => this.searchOn(performance.now() + MOMENT), PAUSE);
    if (!done) return;
    document.body.dataset.allMs = this.sinceAsked();
    this.then?.();
  }

  showFound(done) {
    const rows = this.search.rows();
    if (this.shown && !this.search.problem) this.list.grow(rows);
    else this.list.show(rows);
    if (!this.shown) document.body.dataset.searchMs = this.sinceAsked();
    this.shown = true;
    find("count").textContent = `${count(rows.length)}${done ? "" : "…"} of ${count(this.model.table.rows)}`;
    find("nothing").hidden = rows.length > 0 || !done;
    find("nothing").textContent = this.search.problem || "No symbol matches.";
  }

  // Milliseconds, for those who measure.
  sinceAsked() {
    return (performance.now() - this.asked).toFixed(1);
  }

  draw(target, row) {
    const cells = CELLS[data.kind](this.model, row);
    while (target.children.length < cells.length) target.append(element("span"));
    cells.forEach(([kind, text], i) => {
      const cell = target.children[i];
      cell.className = kind;
      cell.textContent = text;
    });
    target.dataset.fate = this.model.fate(row);
  }

  open(row) {
    this.row = row;
    find("details-name").textContent = this.model.table.name(row) || "(no name)";
    find("details-fate").textContent = this.model.verdict(row);
    find("details-fate").dataset.fate = this.model.fate(row);
    find("details-facts").replaceChildren(...this.model.lines(row).flatMap((line) => this.line(line)));
    find("details").hidden = false;
    document.body.classList.add("open");
    this.toAddress();
  }

  close() {
    this.row = undefined;
    find("details").hidden = true;
    document.body.classList.remove("open");
    this.toAddress();
    find("list").focus();
  }

  line([label, text, verdict]) {
    const value = element("dd", {}, ...this.parts(text, verdict));
    if (verdict && verdict !== "tokens") value.append(" ", element("span", { className: "verdict", textContent: verdict }));
    if (verdict) value.dataset.verdict = verdict;
    return [element("dt", { textContent: label }), value];
  }

  parts(text, verdict) {
    const parts = [text].flat();
    if (verdict === "tokens") return parts.map((token) => element("span", { className: "token", textContent: token }));
    return parts.map((part) => (typeof part === "string" ? part : this.link(part)));
  }

  link({ text, row, query, fate }) {
    const state = row === undefined ? { q: query ?? "", fate: fate ?? "" } : { ...this.state(), entry: this.entryOf(row) };
    return element("a", { href: `#${this.address(state)}`, textContent: text || "(no name)" });
  }

  // The number by which an address names a row: its entry of .symtab, where the page has one.
  entryOf(row) {
    return String(this.model.table.columns.symbol?.[row] ?? row);
  }

  rowOf(entry) {
    const { symbol } = this.model.table.columns;
    return symbol ? symbol.indexOf(Number(entry)) : Number(entry);
  }

  state() {
    const state = { q: find("query").value };
    for (const { column, select } of this.filters) state[column] = select.value;
    if (this.row !== undefined) state.entry = this.entryOf(this.row);
    return state;
  }

  address(state) {
    return new URLSearchParams(Object.entries(state).filter(([, value]) => value)).toString();
  }

  toAddress() {
    const address = this.address(this.state());
    history.replaceState(null, "", address ? `#${address}` : location.pathname + location.search);
  }

  fromAddress() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const isSection = document.getElementById(location.hash.slice(1));
    if (isSection) return isSection.scrollIntoView();
    find("query").value = asked.get("q") ?? "";
    for (const { column, select } of this.filters) select.value = asked.get(column) ?? "";
    for (const { select } of this.filters) if (select.selectedIndex < 0) select.value = "";
    const row = asked.has("entry") ? this.rowOf(asked.get("entry")) : -1;
    this.row = Number.isInteger(row) && row >= 0 && row < this.model.table.rows ? row : undefined;
    this.changed(() => this.row !== undefined && this.list.selectRow(this.row));
    if (this.row !== undefined) this.open(this.row);
    if (asked.size) find("symbols").scrollIntoView();
    else this.list.reach(data.first ?? 0);
  }

  clear() {
    find("query").value = "";
    for (const { select } of this.filters) select.value = "";
    this.changed();
    find("query").focus();
  }

  async copy() {
    const text = location.href;
    try {
      await navigator.clipboard.writeText(text);
      find("copied").textContent = "Copied.";
    } catch {
      find("copied").textContent = text;
    }
  }

  queryKey(event) {
    if (event.key !== "ArrowDown" && event.key !== "Enter") return;
    event.preventDefault();
    find("list").focus();
    this.list.select(Math.max(this.list.active, 0));
  }

  globalKey(event) {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing) {
      event.preventDefault();
      find("query").focus();
      find("query").select();
    } else if (event.key === "Escape" && this.row !== undefined) this.close();
    else if (event.key === "Escape" && document.activeElement === find("query")) this.clear();
  }
}

async function start() {
  const buffer = await inflate(find("blob").textContent);
  window.page = new Page(new Table(buffer, data.manifest));
  document.body.classList.add("ready");
}

start();
