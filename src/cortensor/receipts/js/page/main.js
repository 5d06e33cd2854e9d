// SPDX-License-Identifier: Apache-2.0
// The page: read the receipt, verify it here, show it. One receipt is shown at a time.

import { MAX_BUNDLE_BYTES } from "../bundle.js";
import { loadJson } from "../canonical.js";
import { attachTexts } from "../texts.js";
import { NOT_PROVEN, Refused, loadBundle, verifyBundle } from "../verify.js";
import { anchoringOf } from "./anchoring.js";
import { billOf } from "./bill.js";
import { foreign, h } from "./elements.js";
import { banner, factsOf, overview, summaryFacts, summaryOverview } from "./overview.js";
import { replicasOf } from "./replicas.js";
import { reportOf } from "./report.js";
import {
  Missing,
  fetchBatch,
  fetchBundle,
  fetchSummary,
  fetchText,
  idInAddress,
  readFile,
} from "./source.js";
import { checkSummary } from "./summary_checks.js";
import { CHECKS } from "./wording.js";

const MAX_CARD_BYTES = 1024 * 1024;
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const ROOT = /^0x[0-9a-fA-F]{64}$/;

const byId = (id) => document.getElementById(id);
/** What is shown: the content of a bundle, the router's word on it, the id that was asked for. */
let shown = null;

function show(status, ...content) {
  byId("status").replaceChildren(status);
  byId("content").replaceChildren(...content.flat());
}

const say = (verdict, ...lines) =>
  banner(
    verdict,
    lines.map((line) => foreign(line)),
  );

/** Carry something out; whatever stops it is said on the page. */
async function attempt(action) {
  byId("status").setAttribute("aria-busy", "true");
  try {
    await action();
  } catch (error) {
    if (error instanceof Refused) show(say("malformed", error.message));
    else if (error instanceof Missing) show(h("p.alarm", {}, foreign(error.message)));
    else throw error;
  } finally {
    byId("status").removeAttribute("aria-busy");
  }
}

/** A receipt's batch, or a sentence that says why it cannot be had. */
async function batchOf({ root }) {
  if (!root) return "it is in no batch yet";
  try {
    return await fetchBatch(root);
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    return error.message; // a busy router refuses batches, and the rest still holds
  }
}

async function openSummary(id, grant) {
  const summary = await fetchSummary(id, grant);
  const { struct, signer, checks } = checkSummary(id, summary, await batchOf(summary.anchor));
  const failed = checks.filter((check) => check.status === "failed");
  document.title = `Receipt ${id.slice(0, 10)}…`;
  const proof = checks.find((check) => check.name === "proof");
  show(
    failed.length ? say("failed", ...failed.map(reasonOf)) : say("summary"),
    struct ? summaryOverview(struct) : [],
    anchoringOf(null, summary.anchor, proof),
    reportOf(checks, NOT_PROVEN),
    struct ? summaryFacts(id, struct, summary.chain, signer) : [],
  );
}

const reasonOf = ({ name, detail }) => `${CHECKS[name] ?? name}: ${detail}`;

async function trust() {
  const given = {};
  for (const [field, key, form] of [
    ["contract", "sessionPayment", ADDRESS],
    ["signer", "signer", ADDRESS],
    ["root", "root", ROOT],
  ]) {
    const value = byId(field).value.trim();
    if (!value) continue;
    if (!form.test(value))
      throw new Missing(`“${value}” is not 0x and the right number of hex digits.`);
    given[key] = value;
  }
  const [file] = byId("card").files;
  if (file) given.card = loadJson(await readFile(file, MAX_CARD_BYTES));
  return given;
}

async function showBundle() {
  const { content, status, id, name } = shown;
  const bundle = loadBundle(content);
  const found = await verifyBundle(bundle, await trust());
  const checks = [...found.checks];
  let { verdict } = found;
  if (id !== null && bundle.receipt_id !== id) {
    checks.unshift({
      name: "asked",
      status: "failed",
      detail: `the router answered with ${bundle.receipt_id}`,
    });
    verdict = "failed";
  }
  const failed = checks.filter((check) => check.status === "failed");
  const why = failed.length ? failed.map(reasonOf) : found.trustOpen.map((each) => CHECKS[each]);
  document.title = `Receipt ${bundle.receipt_id.slice(0, 10)}…`;
  const by = (each) => checks.find((check) => check.name === each);
  show(
    h("div", {}, say(verdict, ...why), sourceLine(content, bundle.receipt_id, name)),
    overview(bundle, verdict !== "failed"),
    billOf(bundle, by("bill")),
    replicasOf(bundle),
    anchoringOf(bundle.anchor, status, by("proof")),
    reportOf(checks, found.notProven),
    factsOf(bundle),
  );
}

/** Where the bundle is from, and a link to keep it. */
function sourceLine(content, id, name) {
  const url = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  const link = h(
    "a.button",
    { href: url, download: `receipt-${id.slice(2, 12)}.json` },
    "Download the bundle",
  );
  const from = name === null ? "Read from this router" : `Read from the file ${name}, offline`;
  return h("p.source", {}, h("span", {}, from), link);
}

async function openFile(file) {
  shown = {
    content: await readFile(file, MAX_BUNDLE_BYTES),
    status: null,
    id: null,
    name: file.name,
  };
  await showBundle();
  byId("receipt").focus({ preventScroll: true });
  scrollTo(0, 0);
}

async function openGranted(id, grant) {
  const [bundle, summary] = await Promise.all([fetchBundle(id, grant), fetchSummary(id, grant)]);
  const content = await attachTexts(bundle, (hash) => fetchText(id, hash, grant));
  shown = { content, status: summary.anchor, id, name: null };
  await showBundle();
}

function listen(id) {
  byId("file").addEventListener("change", ({ target }) => {
    const [file] = target.files;
    target.value = ""; // so that the same file, changed, can be chosen again
    if (file) attempt(() => openFile(file));
  });
  byId("open").addEventListener("submit", (event) => event.preventDefault());
  byId("unlock").addEventListener("submit", (event) => {
    event.preventDefault();
    const grant = byId("grant").value.trim();
    attempt(async () => {
      if (id === null) throw new Missing("There is no receipt in this page's address to open.");
      await (grant ? openGranted(id, grant) : openSummary(id, null));
    });
  });
  byId("trust").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      if (shown === null)
        throw new Missing("There is no bundle yet: drop one, or open the private part.");
      await showBundle();
    });
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    byId("drop").classList.add("over");
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) byId("drop").classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    byId("drop").classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) attempt(() => openFile(file));
  });
}

await attempt(async () => {
  let id = null;
  try {
    id = idInAddress(location.pathname);
  } finally {
    listen(id);
  }
  if (id === null) {
    show(h("p.empty", {}, "Drop a receipt's bundle on this page to verify it."));
    return;
  }
  await openSummary(id, null);
});
