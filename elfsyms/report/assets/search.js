// SPDX-License-Identifier: GPL-2.0-or-later
// Searching: all names are one text, a line each, so that the browser's own indexOf and RegExp do the work.
//
// A query is words that must all be part of a name; capitals count where there are any. ^ and $ tie a word to the
// name's ends, * and ? make a glob of the whole name, /.../ is a regular expression, 0x... an address: whatever
// holds it.

const SPECIAL = /[.*+?^${}()|[\]\\]/g;

function parseQuery(text) {
  const query = text.trim();
  if (/^(0x[0-9a-f]{1,16}|[0-9a-f]{8,16})$/i.test(query)) return { address: BigInt(`0x${query.replace(/^0x/i, "")}`) };
  const given = /^\/(.+)\/(i?)$/.exec(query);
  if (given) return { pattern: regular(given[1], `gm${given[2]}`) };
  const whole = /^\^\S*\$$/.test(query); // a name as it is: what the page's own links ask for
  if (/[*?]/.test(query) && !whole) return { pattern: regular(globSource(query), "gm") };
  return { words: query.split(/\s+/).filter(Boolean), folded: query === query.toLowerCase() };
}

function regular(source, flags) {
  try {
    return new RegExp(source, flags);
  } catch {
    return null; // half typed
  }
}

// A glob of a whole line. A star at an end says nothing that a search would not do faster without.
function globSource(glob) {
  const middle = glob.replace(/^\*+|\*+$/g, "").replace(SPECIAL, "\\$&");
  const source = middle.replaceAll("\\*", "[^\\n]*").replaceAll("\\?", "[^\\n]");
  return `${glob.startsWith("*") ? "" : "^"}${source}${glob.endsWith("*") ? "" : "$"}`;
}

// Looks through the names of a table. The same array holds the rows found by each search.
class Search {
  constructor(table) {
    this.table = table;
    this.found = new Uint32Array(table.rows);
    this.haystacks = {};
    this.haystack(true); // the first key pressed should not wait for it
  }

  // Return the rows that a query and a filter let through, ascending.
  rows(text, passes) {
    const query = parseQuery(text);
    this.count = 0;
    if (query.address !== undefined) this.byAddress(query.address, passes);
    else if (query.pattern !== undefined) this.byPattern(query.pattern, passes);
    else if (query.words.length === 0) this.all(passes);
    else this.byWords(query, passes);
    return this.found.subarray(0, this.count);
  }

  all(passes) {
    for (let row = 0; row < this.table.rows; row += 1) if (passes(row)) this.found[this.count++] = row;
  }

  byWords({ words, folded }, passes) {
    const [first, ...others] = words.map((word) => word.replace(/^\^/, "\n").replace(/(.)\$$/, "$1\n"));
    const text = this.haystack(folded);
    this.lines(text, (from) => text.indexOf(first, from), (row) => {
      const line = text.slice(this.table.starts[row], this.table.starts[row + 1] + 1);
      return passes(row) && others.every((word) => line.includes(word));
    });
  }

  // The rows of the hits that `next` finds from an offset on; the text has one line end more, in front.
  lines(text, next, passes) {
    const { starts, rows } = this.table;
    let row = 0;
    for (let at = next(0); at >= 0; at = next(starts[row])) {
      while (row < rows && starts[row + 1] <= at) row += 1;
      if (row >= rows) return;
      if (passes(row)) this.found[this.count++] = row;
      row += 1;
      if (row >= rows) return;
    }
  }

  byPattern(pattern, passes) {
    if (!pattern) return;
    const { text, starts, rows } = this.table;
    let row = 0;
    for (let hit = pattern.exec(text); hit && row < rows; hit = pattern.exec(text)) {
      while (starts[row + 1] <= hit.index) row += 1;
      if (row < rows && passes(row)) this.found[this.count++] = row;
      row += 1;
      pattern.lastIndex = starts[row];
    }
  }

  byAddress(address, passes) {
    const { table } = this;
    if (!table.columns.address) return;
    for (let row = 0; row < table.rows; row += 1) {
      const start = table.big("address", row);
      if (start > address) return; // rows are in the order of their addresses
      const inside = start === address || address < start + table.big("size", row);
      if (inside && passes(row)) this.found[this.count++] = row;
    }
  }

  // The names with a line end before the first too; small letters where capitals do not count.
  haystack(folded) {
    const { text } = this.table;
    if (!this.haystacks[folded]) {
      const small = folded ? text.toLowerCase() : text;
      this.haystacks[folded] = `\n${small.length === text.length ? small : text}`;
    }
    return this.haystacks[folded];
  }
}
