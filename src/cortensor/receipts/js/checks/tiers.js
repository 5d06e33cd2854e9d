// SPDX-License-Identifier: Apache-2.0
// Policy tiers: what a request that names one asks for where it does not say so itself.

import { Refused } from "../refused.js";

export const ADAPTIVE = "adaptive";
const TIERS = {
  fast: [["replicas", 1]],
  safe: [["replicas", 3]],
  oracle: [["replicas", 5]],
  adaptive: [
    ["replicas", 5],
    ["min_replicas", 1],
  ],
};
const RISKS = { low: "fast", medium: "safe", high: "oracle" };
const STRATEGIES = { model_ensemble: "ensemble_model" };
const EQUIVALENCES = { canonical_json: "json", token_overlap: "overlap" };
const PLAN = [1, 3, 5];
const HEARTBEAT = "heartbeat";

const lookUp = (table, key) =>
  typeof key === "string" && Object.hasOwn(table, key) ? table[key] : undefined;

/** The service level that a tier is priced at. */
export const slaOf = (tier) =>
  tier === null || tier === HEARTBEAT || lookUp(TIERS, tier) !== undefined ? "best_effort" : tier;

/** Whether receipts of a tier charge nothing. */
export const isFree = (tier) => tier === HEARTBEAT;

/** A request body, a Map, with its tier's or risk's settings where it has none of its own. */
export function withTier(request) {
  const consensus = request.has("consensus") ? request.get("consensus") : new Map();
  if (!(consensus instanceof Map)) return request;
  const policy = request.get("policy");
  const hints = policy instanceof Map ? policy : new Map();
  const tier = hints.get("tier") ?? lookUp(RISKS, hints.get("risk"));
  const whole = new Map([...(lookUp(TIERS, tier) ?? []), ...consensus]);
  const named = [whole.get("strategy"), whole.get("aggregation")];
  whole.delete("aggregation");
  const asked = named
    .map((name) => lookUp(STRATEGIES, name) ?? name ?? null)
    .filter((name) => name !== null);
  if (asked.length > 1 && asked[0] !== asked[1]) {
    throw new Refused("differs from strategy", "consensus.aggregation");
  }
  if (asked.length) whole.set("strategy", asked[0]);
  const equivalence = lookUp(EQUIVALENCES, whole.get("equivalence"));
  if (equivalence !== undefined) whole.set("equivalence", equivalence);
  if (!whole.size && !request.has("consensus")) return request;
  return new Map([...request, ["consensus", whole]]);
}

/** The totals of an adaptive run: those of 1, 3, 5 from the fewest to the most. */
export function planOf(replicas, fewest) {
  const plan = PLAN.filter((total) => fewest <= total && total <= replicas);
  return plan.length ? plan : [replicas];
}
