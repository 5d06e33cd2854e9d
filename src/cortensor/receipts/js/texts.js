// SPDX-License-Identifier: Apache-2.0
// Texts that are beside a bundle, each under the hash of its UTF-8: found, and put back.

import { SECOND_FORMAT } from "./bundle.js";
import { toHex, utf8OrQuestion } from "./bytes.js";
import { canonicalText, loadJson } from "./canonical.js";
import { keccak256 } from "./keccak.js";
import { Refused } from "./refused.js";

/** Where a bundle has the hash of a text in the text's place: [the Map, its key]. */
function places(data) {
  const found = [];
  const add = (holder, key) => {
    const beside = holder instanceof Map ? holder.get(key) : null;
    if (beside instanceof Map && beside.size === 1) found.push([holder, key]);
  };
  if (!(data instanceof Map) || data.get("format") !== SECOND_FORMAT) return found;
  add(data.get("request"), "canonical");
  const evidence = data.get("evidence");
  for (const item of Array.isArray(evidence) ? evidence : []) {
    if (item instanceof Map) add(item.get("replica"), "output");
  }
  return found;
}

/**
 * A bundle's content with the texts that are beside it.
 *
 * @param {string|Uint8Array} content the bundle's file
 * @param {function(string): Promise<string|null>} textOf gives the text of a 0x-hex hash; null
 *   leaves it out
 * @returns {Promise<string|Uint8Array>} what was given, if nothing is beside it
 * @throws {Refused} it is no JSON, or a text has another hash than its name
 */
export async function attachTexts(content, textOf) {
  const data = loadJson(content);
  const texts = new Map(); // replicas that agree may have one text
  let isWhole = true;
  for (const [holder, key] of places(data)) {
    const name = holder.get(key).get("keccak256");
    if (typeof name !== "string") continue;
    if (!texts.has(name)) texts.set(name, await textOf(name));
    const text = texts.get(name);
    if (text === null) continue;
    if (toHex(keccak256(utf8OrQuestion(text))) !== name) {
      throw new Refused("has another hash than its name", name);
    }
    holder.set(key, text);
    isWhole = false;
  }
  return isWhole ? content : canonicalText(data);
}
