# SPDX-License-Identifier: Apache-2.0
"""Dishonest receipts, made as well as their makers could, and what the chain does about one."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import msgspec
from web3.logs import DISCARD

from cortensor.pricing import format_cor
from cortensor.receipts.body import Body
from cortensor.receipts.keccak import from_hex, to_hex
from cortensor.receipts.merkle import receipt_leaf
from cortensor.receipts.sign import sign
from cortensor.receipts.typed import ReceiptStruct
from scripts._demo.chain import Chain
from scripts._demo.pending import last_batch

OVERCHARGE_WEI = 10**15
WORD_BYTES = 32


@dataclass
class Proof:
    """What one challenge did; amounts in wei of COR.

    Attributes:
        kind: what was proven, as the contract says it.
        excess: by how much the charge was wrong.
        refunded: what the session got back.
        penalty: what the router's bond paid besides.
        tx_hash: the challenge.
        gas_used: its gas.
    """

    kind: str
    excess: int
    refunded: int
    penalty: int
    tx_hash: str
    gas_used: int

    def to_json(self) -> dict[str, Any]:
        """Return it for the result; amounts as decimal text."""
        amounts = {key: str(getattr(self, key)) for key in ("excess", "refunded", "penalty")}
        return {**vars(self), **amounts}


def tamper_with_answer(bundle: dict[str, Any]) -> dict[str, Any]:
    """Return a bundle in which somebody on the way changed the outcome."""
    forged = copy.deepcopy(bundle)
    result = forged["receipt"]["result"]
    result["outcome"] = "INVALID" if result["outcome"] != "INVALID" else "VALID"
    return forged


def overcharge(bundle: dict[str, Any], last: dict[str, Any], chain: Chain) -> dict[str, Any]:
    """Bill a job a second time, and too dear: signed, anchored and settled by the router's key.

    Id, signature, leaf, proof and total are all genuine, and the money is gone. Only the arithmetic
    of the bill is not right; and that the job was billed before, no bundle alone can show.

    Args:
        bundle: the honest bundle of the job.
        last: the bundle with the session's last index and total.
        chain: the demo's chain.
    """
    forged = copy.deepcopy(bundle)
    bill = forged["receipt"]["bill"]
    for place, name in ((bill, "charge"), (bill["lines"], "base")):
        place[name] = str(int(place[name]) + OVERCHARGE_WEI)
    body = Body.from_json(forged["receipt"])
    struct = body.struct()
    digest = struct.digest(chain.domain)
    settler = chain.people.settler
    index = int(last["anchor"]["index"]) + 1
    cumulative = int(last["anchor"]["cumulative"]) + struct.charge
    # A batch of one: the leaf is the root, and its proof is empty.
    anchored = receipt_leaf(digest, index, cumulative)
    items = [struct.session << 96 | cumulative]
    chain.send(settler, chain.payment.functions.settle((1, struct.version, anchored, 1, "", items)))
    forged.update(
        receipt_id=body.receipt_id(),
        charge=struct.to_json(),
        signature=to_hex(sign(settler.key, digest)),
        anchor={
            **forged["anchor"],
            "index": index,
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


def prove(honest: dict[str, Any], forged: dict[str, Any], chain: Chain) -> list[Proof]:
    """Prove the second bill wrong on chain, as anyone with the two bundles can.

    First that it is above the quote, which is refunded with a penalty from the bond; then that the
    job had been billed before, which gives back the rest. What the bill moved is shown before, so
    that it is given back itself: it is pending still.
    """
    functions = chain.dispute.functions
    first, second = _leaf(honest, chain), _leaf(forged, chain)
    session = int(second["receipt"]["session"])
    show = functions.show_pending(session, last_batch(chain, session).abi_value())
    chain.send(chain.people.watcher, show, "show_pending", "by anyone, before a refund")
    return [
        _challenge(chain, functions.challenge_charge(second), "challenge_charge"),
        _challenge(chain, functions.challenge_duplicate(first, second), "challenge_duplicate"),
    ]


def said(proof: Proof) -> str:
    """Return what a proof did, for a person to read."""
    text = f"proven on chain ({proof.kind}): {format_cor(proof.refunded)} COR refunded"
    if proof.penalty:
        text += f", {format_cor(proof.penalty)} COR of the bond lost, half of it burnt"
    return f"{text}; {proof.gas_used:,} gas"


def _challenge(chain: Chain, call: Any, name: str) -> Proof:
    receipt = chain.send(chain.people.watcher, call, name, "by anyone; half the penalty is theirs")
    (event,) = chain.dispute.events.FraudProven().process_receipt(receipt, errors=DISCARD)
    found = event["args"]
    return Proof(
        kind=str(found["kind"]),
        excess=int(found["excess"]),
        refunded=int(found["refunded"]),
        penalty=int(found["penalty"]),
        tx_hash=to_hex(bytes(receipt["transactionHash"])),
        gas_used=int(receipt["gasUsed"]),
    )


def _leaf(bundle: dict[str, Any], chain: Chain) -> dict[str, Any]:
    """Return a bundle's leaf as the contract takes it."""
    anchor = bundle["anchor"]
    return {
        "receipt": msgspec.structs.asdict(ReceiptStruct.from_json(bundle["charge"])),
        "index": int(anchor["index"]),
        "cumulative": int(anchor["cumulative"]),
        "anchorer": chain.people.settler.address,
        "root": from_hex(anchor["root"], WORD_BYTES, "anchor.root"),
        "proof": [from_hex(word, WORD_BYTES, "anchor.proof") for word in anchor["proof"]],
    }
