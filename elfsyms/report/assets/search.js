// SPDX-License-Identifier: GPL-2.0-or-later
// Searching: all names are one text, a line each, so that the browser's own indexOf and RegExp do the work.
//
// A query is words that must all be part of a name; capitals count where there are any. ^ and $ tie a word to the
// name's ends, * and ? make a glob of the whole name, /.../ is a regular expression, 0x... an address: whatever
// holds it. Regular expressions alone are a worker's: the other queries take no longer than a name is long.
//
// Rows are looked through in blocks, so that a search can stop after each and go on later: the page stays awake.

const BLOCK = 4096; // rows, well under a millisecond
const SPECIAL = /[.*+?^${}()|[\]\\]/g;

function parseQuery(text) {
  const query = text.trim();
  if (/^(0x[0-9a-f]{1,16}|[0-9a-f]{8,16})$/i.test(query)) return { address: BigInt(`0x${query.replace(/^0x/i, "")}`) };
  const given = /^\/(.+)\/(i?)$/.exec(query);
  if (given) return { expression: regular(given[1], `gm${given[2]}`) };
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

// A glob of a whole line. A star at an end says nothing that a search would not do faster without. What stands between
// two stars is taken where it comes first, and never tried again further on (a lookahead keeps what it found): with
// all ways tried, ten stars and a name of one letter would take for ever.
function globSource(glob) {
  const [head, ...others] = glob.replace(/^\*+|\*+$/g, "").split(/\*+/).map(literal);
  const tail = !glob.endsWith("*") && others.length ? `[^\\n]*${others.pop()}` : "";
  const middle = others.map((part, i) => `(?=([^\\n]*?${part}))\\${i + 1}`).join("");
  return `${glob.startsWith("*") ? "" : "^"}${head}${middle}${tail}${glob.endsWith("*") ? "" : "$"}`;
}

function literal(part) {
  return part.replace(SPECIAL, "\\$&").replaceAll("\\?", "[^\\n]");
}

// Looks through the names of a table. The same array holds the rows found by each search.
class Search {
  constructor(table) {
    this.table = table;
    this.found = new Uint32Array(table.rows);
    this.haystacks = {};
    this.expressions = new ExpressionSearch(table);
    for (const folded of [true, false]) this.haystack(folded).indexOf("\n\n"); // the first key should not wait for it
    this.start("", () => true);
  }

  // Begin to look for the rows that a query and a filter let through.
  start(text, passes) {
    this.count = 0;
    this.next = 0;
    this.passes = passes;
    const query = parseQuery(text);
    this.away = Boolean(query.expression);
    if (this.away) return this.expressions.start(query.expression, BLOCK, (row) => this.take(row));
    this.expressions.cancel();
    this.block = this.blocks(query);
  }

  // Look on up to a moment, at least through one block; tell whether all rows have been looked at.
  run(until) {
    if (this.away) return this.expressions.over();
    while (this.next < this.table.rows) {
      const first = this.next;
      this.next = Math.min(first + BLOCK, this.table.rows);
      this.block(first, this.next);
      if (performance.now() >= until) break;
    }
    return this.next >= this.table.rows;
  }

  // Why a search has no answer; "" where it has one, or may come to it.
  get problem() {
    return this.away ? this.expressions.problem : "";
  }

  // Whether nothing is there yet of what a worker looks for.
  get waiting() {
    return this.away && !this.count;
  }

  // The rows found so far, ascending.
  rows() {
    return this.found.subarray(0, this.problem ? 0 : this.count);
  }

  // The function that looks through the rows from one up to another, as a query asks.
  blocks(query) {
    if (query.address !== undefined) return this.byAddress(query.address);
    if (query.expression === null) return () => {};
    if (query.pattern !== undefined) return this.byPattern(query.pattern);
    return query.words.length ? this.byWords(query) : (first, end) => this.all(first, end);
  }

  take(row) {
    if (this.passes(row)) this.found[this.count++] = row;
  }

  all(first, end) {
    for (let row = first; row < end; row += 1) this.take(row);
  }

  byWords({ words, folded }) {
    const { starts } = this.table;
    const [word, ...others] = words.map((one) => one.replace(/^\^/, "\n").replace(/(.)\$$/, "$1\n"));
    const text = this.haystack(folded);
    const line = (row) => text.slice(starts[row], starts[row + 1] + 1);
    const holds = others.length ? (row) => others.every((other) => line(row).includes(other)) : () => true;
    return (first, end) => {
      const part = text.slice(starts[first], starts[end] + 1); // from the line end before to the last one's own
      this.lines(first, end, (from) => part.indexOf(word, from), (row) => holds(row) && this.take(row));
    };
  }

  // Take the rows of a block in which `next` finds something, from an offset in the block on.
  lines(first, end, next, take) {
    const { starts } = this.table;
    const base = starts[first];
    let row = first;
    for (let at = next(0); at >= 0 && row < end; at = next(starts[row] - base)) {
      while (row < end && starts[row + 1] <= base + at) row += 1;
      if (row < end) take(row);
      row += 1;
    }
  }

  byPattern(pattern) {
    const { text, starts } = this.table;
    return (first, end) => {
      const part = text.slice(starts[first], starts[end]);
      const next = (from) => {
        pattern.lastIndex = from;
        return pattern.exec(part)?.index ?? -1;
      };
      this.lines(first, end, next, (row) => this.take(row));
    };
  }

  // By halves of 32 bits, in plain numbers: a distance that is not exact is one of over 2**53, in no symbol.
  byAddress(address) {
    const { address: low, address_high: high } = this.table.columns;
    if (!low) return () => {};
    const size = this.table.numbers("size");
    const [wantedLow, wantedHigh] = [Number(address & 0xffffffffn), Number(address >> 32n)];
    return (first, end) => {
      for (let row = first; row < end; row += 1) {
        const distance = (wantedHigh - (high?.[row] ?? 0)) * 2 ** 32 + (wantedLow - low[row]);
        if (distance === 0 || (distance > 0 && distance < size(row))) this.take(row);
      }
    };
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
