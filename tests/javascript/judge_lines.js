// SPDX-License-Identifier: Apache-2.0
// Judges one case a line of standard input, and says what it found, one line each.

import { createInterface } from "node:readline";
import { judge, readCase } from "./judging.js";

for await (const line of createInterface({ input: process.stdin })) {
  let found;
  try {
    found = await judge(readCase(line));
  } catch (error) {
    found = { verdict: "crashed", reason: error.stack };
  }
  process.stdout.write(`${JSON.stringify(found)}\n`);
}
