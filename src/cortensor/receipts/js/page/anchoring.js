// SPDX-License-Identifier: Apache-2.0
// Where the receipt stands on its way to the chain: what its bundle proves, and what the router says.

import { formatCor } from "../pricing/money.js";
import { code, facts, h, section } from "./elements.js";
import { ANCHOR_STATES } from "./wording.js";

const STEPS = { waiting: 0, built: 1, sent: 2, confirmed: 3 };
const MEANING = {
  waiting: "It is signed and durable, and waits for the next batch.",
  built: "It is in a batch that is not sent yet.",
  sent: "Its batch is sent, and not confirmed yet.",
  confirmed: "The router says that its batch is on chain.",
};

const FINALITY = {
  soft: "soft: its block is new, and can still be undone",
  safe: "safe: its block is unlikely to be undone",
  hard: "hard: its block is final",
};

/**
 * @param {?Object} anchor of a bundle
 * @param {?Object} status the router's word, null offline
 * @param check the verifier's `proof`
 */
export function anchoringOf(anchor, status, check) {
  const state = status?.state ?? (anchor === null ? "waiting" : "confirmed");
  const reached = STEPS[state] ?? 0;
  const place = anchor ?? status ?? {};
  const isProven = check?.status === "proven";
  const told =
    status === null && anchor !== null
      ? "The bundle says that its batch is on chain."
      : (MEANING[state] ?? "");
  return section(
    "anchor",
    "Anchor and settlement",
    h(
      "ol.steps",
      {},
      ANCHOR_STATES.map((name, step) =>
        h(
          `li${step <= reached ? ".done" : ""}`,
          step === reached ? { "aria-current": "step" } : {},
          name,
        ),
      ),
    ),
    h(
      "p",
      {},
      told,
      isProven
        ? " That it is part of this batch was proven here; that the batch is on chain takes a node of the chain."
        : "",
    ),
    facts([
      ["Batch root", place.root ? code(place.root) : null],
      ["Number in its session", place.index ?? null],
      [
        "Session's total so far",
        place.cumulative ? `${formatCor(BigInt(place.cumulative))} COR` : null,
      ],
      ["Receipts in the batch", anchor?.count ?? null],
      ["Transaction", place.tx_hash ? code(place.tx_hash) : null],
      ["Finality, by the router's word", FINALITY[status?.finality] ?? null],
    ]),
  );
}
