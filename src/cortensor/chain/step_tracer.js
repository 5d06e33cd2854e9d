// SPDX-License-Identifier: Apache-2.0
// Runs inside a node, by debug_traceTransaction: what cortensor.gas.trace.Trace holds.
{
  ops: [], gas: [], pcs: [], enters: [], details: [], ends: [],
  depth: 0, opened: [],
  step: function (log) {
    var n = this.ops.length, op = log.op.toNumber(), depth = log.getDepth();
    if (depth !== this.depth) {
      this.depth = depth;
      this.enters.push([n, depth, toHex(log.contract.getAddress())]);
    }
    this.ops.push(op);
    this.gas.push(log.getGas());
    this.pcs.push(log.getPC());
    var hex = function (place) { return log.stack.peek(place).toString(16); };
    var number = function (place) { return parseInt(hex(place), 16); };
    if (op === 0x54 || op === 0x31 || op === 0x3b || op === 0x3f) {
      this.details.push([n, [hex(0)]]);
    } else if (op === 0x55) {
      this.details.push([n, [hex(0), hex(1)]]);
    } else if (op === 0x3c) {
      this.details.push([n, [hex(0), hex(3)]]);
    } else if (op === 0x20) {
      if (number(1) === 64) {
        var at = number(0);
        if (at + 64 <= log.memory.length()) {
          this.details.push([n, [toHex(log.memory.slice(at, at + 64)).slice(2)]]);
        }
      }
    } else if (op >= 0xa0 && op <= 0xa4) {
      this.details.push([n, [hex(1)]]);
    } else if (op === 0xf1 || op === 0xf2) {
      this.details.push([n, [hex(1), hex(2)]]);
    } else if (op === 0xf4 || op === 0xfa) {
      this.details.push([n, [hex(1), "0"]]);
    } else if (op === 0xf3 || op === 0xfd) {
      this.details.push([n, [hex(0), hex(1), log.memory.length().toString(16)]]);
    }
  },
  fault: function () {},
  enter: function () { this.opened.push(this.ops.length); },
  exit: function (result) {
    // A call of an account without code, or of a precompile, has no steps.
    if (this.opened.pop() < this.ops.length) {
      this.ends.push([this.ops.length - 1, result.getGasUsed(), !!result.getError()]);
    }
  },
  result: function () {
    return {
      ops: this.ops, gas: this.gas, pcs: this.pcs,
      enters: this.enters, details: this.details, ends: this.ends
    };
  }
}
