// SPDX-License-Identifier: Apache-2.0
// The top of the page: what came out, for how much, and whether the receipt holds.

import { formatCor } from "../pricing/money.js";
import { OUTCOMES as CODES } from "../typed.js";
import { code, facts, foreign, h, meter, percent, plural, section } from "./elements.js";
import { METHODS, OUTCOMES, POLICIES, VERDICTS, WEAK, toneOf } from "./wording.js";

/** The verdict as a banner; `lines` say why. */
export function banner(verdict, lines) {
  const [tone, title, meaning, why] = VERDICTS[verdict];
  return h(
    `div.banner.${tone}`,
    {},
    h("p.verdict", {}, h("strong", {}, title), ` ${meaning}`),
    lines.length
      ? [
          h("p.why", {}, why),
          h(
            "ul",
            {},
            lines.map((line) => h("li", {}, line)),
          ),
        ]
      : null,
  );
}

const timeOf = (seconds) => {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return `unix time ${seconds}`;
  const iso = date.toISOString();
  return h("time", { datetime: iso }, `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`);
};

/** What came out; of a receipt that does not hold it is only what that claims. */
function hero(outcome, price, { answer = null, holds = true, isWeak = false } = {}) {
  const lead = isWeak ? WEAK : (OUTCOMES[outcome] ?? "An outcome this page does not know");
  return h(
    `section.hero.${holds && !isWeak ? toneOf(outcome) : "open"}`,
    { "aria-labelledby": "outcome" },
    h("p.kicker", {}, holds ? "Outcome" : "Outcome it claims"),
    h("h1", { id: "outcome" }, foreign(outcome)),
    h("p.lead", {}, lead),
    answer
      ? h(
          "figure.answer",
          {},
          h("figcaption", {}, "The answer begins"),
          foreign(answer, "blockquote"),
        )
      : null,
    h(
      "p.price",
      {},
      h("span", {}, holds ? "Charged " : "Charge it claims "),
      h("strong", {}, `${formatCor(price)} COR`),
    ),
  );
}

/** What a bundle says came out; `holds` tells whether the verifier found nothing wrong. */
export function overview({ receipt }, holds) {
  const { result, consensus, bill } = receipt;
  const total = plural("replica", consensus.replicas);
  const threshold = percent(consensus.agreement_threshold_bps);
  const rule = consensus.weighing ?? {
    strategy: consensus.strategy,
    weight_by: null,
    fallback: null,
  };
  const by = rule.weight_by ? ` by ${rule.weight_by}` : "";
  // Said of an answer that was given all the same; without one the outcome says it.
  const isWeak =
    consensus.agreement_bps < consensus.agreement_threshold_bps && consensus.winner.length > 0;
  const voting = consensus.winner.length;
  return [
    hero(result.outcome, BigInt(bill.charge), { answer: result.output_summary, holds, isWeak }),
    section(
      "decided",
      "How it was decided",
      h(
        "div.meters",
        {},
        meter(
          "Agreement",
          consensus.agreement_bps,
          `${voting} of ${total} stand behind the outcome; at least ${threshold} was asked for`,
        ),
        meter(
          "Confidence",
          consensus.confidence_bps,
          METHODS[consensus.confidence_method] ?? consensus.confidence_method,
        ),
      ),
      facts([
        ["Decided by", `${rule.strategy.replaceAll("_", " ")}${by}`],
        ["Instead of what was asked", rule.fallback ? foreign(rule.fallback) : null],
        ["Answers compared by", consensus.equivalence],
        [
          "Independent votes",
          consensus.n_eff_milli ? `worth ${consensus.n_eff_milli / 1000}` : null,
        ],
        ["Different miners", consensus.operators ?? null],
        ["Agreed value", consensus.value ?? null],
        ["Plausible range", consensus.interval ? consensus.interval.join(" to ") : null],
        ["Should replicas disagree", POLICIES[consensus.disagreement_policy]],
      ]),
    ),
  ];
}

/** What the signed struct alone says came out. */
export function summaryOverview(struct) {
  const outcome = CODES[Number(struct.outcome)] ?? `#${struct.outcome}`;
  return [
    hero(outcome, struct.charge),
    section(
      "decided",
      "How it was decided",
      h("div.meters", {}, meter("Confidence", struct.confidence_bps, "as the router signed it")),
      h(
        "p",
        {},
        "Replicas, votes, answers and the itemised bill are private. Open them below with a grant, or drop the bundle on this page.",
      ),
    ),
  ];
}

/** Ids and addresses of a bundle. */
export function factsOf({ receipt, receipt_id: id }) {
  const { chain, router, payment } = receipt;
  const isAbout = !/^0x0+$/.test(receipt.subject);
  return section(
    "facts",
    "Facts",
    facts([
      ["Receipt", code(`urn:cortensor:receipt:${id}`)],
      ["Issued", timeOf(receipt.issued_at)],
      ["Endpoint", `${receipt.endpoint}, API ${receipt.api_version}`],
      ["Payment session", code(receipt.session_id)],
      ["Task", code(receipt.task_id)],
      ["Policy tier", receipt.policy.tier ? foreign(receipt.policy.tier) : null],
      ["Router", h("span", {}, `${router.router_id}, signer `, code(router.signer))],
      ["Chain", `${chain.chain_id}`],
      ["SessionPayment", code(chain.session_payment)],
      ["ReceiptAnchor", code(chain.receipt_anchor)],
      ["Request commitment", code(receipt.request_commitment)],
      ["Subject", isAbout ? code(receipt.subject) : null],
      ["Replaces", receipt.supersedes ? code(receipt.supersedes) : null],
      [
        "Paid beside the session",
        payment
          ? h("span", {}, `${payment.scheme} on ${payment.network}, `, code(payment.transaction))
          : null,
      ],
    ]),
  );
}

/** Ids and addresses of the signed struct. */
export function summaryFacts(id, struct, chain, signer) {
  return section(
    "facts",
    "Facts",
    facts([
      ["Receipt", code(`urn:cortensor:receipt:${id}`)],
      ["Issued", timeOf(struct.issued_at)],
      ["Payment session", code(`0x${struct.session.toString(16).padStart(40, "0")}`)],
      ["Router", `${struct.session >> 128n}`],
      ["Signed by", signer ? code(signer) : "nobody"],
      ["Chain", String(chain.chain_id)],
      ["SessionPayment", code(chain.session_payment)],
      ["Request commitment", code(struct.request_commitment)],
    ]),
  );
}
