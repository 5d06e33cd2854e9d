// SPDX-License-Identifier: Apache-2.0
// The one error this verifier throws on purpose: a reason for a person, and the field at fault.

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
