// SPDX-License-Identifier: Apache-2.0
// Who signed a digest: public-key recovery on secp256k1, in BigInt. Nothing here is secret, so
// nothing needs constant time.

import { toBigInt, toHex } from "./bytes.js";
import { keccak256 } from "./keccak.js";
import { Refused } from "./refused.js";

const P = 2n ** 256n - 2n ** 32n - 977n;
const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const G = {
  x: 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n,
  y: 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n,
  z: 1n,
};
const NOWHERE = { x: 0n, y: 1n, z: 0n }; // the point at infinity, in Jacobian coordinates
const SIGNATURE_BYTES = 65;
const V_OFFSET = 27;

const mod = (value, by = P) => ((value % by) + by) % by;

function power(base, exponent) {
  let result = 1n;
  for (let left = exponent, square = mod(base); left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

/** The inverse of a value by a prime, by Euclid's algorithm. */
function inverse(value, by) {
  let [a, b] = [mod(value, by), by];
  let [x, y] = [1n, 0n];
  while (a > 1n) {
    const quotient = b / a;
    [a, b] = [b - quotient * a, a];
    [x, y] = [y - quotient * x, x];
  }
  return mod(x, by);
}

function double(p) {
  if (p.z === 0n || p.y === 0n) return NOWHERE;
  const yy = (p.y * p.y) % P;
  const s = (4n * p.x * yy) % P;
  const m = (3n * p.x * p.x) % P;
  const x = mod(m * m - 2n * s);
  return { x, y: mod(m * (s - x) - 8n * yy * yy), z: (2n * p.y * p.z) % P };
}

function add(p, q) {
  if (p.z === 0n) return q;
  if (q.z === 0n) return p;
  const pz = (p.z * p.z) % P;
  const qz = (q.z * q.z) % P;
  const u = (p.x * qz) % P;
  const s = (p.y * qz * q.z) % P;
  const h = mod(q.x * pz - u);
  const r = mod(q.y * pz * p.z - s);
  if (h === 0n) return r === 0n ? double(p) : NOWHERE;
  const hh = (h * h) % P;
  const hhh = (hh * h) % P;
  const x = mod(r * r - hhh - 2n * u * hh);
  return { x, y: mod(r * (u * hh - x) - s * hhh), z: (h * p.z * q.z) % P };
}

/** a * p + b * q, doubling once for both. */
function combine(a, p, b, q) {
  const both = add(p, q);
  let sum = NOWHERE;
  for (let bit = 255n; bit >= 0n; bit -= 1n) {
    sum = double(sum);
    const [inA, inB] = [(a >> bit) & 1n, (b >> bit) & 1n];
    if (inA && inB) sum = add(sum, both);
    else if (inA) sum = add(sum, p);
    else if (inB) sum = add(sum, q);
  }
  return sum;
}

function hash64(x, y) {
  const bytes = new Uint8Array(64);
  for (let i = 31, a = x, b = y; i >= 0; i -= 1, a >>= 8n, b >>= 8n) {
    bytes[i] = Number(a & 255n);
    bytes[32 + i] = Number(b & 255n);
  }
  return keccak256(bytes);
}

/**
 * The lower-case 0x address that signed a digest. One receipt has one valid signature: `s` must be
 * in the lower half and `v` 27 or 28.
 *
 * @param {Uint8Array} digest 32 bytes
 * @param {Uint8Array} signature r | s | v, 65 bytes
 */
export function recover(digest, signature) {
  const v = signature[SIGNATURE_BYTES - 1] - V_OFFSET;
  if (signature.length !== SIGNATURE_BYTES || (v !== 0 && v !== 1)) {
    throw new Refused("must have 65 bytes and v 27 or 28", "signature");
  }
  const r = toBigInt(signature.slice(0, 32));
  const s = toBigInt(signature.slice(32, 64));
  if (s > N / 2n) throw new Refused("s is in the upper half", "signature");
  const nobody = new Refused("recovers no signer", "signature");
  if (r === 0n || r >= N || s === 0n) throw nobody;
  const square = (r * r * r + 7n) % P;
  const root = power(square, (P + 1n) / 4n);
  if ((root * root) % P !== square) throw nobody;
  const y = (root & 1n) === BigInt(v) ? root : P - root;
  const over = inverse(r, N);
  const key = combine(mod(-toBigInt(digest) * over, N), G, (s * over) % N, { x: r, y, z: 1n });
  if (key.z === 0n) throw nobody;
  const z = inverse(key.z, P);
  const zz = (z * z) % P;
  return toHex(hash64((key.x * zz) % P, (key.y * zz * z) % P).slice(12));
}
