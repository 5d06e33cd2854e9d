// SPDX-License-Identifier: Apache-2.0
// Keccak-256 with Ethereum's padding (0x01, not SHA3-256's 0x06). A lane is two 32-bit halves.

const RATE = 136; // bytes of the state that a block fills: 200 - 2 * 32
const ROUNDS = 24;

// Rotations and destinations of rho and pi, walked along pi's one cycle of 24 lanes.
const ROTATIONS = [];
const TARGETS = [];
for (let x = 1, y = 0, turn = 1; turn <= 24; turn += 1) {
  [x, y] = [y, (2 * x + 3 * y) % 5];
  ROTATIONS.push(((turn * (turn + 1)) / 2) % 64);
  TARGETS.push(x + 5 * y);
}

// Round constants, low and high half, from the degree-8 shift register of the standard.
const CONSTANTS = [];
for (let round = 0, register = 1; round < ROUNDS; round += 1) {
  const halves = [0, 0];
  for (let j = 0; j < 7; j += 1) {
    const bit = 2 ** j - 1;
    if (register & 1) halves[bit >> 5] |= 1 << (bit & 31);
    register = (register << 1) ^ (register & 0x80 ? 0x171 : 0);
  }
  CONSTANTS.push(halves);
}

const sumLo = new Int32Array(5);
const sumHi = new Int32Array(5);

/** One permutation of the state, in place. */
function permute(lo, hi) {
  for (let round = 0; round < ROUNDS; round += 1) {
    mixColumns(lo, hi);
    turnLanes(lo, hi);
    for (let row = 0; row < 25; row += 5) {
      mixRow(lo, row);
      mixRow(hi, row);
    }
    lo[0] ^= CONSTANTS[round][0];
    hi[0] ^= CONSTANTS[round][1];
  }
}

function mixColumns(lo, hi) {
  for (let x = 0; x < 5; x += 1) {
    sumLo[x] = lo[x] ^ lo[x + 5] ^ lo[x + 10] ^ lo[x + 15] ^ lo[x + 20];
    sumHi[x] = hi[x] ^ hi[x + 5] ^ hi[x + 10] ^ hi[x + 15] ^ hi[x + 20];
  }
  for (let x = 0; x < 5; x += 1) {
    const before = (x + 4) % 5;
    const after = (x + 1) % 5;
    const mixLo = sumLo[before] ^ ((sumLo[after] << 1) | (sumHi[after] >>> 31));
    const mixHi = sumHi[before] ^ ((sumHi[after] << 1) | (sumLo[after] >>> 31));
    for (let lane = x; lane < 25; lane += 5) {
      lo[lane] ^= mixLo;
      hi[lane] ^= mixHi;
    }
  }
}

function turnLanes(lo, hi) {
  let carriedLo = lo[1];
  let carriedHi = hi[1];
  for (let step = 0; step < 24; step += 1) {
    const target = TARGETS[step];
    const shift = ROTATIONS[step] & 31;
    const isLong = ROTATIONS[step] >= 32;
    const a = isLong ? carriedHi : carriedLo;
    const b = isLong ? carriedLo : carriedHi;
    carriedLo = lo[target];
    carriedHi = hi[target];
    lo[target] = shift ? (a << shift) | (b >>> (32 - shift)) : a;
    hi[target] = shift ? (b << shift) | (a >>> (32 - shift)) : b;
  }
}

function mixRow(half, row) {
  const a = half[row];
  const b = half[row + 1];
  const c = half[row + 2];
  const d = half[row + 3];
  const e = half[row + 4];
  half[row] = a ^ (~b & c);
  half[row + 1] = b ^ (~c & d);
  half[row + 2] = c ^ (~d & e);
  half[row + 3] = d ^ (~e & a);
  half[row + 4] = e ^ (~a & b);
}

/** The 32-byte hash of bytes. */
export function keccak256(data) {
  const padded = new Uint8Array((Math.floor(data.length / RATE) + 1) * RATE);
  padded.set(data);
  padded[data.length] ^= 0x01;
  padded[padded.length - 1] ^= 0x80;
  const view = new DataView(padded.buffer);
  const lo = new Int32Array(25);
  const hi = new Int32Array(25);
  for (let block = 0; block < padded.length; block += RATE) {
    for (let lane = 0; lane < RATE / 8; lane += 1) {
      lo[lane] ^= view.getInt32(block + 8 * lane, true);
      hi[lane] ^= view.getInt32(block + 8 * lane + 4, true);
    }
    permute(lo, hi);
  }
  const hash = new Uint8Array(32);
  const out = new DataView(hash.buffer);
  for (let lane = 0; lane < 4; lane += 1) {
    out.setInt32(8 * lane, lo[lane], true);
    out.setInt32(8 * lane + 4, hi[lane], true);
  }
  return hash;
}
