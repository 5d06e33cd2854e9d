#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Verifies a bundle from the command line, offline and without Python:
//   node verify_receipt.mjs FILE [--session-payment ADDRESS] [--signer ADDRESS] [--root HEX]
//     [--card FILE] [--json]
// Texts beside the bundle are taken from FILE.bodies/0x….txt.
// Exit codes: 0 verified, 1 failed, 2 bad input, 3 consistent, as `cortensor receipt verify` has them.

import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { loadJson } from "./canonical.js";
import { plain } from "./plain.js";
import { attachTexts } from "./texts.js";
import { CONSISTENT, FAILED, NOT_PROVEN, Refused, VERIFIED, verify } from "./verify.js";

const BAD_INPUT = 2;
const HASH = /^0x[0-9a-f]{64}$/;
const EXIT_CODES = { [VERIFIED]: 0, [FAILED]: 1, [CONSISTENT]: 3 };
const OPTIONS = {
  "session-payment": { type: "string" },
  signer: { type: "string" },
  root: { type: "string" },
  card: { type: "string" },
  json: { type: "boolean" },
};

/** A bundle that is none, as a verification with one failed check. */
const malformed = (error) => ({
  verdict: FAILED,
  ok: false,
  receiptId: "",
  checks: [{ name: "format", status: FAILED, detail: error.message, value: null }],
  trustOpen: [],
  withheld: [],
  notProven: NOT_PROVEN,
});

function show(found) {
  const open = found.verdict === CONSISTENT ? `, trust open: ${found.trustOpen.join(", ")}` : "";
  console.log(`${found.verdict.toUpperCase()}${open} ${found.receiptId}`);
  for (const { name, status, detail } of found.checks) {
    console.log(`${status.replace("_", " ").padEnd(12)} ${name.padEnd(11)} ${plain(detail)}`);
  }
  console.log("Not proven by any receipt:");
  for (const point of found.notProven) console.log(`- ${point}`);
}

/** A text of the folder beside a file, or null. */
function textBeside(file, hash) {
  const path = `${file}.bodies/${hash}.txt`;
  return HASH.test(hash) && existsSync(path) ? readFileSync(path, "utf8") : null;
}

async function main() {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  if (positionals.length !== 1) throw new Error("give one bundle file");
  const trust = {
    sessionPayment: values["session-payment"],
    signer: values.signer,
    root: values.root,
    card: values.card === undefined ? undefined : loadJson(readFileSync(values.card)),
  };
  const [file] = positionals;
  const content = readFileSync(file);
  let found;
  try {
    found = await verify(await attachTexts(content, (hash) => textBeside(file, hash)), trust);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    found = malformed(error);
  }
  if (values.json) console.log(JSON.stringify(found, null, 2));
  else show(found);
  return EXIT_CODES[found.verdict];
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`unreadable: ${error.message}`);
  process.exitCode = BAD_INPUT;
}
