// SPDX-License-Identifier: Apache-2.0
// Where a receipt comes from: the router's API, or a file. Nothing it says is believed here.

const ID = /^0x[0-9a-f]{64}$/;
const URN = "urn:cortensor:receipt:";

/** What could not be had, as a sentence for the reader. */
export class Missing extends Error {}

/** The receipt id in the page's address, or null where there is none. */
export function idInAddress(path) {
  const last = decodeURIComponent(path.replace(/\/+$/, "").split("/").slice(2).join("/"));
  if (!last) return null;
  const id = last.trim().toLowerCase().replace(URN, "");
  if (!ID.test(id)) throw new Missing("The address has no receipt id: 0x and 64 hex digits.");
  return id;
}

async function ask(path, grant) {
  const headers = grant ? { Authorization: `Bearer ${grant}` } : {};
  let answer;
  try {
    answer = await fetch(path, { headers, cache: "no-store", credentials: "omit" });
  } catch {
    throw new Missing("The router does not answer.");
  }
  // Not `text()`: that takes a byte order mark away, which may be the first character of an answer.
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(await answer.arrayBuffer());
  if (answer.ok) return text;
  throw new Missing(`The router refuses: ${reasonIn(text, answer.status)}`);
}

function reasonIn(text, status) {
  try {
    const { detail } = JSON.parse(text);
    if (typeof detail === "string") return detail;
  } catch {
    // Whatever is before the router answered in a form of its own.
  }
  return `status ${status}`;
}

/** What everyone may see of a receipt: the signed struct, its signature and where it is anchored. */
export const fetchSummary = async (id, grant) =>
  JSON.parse(await ask(`/api/v4/receipt/${id}`, grant));

/** The text of a receipt's bundle, for the holder of a grant. */
export const fetchBundle = (id, grant) => ask(`/api/v4/receipt/${id}?bundle=1`, grant);

/** A long text that is beside a receipt's bundle. */
export const fetchText = (id, hash, grant) => ask(`/api/v4/receipt/${id}/text/${hash}`, grant);

/** A batch with all its leaves. */
export const fetchBatch = async (root) => JSON.parse(await ask(`/api/v4/batch/${root}`));

/** The bytes of a file the reader chose. */
export async function readFile(file, most) {
  if (file.size > most) throw new Missing(`${file.name} is larger than ${most} bytes.`);
  return new Uint8Array(await file.arrayBuffer());
}
