// SPDX-License-Identifier: Apache-2.0
// The probability that an outcome is right, by the method that the history allows.

import { Refused } from "../refused.js";
import { BPS, logistic } from "./fixed_point.js";

const METHODS = ["laplace", "posterior", "temperature", "margin_table"];
const TABLE_SHRINKAGE = 8n;

/** How a confidence is made without history. */
export const LAPLACE = {
  method: "laplace",
  n_history: 0,
  version: "",
  ece_bps: null,
  brier_bps: null,
  temperature_bps: null,
  right: null,
  rounds: null,
};

/** Refuse a calibration that no history can give; else return it. */
export function checkCalibration(block) {
  if (block.temperature_bps !== null && block.temperature_bps <= 0) {
    throw new Refused("must be positive", "calibration.temperature_bps");
  }
  if ((block.right ?? 0) > (block.rounds ?? 0)) {
    throw new Refused("must be 0 .. rounds", "calibration.right");
  }
  return block;
}

/** The rule-of-succession confidence in bps, rounded down. */
export const laplaceBps = (winning, votes) => Math.floor((10_000 * (winning + 1)) / (votes + 2));

/** The confidence in bps, rounded down, below 10000. */
export function confidenceBps(by, votes, winning, marginMicro) {
  if (by.method === "laplace") return laplaceBps(winning, votes);
  let found;
  if (by.method === "margin_table") {
    found = tableBps(by, BigInt(winning), BigInt(votes));
  } else if (by.method === "temperature" || by.method === "posterior") {
    if (marginMicro === null) {
      throw new Refused("needs log-odds, which this strategy has not", "calibration");
    }
    found = logistic(marginMicro, BigInt(by.temperature_bps ?? BPS));
  } else {
    throw new Refused(`must be one of ${METHODS.join(", ")}`, "calibration.method");
  }
  const history = BigInt(by.n_history);
  const most = (BPS * (history + 1n)) / (history + 2n);
  return Number(found < most ? found : most);
}

/** (right + 8 L) / (rounds + 8), with L = (m + 1) / (k + 2). */
function tableBps(by, winning, votes) {
  const [right, rounds] = [BigInt(by.right ?? 0), BigInt(by.rounds ?? 0)];
  return (
    (BPS * (right * (votes + 2n) + TABLE_SHRINKAGE * (winning + 1n))) /
    ((rounds + TABLE_SHRINKAGE) * (votes + 2n))
  );
}
