// SPDX-License-Identifier: Apache-2.0
// The bill as a payer reads it: each line with the rate and the amount it is taken of.

import {
  CONSENSUS_METHODS,
  DISAGREEMENT_POLICIES,
  SLA_TIERS,
  unpackTerms,
  unpackUsage,
} from "../pricing/job_words.js";
import { formatCor } from "../pricing/money.js";
import { Refused } from "../refused.js";
import { foreign, h, percent, plural, section, table } from "./elements.js";

const nameOf = (names, code) => (names[code] ?? `#${code}`).replaceAll("_", " ");

/** Line -> its title and what it is made of. */
function explain({ card, surcharge_bps: posted, receipt }) {
  const { bill } = receipt;
  const terms = unpackTerms(bill.terms);
  const usage = unpackUsage(bill.usage);
  const { model_class: modelClass, replicas } = terms;
  const per = (rates) => `${formatCor(rates[modelClass] ?? 0n)} COR`;
  const threshold = (card.threshold_bps * terms.agreement_threshold_bps) / 10_000n;
  const method = card.consensus_bps[terms.consensus_method] ?? 0n;
  const policy = card.disagreement_bps[terms.disagreement_policy] ?? 0n;
  const applied = posted < terms.surcharge_cap_bps ? posted : terms.surcharge_cap_bps;
  const faults = [
    ["failed", usage.failed_replicas, card.failed_rebate_bps],
    ["late", usage.late_replicas, card.late_rebate_bps],
    ["missing", usage.missing_replicas, card.missing_rebate_bps],
  ]
    .filter(([, count]) => count)
    .map(
      ([fault, count, bps]) =>
        `${percent(bps)} of the share of ${plural(`${fault} replica`, count)}`,
    );
  const volume = card.volume_rebate_bps[terms.volume_tier] ?? 0n;
  if (volume) faults.push(`${percent(volume)} for volume`);
  return {
    base: [
      "Work",
      `${plural("replica", replicas)} at ${formatCor(card.task_wei)} COR, ${usage.input_units} tokens in at ` +
        `${per(card.input_unit_wei)}, ${usage.output_units} tokens out at ${per(card.output_unit_wei)}`,
    ],
    sla: [
      "Service level",
      `${nameOf(SLA_TIERS, terms.sla_tier)}: ${percent(card.sla_bps[terms.sla_tier] ?? 0n)} of the work`,
    ],
    depth: ["Depth", "steps and tool calls beyond one answer"],
    redundancy: [
      "Redundancy",
      `${percent(card.redundancy_bps[(replicas - 1n) / 2n] ?? 0n)} for ${plural("replica", replicas)}`,
    ],
    consensus: [
      "Consensus",
      `${percent(method)} for ${nameOf(CONSENSUS_METHODS, terms.consensus_method)}, ${percent(policy)} for ` +
        `${nameOf(DISAGREEMENT_POLICIES, terms.disagreement_policy)}, about ${percent(threshold)} for the threshold`,
    ],
    validation: ["Validation", "validators over the result"],
    surcharge: [
      "Congestion",
      `${percent(applied)}: ${percent(posted)} posted, ${percent(terms.surcharge_cap_bps)} is the most you accepted`,
    ],
    rebates: ["Given back", faults.join(", ") || "no faults, no volume"],
  };
}

const decimalsOf = (text) => (text.split(".")[1] ?? "").length;

/** An amount with as many decimals as the others have, so that they stand under each other. */
function amount(text, decimals) {
  const zeros = decimals - decimalsOf(text);
  if (!zeros) return text;
  return [
    text.includes(".") || !decimals ? text : `${text}.`,
    h("span.zeros", {}, "0".repeat(zeros)),
  ];
}

/** The bill of a bundle; `check` is what the verifier says of it. */
export function billOf(bundle, check) {
  const { lines, charge } = bundle.receipt.bill;
  let reasons;
  try {
    reasons = explain(bundle);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    reasons = {};
  }
  const names = Object.keys(lines);
  const used = names.filter((name) => lines[name] !== "0");
  const total = formatCor(BigInt(charge));
  const amounts = used.map((name) => formatCor(BigInt(lines[name])));
  const decimals = Math.max(...[total, ...amounts].map(decimalsOf));
  const rows = used.map((name, i) => {
    const [title, reason] = reasons[name] ?? [name, ""];
    const sign = name === "rebates" ? "−" : "";
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, title, h("span.reason", {}, reason)),
      h("td.number", {}, amount(sign + amounts[i], decimals)),
    );
  });
  const free = names
    .filter((name) => lines[name] === "0" && name !== "rebates")
    .map((name) => (reasons[name] ?? [name])[0].toLowerCase());
  const foot = h(
    "tr",
    {},
    h("th", { scope: "row" }, "Charged"),
    h("td.number", {}, amount(total, decimals)),
  );
  return section(
    "bill",
    "Bill",
    table(
      `What it cost, by rate card ${bundle.receipt.bill.version}`,
      [["For"], ["COR", "number"]],
      rows,
      foot,
    ),
    free.length ? h("p.hint", {}, `Nothing for ${free.join(", ")}.`) : null,
    check.status === "failed"
      ? h("p.alarm", {}, "The bill does not hold: ", foreign(check.detail))
      : h(
          "p.hint",
          {},
          "Recomputed here from the card, the terms and the usage: it is right to the last wei.",
        ),
  );
}
