// SPDX-License-Identifier: Apache-2.0
// The errors this verifier throws on purpose: a reason for a person, and the field at fault.

export class Refused extends Error {
  /**
   * @param {string} reason one sentence
   * @param {string} field dotted path of the value at fault
   */
  constructor(reason, field = "") {
    super(field ? `${field}: ${reason}` : reason);
    this.name = "Refused";
    this.reason = reason;
    this.field = field;
  }
}

/** What a chain throws where its node does not answer: nothing is known then, good or bad. */
export class Unanswered extends Refused {}
