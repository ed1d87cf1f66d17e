// SPDX-License-Identifier: GPL-2.0-or-later
// Why a symbol is in the tables, or is not: what `elfsyms explain` says, of the columns of the page.
//
// Each line is [label, text, verdict]; the text may be a list of texts and links, a link being {text, query}.

const KEPT = -1;
const SHADOWED = -2;
const CLASSES = ["", ", an absolute number", ", per-CPU", ", undefined"];
const DECIDERS = {
  weak: "weak symbols sort last",
  "linker script": "names that a linker script makes (__start_..., ..._end) sort behind",
  underscores: "fewer leading underscores sort first",
};
const BY_MAP = "nm lists it first, by name";
const MOST_SHOWN = 8;

const count = (number) => number.toLocaleString("en-US");
const hex = (number) => (number < 0n ? `-0x${(-number).toString(16)}` : `0x${number.toString(16)}`);
const signedHex = (number) => (number < 0n ? hex(number) : `+${hex(number)}`);
const ruleName = (rule) => `${rule.id} ${rule.slug}`;

class Explainer {
  constructor(table, words) {
    this.table = table;
    this.words = words;
  }

  value(column, row) {
    return this.table.columns[column][row];
  }

  rule(row) {
    const fate = this.value("fate", row);
    return fate >= 0 ? this.words.rules[fate] : null;
  }

  fate(row) {
    const fate = this.value("fate", row);
    return fate === KEPT ? "kept" : fate === SHADOWED ? "shadowed" : "dropped";
  }

  verdict(row) {
    const rule = this.rule(row);
    return rule ? `dropped by ${ruleName(rule)}` : this.fate(row);
  }

  section(row) {
    return this.words.sections[this.value("section", row)];
  }

  letter(row) {
    return String.fromCharCode(this.value("letter", row));
  }

  address(row) {
    return this.table.big("address", row).toString(16).padStart(this.words.bits / 4, "0");
  }

  lines(row) {
    const rule = this.rule(row);
    return [["symtab", this.entry(row)], ...this.steps(row, rule), ...this.standing(row), ...this.fix(row, rule), ...this.tracing(row), ...this.also(row)];
  }

  entry(row) {
    const { types, bindings } = this.words;
    const type = this.value("type", row);
    const binding = this.value("binding", row);
    const what = `${types[type] ?? `type ${type}`} ${bindings[binding] ?? `binding ${binding}`}`;
    const size = this.table.big("size", row);
    return `#${this.value("symbol", row)}  ${what} ${this.section(row)} ${hex(this.table.big("address", row))} size ${size}`;
  }

  // What each stage of the chain saw, up to the one that dropped the symbol.
  steps(row, rule) {
    const { stages } = this.words;
    const last = rule ? stages.indexOf(rule.stage) : stages.length - 1;
    const lines = stages.slice(0, last + 1).map((stage, index) => {
      const here = rule && index === last ? rule : null;
      return [stage, this.said(row, stage, here), here ? "dropped" : "passed"];
    });
    return [...lines, ...this.mapOnly(row)];
  }

  said(row, stage, rule) {
    const reason = rule ? rule.reason : "no rule matches";
    if (stage === "nm" && !rule) {
      return `${String.fromCharCode(this.value("nm_letter", row))}${CLASSES[this.value("kind", row)]}`;
    }
    if (stage === "read") {
      const limit = this.words.name_limit ? ` of at most ${this.words.name_limit}` : "";
      return `${new TextEncoder().encode(this.table.name(row)).length} bytes${limit}; ${reason}`;
    }
    return stage === "range" && !rule ? this.range(row) : reason;
  }

  range(row) {
    if (this.words.all_symbols) return "kept wherever it lies (--all-symbols)";
    const address = this.table.big("address", row);
    const holds = ([, , low, high]) => BigInt(low) <= address && address <= BigInt(high) && BigInt(high) > 0n;
    const region = this.words.ranges.find(holds);
    return region ? `in ${region[0]}..${region[1]}` : "kept wherever it lies, by its name (__start_, __stop_)";
  }

  mapOnly(row) {
    const rule = this.words.rules[this.value("map_rule", row)];
    return rule && !this.words.map_is_input ? [["", `(${ruleName(rule)} keeps it out of System.map only)`]] : [];
  }

  standing(row) {
    if (this.value("index", row) < 0) return [];
    const lines = [["position", this.position(row)]];
    const alike = this.value("alike", row);
    if (alike > 1) {
      const link = { text: `${count(alike)} symbols of this name`, query: `^${this.table.name(row)}$` };
      lines.push(["sympos", [`${count(this.value("sympos", row))} of `, link]]);
    }
    lines.push(["address", this.encoding(row)]);
    return [...lines, ...this.cost(row)];
  }

  position(row) {
    const text = `${count(this.value("index", row) + 1)} of ${count(this.words.kept)}`;
    if (this.value("aliases", row) < 2) return text;
    const others = this.aliases(row);
    const number = `; alias ${this.value("alias", row) + 1} of ${this.value("aliases", row)} at its address`;
    if (this.value("alias", row) === 0) {
      return [`${text}${number}, before `, ...this.links(others.slice(1))];
    }
    const decider = this.words.deciders[this.value("decider", row)];
    return [`${text}${number}: `, ...this.links([others[0]]), ` sorts first, ${DECIDERS[decider] ?? BY_MAP}`];
  }

