// SPDX-License-Identifier: Apache-2.0
// The kinds of fields in a receipt body: each value has one spelling.

import { int, list, str } from "./schema.js";

const SAFE = Number.MAX_SAFE_INTEGER;

export const hex32 = str({ pattern: "^0x[0-9a-f]{64}$", max: 66 });
export const address = str({ pattern: "^0x[0-9a-f]{40}$", max: 42 });
export const sessionId = address;
export const taskId = str({ pattern: "^0x[0-9a-f]{32}$", max: 34 });
export const packedWord = str({ pattern: "^0x(0|[1-9a-f][0-9a-f]*)$(?!\\n)", max: 66 });
export const intText = str({ pattern: "^(0|-?[1-9][0-9]*)$(?!\\n)", max: 78 });
export const wei = str({ pattern: "^(0|[1-9][0-9]*)$(?!\\n)", max: 78 });
export const uint = int(0, SAFE);
export const positive = int(1, SAFE);
export const safeInt = int(-SAFE, SAFE);
export const bps = int(0, 10_000);
export const uint16 = int(0, 2 ** 16 - 1);
export const uint32 = int(0, 2 ** 32 - 1);
export const index = int(0, 255);
export const name = str({ min: 1, max: 200 });
export const text = str({ max: 200 });
/** r | s | v of secp256k1. */
export const signature = str({ pattern: "^0x[0-9a-f]{130}$", max: 132 });
/** A chain by CAIP-2, such as eip155:8453. */
export const network = str({ pattern: "^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$", max: 41 });
export const range = list(intText, { min: 2, max: 2 });
