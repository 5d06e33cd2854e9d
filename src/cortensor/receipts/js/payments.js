// SPDX-License-Identifier: Apache-2.0
// One payment, one receipt: what receipts share that only one may have. A single receipt cannot show
// that its payment was used once; several can show that it was not.

import { compareText } from "./consensus/folding.js";

/** What a receipt may share with no other: its request, its place in its session, its payment. */
export function paymentReferences({ receipt: body, anchor }) {
  const where = `${body.chain.chain_id}:${body.chain.session_payment}:${body.session_id}`;
  const found = [`request:${where}:${body.request_commitment}`];
  if (anchor !== null) found.push(`session:${where}:${anchor.index}`);
  if (body.payment) {
    const { scheme, network, transaction } = body.payment;
    found.push(`${scheme}:${network}:${transaction}`);
  }
  return found;
}

/**
 * Every payment that several receipts have, and every receipt charged twice. Bundles count as what
 * they say, so give only those that verify.
 *
 * @returns {{reference: string, receipts: string[]}[]} sorted by reference, ids ascending
 */
export function clashes(bundles) {
  const byReference = new Map();
  const places = new Map();
  const put = (map, key, value) => map.set(key, (map.get(key) ?? new Set()).add(value));
  for (const bundle of bundles) {
    for (const reference of paymentReferences(bundle)) {
      put(byReference, reference, bundle.receipt_id);
    }
    if (bundle.anchor !== null) put(places, bundle.receipt_id, bundle.anchor.index);
  }
  const found = [];
  for (const [reference, receipts] of byReference) {
    if (receipts.size > 1) found.push({ reference, receipts: [...receipts].sort() });
  }
  for (const [id, at] of places) {
    if (at.size > 1) found.push({ reference: `receipt:${id}`, receipts: [id] });
  }
  return found.sort((a, b) => compareText(a.reference, b.reference));
}
