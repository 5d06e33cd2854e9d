// SPDX-License-Identifier: Apache-2.0
// The conformance vectors, each accepted or rejected for the reason it names.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { judge, readCase } from "./judging.js";

const VECTORS = new URL("../conformance/vectors/", import.meta.url);

for (const name of readdirSync(VECTORS).filter((each) => each.endsWith(".json"))) {
  test(name, async () => {
    const data = readCase(readFileSync(new URL(name, VECTORS), "utf-8"));
    const expect = data.get("expect");
    const found = await judge(data);
    assert.equal(found.verdict, expect.get("verdict"));
    if (found.verdict === "malformed") {
      assert.equal(found.field, expect.get("field"));
    } else {
      const failed = found.checks.filter(([, status]) => status === "failed").map(([check]) => check);
      assert.deepEqual(failed.sort(), expect.get("failed"));
    }
  });
}
