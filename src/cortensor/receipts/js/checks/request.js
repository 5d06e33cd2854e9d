// SPDX-License-Identifier: Apache-2.0
// The check of the request: what was asked, as the caller sent it, against what the receipt says.
// What the caller left out has the API's defaults, which are restated here.

import {
  WORD_BYTES,
  concat,
  fromHex,
  isWellFormed,
  toHex,
  utf8,
  utf8OrQuestion,
} from "../bytes.js";
import { isDetached } from "../bundle.js";
import { canonicalText } from "../canonical.js";
import { DEFAULT_LEAST_BPS } from "../consensus/arbitration.js";
import { EMBEDDING, POI_DISPERSION_BPS } from "../consensus/likeness.js";
import { NUMERIC } from "../consensus/numeric.js";
import { Float, checkNesting, integer, readJson } from "../json.js";
import { keccak256 } from "../keccak.js";
import { Refused } from "../refused.js";
import { any, int, list, str, struct } from "../schema.js";
import { tuple } from "../words.js";
import { differ, judge, notChecked } from "./check.js";
import { ADAPTIVE, planOf, withTier } from "./tiers.js";

const NAME = "request";
const NO_SUBJECT = `0x${"00".repeat(32)}`;
const MAX_DEPTH = 65; // a body nests 64 deep at most, and is in an object
const NUMBERS = {
  int(text) {
    // RFC 8785 writes 1e20 with all its digits; its own integers end at 2^53 - 1.
    const value = integer(text);
    return typeof value === "bigint" ? new Float(Number(text)) : value;
  },
  float(text) {
    if (/[NI]/.test(text)) throw new Refused(`number ${text.slice(0, 40)} is not an integer`, "$");
    return new Float(Number(text));
  },
};

const number = int();
const text = str();
const open = (fields) => struct(fields, { isOpen: true });
const maybe = (shape) => shape.orNull().optional(null);

const scoreAsked = open({
  field: maybe(text),
  decimals: number.optional(0),
  tolerance: number.optional(0),
  lowest: maybe(number),
  highest: maybe(number),
});
const NO_SCORE = { field: null, decimals: 0, tolerance: 0, lowest: null, highest: null };
const consensusAsked = open({
  replicas: number.optional(1),
  min_replicas: maybe(number),
  session_pool: maybe(list(text)),
  strategy: text.optional("majority"),
  disagreement_policy: text.optional("return_all"),
  agreement_threshold_bps: number.optional(5001),
  equivalence: maybe(text),
  tolerance_millionths: maybe(number),
  dispersion_bps: maybe(number),
  weight_by: maybe(text),
  non_votes: text.optional("abstain"),
  score: maybe(scoreAsked),
  least_confidence_bps: maybe(number),
});
const call = struct({
  api_version: text,
  endpoint: text,
  request: open({
    session_id: text,
    consensus: consensusAsked.optional(consensusAsked.convert(new Map(), "$")),
    policy: open({ tier: maybe(text) }).optional({ tier: null }),
    max_tokens: maybe(number),
    mode: text.optional("validation"),
    sampling: maybe(open({ temperature_bps: maybe(number), seed: maybe(number) })),
    tool_trace: maybe(list(any)),
    subject: maybe(text),
  }),
});

export function checkRequest(bundle) {
  if (bundle.request === null) return notChecked("the request is not shown");
  const { canonical, salt } = bundle.request;
  if (isDetached(canonical)) return notChecked(`the text ${canonical.keccak256} is not here`);
  const body = bundle.receipt;
  const bytes = concat(fromHex(salt, WORD_BYTES, "request.salt"), utf8OrQuestion(canonical));
  const commitment = toHex(keccak256(bytes));
  const problems = differ(
    "request_commitment",
    body.request_commitment,
    commitment,
    "the shown request gives",
  );
  try {
    problems.push(...compare(body, readCall(canonical)));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    problems.push(error.message);
  }
  return judge(problems, "the shown request is the one committed to and carried out");
}

function readCall(canonical) {
  checkNesting(canonical, MAX_DEPTH, NAME);
  let data;
  try {
    data = readJson(canonical, NUMBERS);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new Refused(error.reason, NAME);
  }
  if (!hasText(data)) throw new Refused("holds a lone surrogate", NAME);
  if (data instanceof Map && data.get("request") instanceof Map) {
    data = new Map([...data, ["request", withTier(data.get("request"))]]);
  }
  try {
    return call.convert(data, "$");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new Refused(error.reason, `${NAME}.${error.field}`);
  }
}

/** Whether no text in a value has a lone surrogate, for which there are no bytes. */
function hasText(value) {
  if (typeof value === "string") return isWellFormed(value);
  if (Array.isArray(value)) return value.every(hasText);
  return !(value instanceof Map) || [...value].every((pair) => pair.every(hasText));
}

/** How many replicas must run for an answer to be given, and charged. */
function fewestRuns({ replicas, min_replicas: least, agreement_threshold_bps: thresholdBps }) {
  if (least !== null) return least;
  const needed = (BigInt(replicas) * BigInt(thresholdBps) + 9999n) / 10_000n;
  return needed > 1n ? needed : 1n;
}

