// SPDX-License-Identifier: GPL-2.0-or-later
// What became of a symbol between two kernels, of the columns of the page.

const UNKNOWN = -2; // whether ftrace can trace it

class Changes {
  constructor(table, words) {
    this.table = table;
    this.words = words;
  }

  value(column, row) {
    return this.table.columns[column][row];
  }

  fate(row) {
    return this.words.changes[this.value("change", row)];
  }

  verdict(row) {
    return this.words.labels[this.fate(row)] ?? this.fate(row);
  }

  // Names before and after: the list has the newer one, where there are two.
  old(row) {
    return this.words.renamed[row] ?? this.table.name(row);
  }

  delta(row) {
    return this.value("grown", row);
  }

  letters(row) {
    const [before, after] = ["old_letter", "new_letter"].map((name) => this.value(name, row));
    return [before, after].map((letter) => (letter ? String.fromCharCode(letter) : "-"));
  }

  lines(row) {
    const [before, after] = this.letters(row);
    const lines = [["what", this.words.meanings[this.fate(row)]]];
    if (this.words.renamed[row] !== undefined) lines.push(["old name", this.old(row)]);
    lines.push(["before", before === "-" ? "not there" : `letter ${before}, ${count(this.value("old_size", row))} bytes`]);
    lines.push(["after", after === "-" ? "not there" : `letter ${after}, ${count(this.value("new_size", row))} bytes`]);
    if (before !== "-" && after !== "-") lines.push(["size", `${signed(this.delta(row))} bytes`]);
    if (this.value("function", row)) lines.push(["ftrace", this.tracing(row)]);
    return lines;
  }

  // Whether ftrace could trace it, and can.
  tracing(row) {
    const [before, after] = this.letters(row).map((letter, side) => {
      const refused = this.value(["old_refused", "new_refused"][side], row);
      const rule = this.words.trace_rules[refused];
      if (letter === "-") return "";
      return rule ? `no, ${rule.reason} (${rule.id})` : refused === UNKNOWN ? "not known" : "yes";
    });
    if (!before || !after || before === after) return before || after;
    return `before: ${before}; after: ${after}`;
  }
}

function signed(number) {
  if (!number) return "0";
  return `${number > 0 ? "+" : "−"}${count(Math.abs(number))}`;
}