  // The rows at a row's address that are in the tables, in table order.
  aliases(row) {
    let first = row;
    while (this.value("alias", first) !== 0) first -= 1;
    const rows = [];
    for (let at = first; rows.length < this.value("aliases", row); at += 1) {
      if (this.value("alias", at) === rows.length) rows.push(at);
    }
    return rows;
  }

  links(rows) {
    const parts = [];
    for (const row of rows.slice(0, MOST_SHOWN)) {
      parts.push(parts.length ? ", " : "", { text: this.table.name(row), row });
    }
    return rows.length > MOST_SHOWN ? [...parts, `, and ${rows.length - MOST_SHOWN} more`] : parts;
  }

  encoding(row) {
    const { form, base, problem } = this.words;
    if (problem) return `none: ${problem}`;
    const stored = this.signedStored(row);
    if (form === "base") return this.fromBase(row, stored, BigInt(base));
    if (form === "pc-relative") return `_text ${signedHex(stored)}, stored as the distance from its own entry; moves with KASLR`;
    if (this.value("moves", row)) return `_text + ${hex(stored)}, relocated with it`;
    return `${hex(BigInt.asUintN(64, stored))} as a plain number; stays where it is`;
  }

  signedStored(row) {
    return BigInt.asIntN(64, this.table.big("stored", row));
  }

  fromBase(row, stored, base) {
    const low = hex(BigInt.asUintN(32, stored));
    if (!this.value("moves", row)) return `${low} as it is: per-CPU, so its letter becomes A; stays with KASLR`;
    if (this.words.absolute_percpu) return `base ${hex(base)} + ${hex(-stored - 1n)}, stored as ${low}; moves with KASLR`;
    return `base ${hex(base)} + ${low}; moves with KASLR`;
  }

  cost(row) {
    const { widths } = this.words;
    if (!widths) return [];
    const name = this.value("bytes", row);
    const sequence = widths.sequence ? `, ${widths.sequence} sequence` : "";
    const total = widths.address + name + widths.sequence;
    const inTokens = this.tokenSequence(row);
    const tokens = inTokens ? [["tokens", inTokens, "tokens"]] : [];
    return [...tokens, ["bytes", `${total}: ${widths.address} address, ${name} name${sequence}`]];
  }

  // Put a symbol into tokens as the tables do: each pair, in the order in which the tokens were made, replaced left to right.
  tokenSequence(row) {
    const { pairs, tokens } = this.words;
    let codes = Array.from(new TextEncoder().encode(this.letter(row) + this.table.name(row)));
    for (const [code, first, second] of pairs) {
      const next = [];
      for (let i = 0; i < codes.length; i += 1) {
        const pair = codes[i] === first && codes[i + 1] === second;
        next.push(pair ? code : codes[i]);
        if (pair) i += 1;
      }
      codes = next;
    }
    const length = codes.length + (codes.length > 127 ? 2 : 1);
    const right = pairs.length && [length, codes.length + 1].includes(this.value("bytes", row));
    return right ? codes.map((code) => tokens[code]) : null;
  }

  fix(row, rule) {
    if (this.fate(row) === "shadowed") {
      return [["fix", "none needed to find it by name; by address, the kernel only ever reports the first alias"]];
    }
    if (!rule) return [];
    const stage = Object.values(this.words.rules).filter((r) => r.id === rule.id || (r.stage === rule.stage && r.stage === "range"));
    const others = stage.reduce((sum, r) => sum + r.count, 0) - 1;
    const more = rule.stage === "range" ? `; ${count(others)} other symbols come with it` : "";
    return [["fix", `${rule.fix}${more}`], ["rule", [{ text: `${count(rule.count)} symbols dropped by ${rule.id}`, fate: rule.id }]]];
  }

  // Who can trace it; of what is no code, the one reason.
  tracing(row) {
    if (!this.table.columns.ftrace) return [];
    const { trace_rules: rules, trace_questions: questions } = this.words;
    const answers = Object.keys(questions).map((name) => [questions[name], rules[this.value(name, row)]]);
    const [, first] = answers[0];
    const verdict = (rule) => (!rule ? "yes" : rule.known ? "no" : "not known");
    if (first && answers.every(([, rule]) => rule === first)) return [["trace", this.refusal(first), verdict(first)]];
    return answers.map(([asks, rule]) => [asks, rule ? this.refusal(rule) : "", verdict(rule)]);
  }

  refusal(rule) {
    return `${rule.reason} (${rule.id}); ${rule.fix}`;
  }

  // What a compiler made of a name: the same with suffixes.
  also(row) {
    const start = `\n${this.table.name(row)}.`;
    const rows = [];
    let at = start.length > 3 ? this.table.text.indexOf(start) : -1;
    while (at >= 0 && rows.length < MOST_SHOWN) {
      rows.push(this.rowAt(at + 1));
      at = this.table.text.indexOf(start, at + 1);
    }
    return rows.length ? [["also", this.links(rows)]] : [];
  }

  rowAt(offset) {
    let [low, high] = [0, this.table.rows];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.table.starts[middle] <= offset) low = middle;
      else high = middle;
    }
    return low;
  }
}