function compare(body, { api_version: version, endpoint, request: asked }) {
  const block = body.consensus;
  const wanted = asked.consensus;
  const says = "the request says";
  const names = ["disagreement_policy", "agreement_threshold_bps"];
  if (wanted.equivalence !== null || block.equivalence === EMBEDDING) names.push("equivalence");
  const problems = [];
  const fewest = fewestRuns(wanted);
  if (body.replicas.length < fewest) {
    problems.push(`replicas: ${body.replicas.length} ran, the request wants ${fewest} at least`);
  }
  problems.push(
    ...differ("api_version", body.api_version, version, says),
    ...differ("endpoint", body.endpoint, endpoint, says),
    ...differ("session_id", body.session_id, asked.session_id, says),
    ...differ("consensus.replicas_requested", block.replicas_requested, wanted.replicas, says),
    ...differ("policy.tier", body.policy.tier, asked.policy.tier, says),
    ...differ("subject", body.subject, asked.subject || NO_SUBJECT, says),
    ...names.flatMap((name) => differ(`consensus.${name}`, block[name], wanted[name], says)),
    ...compareRule(body, asked, fewest),
    ...compareTask(body, asked),
  );
  for (const replica of body.replicas) {
    const where = `replicas[${replica.index}]`;
    if (asked.max_tokens !== null && replica.output_units > asked.max_tokens) {
      problems.push(
        `${where}.output_units is ${replica.output_units}, the request allows ${asked.max_tokens}`,
      );
    }
    const pool = wanted.session_pool;
    if (pool !== null && !pool.includes(replica.session_id)) {
      problems.push(`${where}.session_id ${replica.session_id} is not in the request's pool`);
    }
  }
  return problems;
}

/** Where the rule applied is another than the request's, beyond a stated fallback. */
function compareRule(body, { consensus: asked, mode, policy }, fewest) {
  const block = body.consensus;
  const weighing = block.weighing ?? null;
  const hasFallenBack = weighing !== null && weighing.fallback !== null;
  const strategy = hasFallenBack ? "majority" : asked.strategy;
  let by = null;
  if (!hasFallenBack) by = asked.weight_by || (strategy === "weighted" ? "reputation" : null);
  let least = asked.least_confidence_bps;
  if (mode === "arbitration" && least === null) least = DEFAULT_LEAST_BPS;
  const plan = policy.tier === ADAPTIVE ? planOf(asked.replicas, fewest) : null;
  const distance = block.likeness?.dispersion_bps ?? null;
  const wanted = asked.dispersion_bps ?? POI_DISPERSION_BPS;
  return [
    ["strategy", block.strategy, strategy],
    ["weight_by", weighing === null ? null : weighing.weight_by, by],
    ["non_vote_rule", block.non_vote_rule ?? "abstain", asked.non_votes],
    ["least_confidence_bps", block.least_confidence_bps || null, least],
    ["adaptive.plan", block.adaptive?.plan ?? null, plan],
    ["scale", scaleStated(block.scale ?? null), scaleAsked(asked)],
    ["tolerance_millionths", block.tolerance_millionths || 0, asked.tolerance_millionths || 0],
    ["likeness.dispersion_bps", distance, distance === null ? null : wanted],
  ].flatMap(([name, ours, theirs]) =>
    differ(`consensus.${name}`, ours, theirs, "the request says"),
  );
}

const scaleStated = (scale) =>
  scale && tuple(scale.field, scale.decimals, scale.tolerance, scale.bounds);

function scaleAsked(asked) {
  if (!NUMERIC.includes(asked.strategy)) return null;
  const { field, decimals, tolerance, lowest, highest } = asked.score ?? NO_SCORE;
  const bounds = lowest === null || highest === null ? null : [String(lowest), String(highest)];
  return tuple(field, decimals, String(tolerance), bounds);
}

/** Where replicas ran with other sampling, or entries of the tool trace are missing. */
function compareTask(body, { sampling, tool_trace: trace }) {
  const problems = [];
  for (const replica of body.replicas) {
    for (const name of ["temperature_bps", "seed"]) {
      const asked = sampling?.[name] ?? null;
      if (asked !== null) {
        const where = `replicas[${replica.index}].${name}`;
        problems.push(...differ(where, replica[name], asked, "the request says"));
      }
    }
  }
  const hashes = (trace ?? []).map(traceHash);
  const first = body.tool_traces.slice(0, hashes.length);
  return [...problems, ...differ("tool_traces", first, hashes, "the request's entries give")];
}

/** The hash of a tool trace's entry, null for one with no RFC 8785 form. */
const traceHash = (entry) =>
  hasCanonicalForm(entry) ? toHex(keccak256(utf8(canonicalText(entry)))) : null;

function hasCanonicalForm(value) {
  if (value instanceof Float) return Number.isFinite(value.value);
  if (Array.isArray(value)) return value.every(hasCanonicalForm);
  if (value instanceof Map) return [...value].every((pair) => pair.every(hasCanonicalForm));
  return true;
}
