// SPDX-License-Identifier: Apache-2.0
// The conformance vectors, each accepted or rejected for the reason it names.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { clashes } from "../../src/cortensor/receipts/js/payments.js";
import { readBundle, verifyBundle } from "../../src/cortensor/receipts/js/verify.js";
import { judge, readCase } from "./judging.js";

const VECTORS = new URL("../conformance/vectors/", import.meta.url);
const SETS = new URL("../conformance/sets/", import.meta.url);
const filesIn = (folder) => readdirSync(folder).filter((each) => each.endsWith(".json"));

for (const name of filesIn(SETS)) {
  test(name, async () => {
    const data = readCase(readFileSync(new URL(name, SETS), "utf-8"));
    const bundles = data.get("bundles").map(readBundle);
    for (const bundle of bundles) assert.notEqual((await verifyBundle(bundle)).verdict, "failed");
    const expected = data
      .get("expect")
      .get("clashes")
      .map((clash) => Object.fromEntries(clash));
    assert.deepEqual(clashes(bundles), expected);
  });
}

for (const name of filesIn(VECTORS)) {
  test(name, async () => {
    const data = readCase(readFileSync(new URL(name, VECTORS), "utf-8"));
    const expect = data.get("expect");
    const found = await judge(data);
    assert.equal(found.verdict, expect.get("verdict"));
    if (found.verdict === "malformed") {
      assert.equal(found.field, expect.get("field"));
    } else {
      const failed = found.checks
        .filter(([, status]) => status === "failed")
        .map(([check]) => check);
      assert.deepEqual(failed.sort(), expect.get("failed"));
      assert.deepEqual(found.withheld, expect.get("withheld"));
    }
  });
}
