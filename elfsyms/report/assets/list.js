// SPDX-License-Identifier: GPL-2.0-or-later
// A list of any length that draws only the rows that are seen, and that a keyboard and a screen reader can use.

const OVERSCAN = 6; // rows drawn beyond each edge, so that a slow frame shows no gap

class List {
  constructor(element, { draw, choose }) {
    this.element = element;
    this.draw = draw;
    this.choose = choose;
    this.rows = new Uint32Array(0);
    this.active = -1; // an index among the rows
    this.space = element.appendChild(document.createElement("div"));
    this.space.className = "space";
    this.pool = [];
    this.height = 0;
    element.addEventListener("scroll", () => this.schedule(), { passive: true });
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("click", (event) => this.click(event));
    new ResizeObserver(() => this.resize()).observe(element);
  }

  show(rows) {
    this.rows = rows;
    this.active = -1;
    this.element.scrollTop = 0;
    this.resize();
  }

  // Show more rows behind those that are there.
  grow(rows) {
    this.rows = rows;
    this.resize();
  }

  resize() {
    this.height = parseFloat(getComputedStyle(this.element).getPropertyValue("--row")) || 30;
    this.space.style.height = `${this.rows.length * this.height}px`;
    this.render();
  }

  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.render();
    });
  }

  render() {
    const first = Math.max(0, Math.floor(this.element.scrollTop / this.height) - OVERSCAN);
    const most = Math.ceil(this.element.clientHeight / this.height) + 2 * OVERSCAN;
    const count = Math.min(most, this.rows.length - first);
    while (this.pool.length < count) this.pool.push(this.space.appendChild(this.blank()));
    this.pool.forEach((element, i) => {
      element.hidden = i >= count;
      if (i < count) this.fill(element, first + i);
    });
    const drawn = this.active >= first && this.active < first + count;
    if (drawn) this.element.setAttribute("aria-activedescendant", `row-${this.active}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  blank() {
    const element = document.createElement("div");
    element.className = "row";
    element.setAttribute("role", "option");
    return element;
  }

  fill(element, index) {
    element.id = `row-${index}`;
    element.dataset.index = index;
    element.style.transform = `translateY(${index * this.height}px)`;
    element.setAttribute("aria-selected", String(index === this.active));
    element.setAttribute("aria-setsize", String(this.rows.length));
    element.setAttribute("aria-posinset", String(index + 1));
    this.draw(element, this.rows[index]);
  }

  select(index, { quiet = false } = {}) {
    if (!this.rows.length) return;
    this.active = Math.min(Math.max(index, 0), this.rows.length - 1);
    this.reveal();
    this.render();
    if (!quiet) this.choose(this.rows[this.active]);
  }

  // Select a row of the table, if it is among those shown.
  selectRow(row) {
    const index = this.rows.indexOf(row);
    if (index >= 0) this.select(index, { quiet: true });
  }

  reveal() {
    const top = this.active * this.height;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.height > scrollTop + clientHeight) this.element.scrollTop = top + this.height - clientHeight;
  }

  // Bring an index to the top, without selecting it.
  reach(index) {
    this.element.scrollTop = index * this.height;
    this.render();
  }

  click(event) {
    const row = event.target.closest(".row");
    if (row) this.select(Number(row.dataset.index));
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.height) - 1);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key === "Enter" || event.key === " ") this.select(Math.max(this.active, 0));
    else if (event.key in moves) this.select(this.active + moves[event.key]);
    else return;
    event.preventDefault();
  }
}
