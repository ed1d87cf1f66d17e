// SPDX-License-Identifier: GPL-2.0-or-later
// Regular expressions, looked for by a worker: one that takes for ever, as /(a+)+$/ does, can be stopped there alone.

const PATIENCE = 2000; // milliseconds without a word from the worker at work, after which it is stopped

// What the worker runs; its text is its script. It tells of the rows found each moment, and of the end.
function expressionWorker() {
  const MOMENT = 30;
  let text;
  let starts;

  // The rows of a block in which an expression finds something.
  function look(pattern, first, end, found) {
    const part = text.slice(starts[first], starts[end]);
    let row = first;
    let match;
    for (pattern.lastIndex = 0; row < end && (match = pattern.exec(part)); ) {
      while (row < end && starts[row + 1] - starts[first] <= match.index) row += 1;
      if (row < end) found.push(row);
      row += 1;
      if (row < end) pattern.lastIndex = starts[row] - starts[first];
    }
  }

  onmessage = ({ data }) => {
    if (data.text !== undefined) return void ({ text, starts } = data);
    const { pattern, block } = data;
    const rows = starts.length - 1;
    let found = [];
    let told = performance.now();
    postMessage({ found }); // from here on it counts how long this takes
    for (let first = 0; first < rows; first += block) {
      look(pattern, first, Math.min(first + block, rows), found);
      if (performance.now() - told < MOMENT) continue;
      postMessage({ found });
      [found, told] = [[], performance.now()];
    }
    postMessage({ found, done: true });
  };
}

// The searches by regular expressions of a table, one at a time; the worker lives on for the next one.
class ExpressionSearch {
  constructor(table) {
    this.table = table;
    this.done = true;
    this.problem = ""; // why there is no answer
  }

  // Begin; `take` gets each row found, ascending, as they come.
  start(pattern, block, take) {
    this.cancel();
    [this.done, this.problem, this.heard] = [false, "", Infinity];
    try {
      this.worker ??= this.make();
    } catch {
      return this.refuse();
    }
    this.worker.onmessage = ({ data: { found, done } }) => {
      this.heard = performance.now();
      found.forEach(take);
      this.done = Boolean(done);
    };
    this.worker.onerror = () => this.refuse();
    this.worker.postMessage({ pattern, block });
  }

  make() {
    const { text, starts } = this.table;
    const script = new Blob([`(${expressionWorker})()`], { type: "text/javascript" });
    const worker = new Worker(URL.createObjectURL(script));
    worker.postMessage({ text, starts });
    return worker;
  }

  // Tell whether the search is over; end it, if the worker has not been heard of for too long.
  over() {
    if (!this.done && performance.now() - this.heard > PATIENCE) {
      this.end("This regular expression takes too long on these names. A simpler one, a glob or words may do.");
    }
    return this.done;
  }

  refuse() {
    this.end("This browser does not let a page search by regular expressions. Globs and words will do.");
  }

  end(problem) {
    this.cancel();
    this.problem = problem;
  }

  // Give up a search that goes on, and with it the worker, which does not listen meanwhile.
  cancel() {
    if (!this.done) {
      this.worker?.terminate();
      this.worker = undefined;
    }
    this.done = true;
  }
}
