// SPDX-License-Identifier: Apache-2.0
// Who ran it and how they voted, with what each answered where that is shown.

import { isDetached } from "../bundle.js";
import { code, foreign, h, plural, section, table } from "./elements.js";

const COLUMNS = [
  ["#"],
  ["Vote"],
  ["Stands"],
  ["Model and miner"],
  ["Tokens", "number"],
  ["Time", "number"],
];

function voteOf(replica) {
  if (replica.status !== "OK") return `none: ${replica.status.toLowerCase()}`;
  if (replica.verdict !== null) return foreign(replica.verdict);
  if (replica.value !== undefined && replica.value !== null) return replica.value;
  return replica.cluster === null ? "none" : `answer ${replica.cluster + 1}`;
}

function standing({ index, status }, { winner, dissent }) {
  if (winner.includes(index)) return h("span.pill.good", {}, "with the outcome");
  if (dissent.includes(index)) return h("span.pill.bad", {}, "against it");
  return h("span.pill.open", {}, status === "OK" ? "no vote" : "delivered nothing");
}

function minerOf({ miner, miner_signature: signature }) {
  if (miner === null) return "miner not stated";
  const told = signature ? "by a miner who signed it: " : "by ";
  return [told, h("code", {}, foreign(miner))];
}

function row(replica, consensus) {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, String(replica.index)),
    h("td.vote", {}, voteOf(replica), replica.late ? " (late)" : ""),
    h("td", {}, standing(replica, consensus)),
    h("td", {}, foreign(replica.model), h("span.reason", {}, minerOf(replica))),
    h(
      "td.number",
      {},
      `${replica.input_units} in`,
      h("span.reason", {}, `${replica.output_units} out`),
    ),
    h("td.number", {}, `${replica.latency_ms} ms`),
  );
}

function answer({ replica }) {
  const { output } = replica;
  let shown = h("p", {}, "It delivered no answer.");
  if (isDetached(output))
    shown = h("p", {}, "The text is beside the bundle: ", code(output.keccak256));
  else if (output !== null) shown = foreign(output, "pre");
  return h("details", {}, h("summary", {}, `Answer of replica ${replica.index}`), shown);
}

/** The replicas of a bundle. */
export function replicasOf({ receipt, evidence, request }) {
  const { consensus, attempts } = receipt;
  const hidden = receipt.replicas.length - evidence.length;
  const missing = consensus.replicas_requested - receipt.replicas.length;
  const canonical = request === null ? null : request.canonical;
  return section(
    "replicas",
    "Replicas and votes",
    table(
      `${plural("replica", receipt.replicas.length)} of ${consensus.replicas_requested} asked for`,
      COLUMNS,
      receipt.replicas.map((replica) => row(replica, consensus)),
    ),
    missing > 0
      ? h("p.hint", {}, `${plural("replica", missing)} never ran: see the rebates.`)
      : null,
    attempts
      ? h(
          "p.hint",
          {},
          `${plural("further attempt", attempts.length)} failed or came second; nobody is billed for them.`,
        )
      : null,
    hidden > 0
      ? h(
          "p.hint",
          {},
          `${plural("answer", hidden)} not shown in this bundle, as its holder chose.`,
        )
      : null,
    evidence.map(answer),
    typeof canonical === "string"
      ? h("details", {}, h("summary", {}, "The request"), foreign(indented(canonical), "pre"))
      : h("p.hint", {}, "The request is not shown in this bundle."),
  );
}

function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
