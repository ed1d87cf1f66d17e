// SPDX-License-Identifier: GPL-2.0-or-later
// The columns of the page: base64 that was deflated, back to typed arrays. See elfsyms/report/encode.py.

const ARRAYS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, i1: Int8Array, i2: Int16Array, i4: Int32Array };

async function inflate(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

// Make a column of its bytes; one that was stored as differences is summed up, modulo 2**32.
function column(buffer, rows, { type, offset, differences }) {
  const values = new ARRAYS[type](buffer, offset, rows);
  if (differences) for (let row = 1; row < rows; row += 1) values[row] += values[row - 1];
  return values;
}

class Table {
  constructor(buffer, manifest) {
    this.rows = manifest.rows;
    this.columns = {};
    for (const one of manifest.columns) this.columns[one.name] = column(buffer, this.rows, one);
    this.text = new TextDecoder().decode(new Uint8Array(buffer, manifest.names));
    this.starts = this.lineStarts();
  }

  // Where each name begins in the text; one more, for the end of the last.
  lineStarts() {
    const starts = new Uint32Array(this.rows + 1);
    let at = 0;
    for (let row = 1; row <= this.rows; row += 1) {
      at = this.text.indexOf("\n", at) + 1;
      starts[row] = at;
    }
    return starts;
  }

  name(row) {
    return this.text.slice(this.starts[row], this.starts[row + 1] - 1);
  }

  // A function of a row for its number, as near as a plain one comes: exact up to 2**53.
  numbers(name) {
    const [low, high] = [this.columns[name], this.columns[`${name}_high`]];
    return high ? (row) => high[row] * 2 ** 32 + low[row] : (row) => low[row];
  }

  // A number of 64 bits, whose high half has a column of its own where any needs it.
  big(name, row) {
    const high = this.columns[`${name}_high`];
    const low = BigInt(this.columns[name][row]);
    return high ? (BigInt(high[row]) << 32n) | low : low;
  }
}
