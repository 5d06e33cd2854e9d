# SPDX-License-Identifier: Apache-2.0
"""Two dishonest receipts, made as well as their makers could make them."""

from __future__ import annotations

import copy
from typing import Any

from cortensor.receipts.body import Body
from cortensor.receipts.keccak import to_hex
from cortensor.receipts.merkle import receipt_leaf
from cortensor.receipts.sign import sign
from scripts._demo.chain import Chain

OVERCHARGE_WEI = 10**15


def tamper_with_answer(bundle: dict[str, Any]) -> dict[str, Any]:
    """Return a bundle in which somebody on the way changed the outcome."""
    forged = copy.deepcopy(bundle)
    result = forged["receipt"]["result"]
    result["outcome"] = "INVALID" if result["outcome"] != "INVALID" else "VALID"
    return forged


def overcharge(bundle: dict[str, Any], chain: Chain) -> dict[str, Any]:
    """Return a receipt whose router charged too much: signed by its key, anchored by its key.

    Id, signature, leaf and proof are all genuine. Only the arithmetic of the bill is not.
    """
    forged = copy.deepcopy(bundle)
    bill = forged["receipt"]["bill"]
    for place, name in ((bill, "charge"), (bill["lines"], "base")):
        place[name] = str(int(place[name]) + OVERCHARGE_WEI)
    body = Body.from_json(forged["receipt"])
    struct = body.struct()
    digest = struct.digest(chain.domain)
    settler = chain.people.settler
    anchor = forged["anchor"]
    cumulative = int(anchor["cumulative"]) + OVERCHARGE_WEI
    # A batch of one: the leaf is the root, and its proof is empty.
    anchored = receipt_leaf(digest, anchor["index"], cumulative)
    chain.send(settler, chain.anchor.functions.anchor(anchored, 1, ""))
    forged.update(
        receipt_id=body.receipt_id(),
        charge=struct.to_json(),
        signature=to_hex(sign(settler.key, digest)),
        anchor={
            **anchor,
            "cumulative": str(cumulative),
            "leaf": to_hex(anchored),
            "proof": [],
            "root": to_hex(anchored),
            "count": 1,
            "uri": "",
            "tx_hash": None,
        },
    )
    return forged
