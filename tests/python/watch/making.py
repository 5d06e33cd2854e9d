# SPDX-License-Identifier: Apache-2.0
"""Honest histories of a router, and what is needed to falsify one leaf of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st

from cortensor.chain.observed import SurchargeEpoch
from cortensor.pricing import RateCard, Terms, Usage
from cortensor.receipts.keccak import keccak256
from cortensor.receipts.sign import address_of, sign
from cortensor.receipts.typed import Domain, ReceiptStruct, Request
from cortensor.watch.leaves import Leaf, make_leaf, tree_of
from cortensor.watch.price import Pin, rightful_charge
from cortensor.watch.requested import RequestSignature

SETTLER_KEY = "0x" + "a1" * 32
OLD_SETTLER_KEY = "0x" + "a2" * 32
STRANGER_KEY = "0x" + "c3" * 32
SESSION_KEY = "0x" + "d4" * 32
SETTLER = address_of(SETTLER_KEY)
OLD_SETTLER = address_of(OLD_SETTLER_KEY)
SETTLERS = {SETTLER, OLD_SETTLER}
ROUTER_ID = 7
SESSION = ROUTER_ID << 128 | 1
STAKE_SESSION = ROUTER_ID << 128 | 2
DOMAIN = Domain(31337, "0x" + "11" * 20)
CARD: RateCard = RateCard.load(Path(__file__).parents[3] / "config" / "rate-card.toml")
EPOCHS = {0: SurchargeEpoch(0, 100), 1: SurchargeEpoch(700, 2000), 2: SurchargeEpoch(300, 9000)}
PIN = Pin(version=3, volume_tier=1, surcharge_cap_bps=500, task_cap_gwei=10**12)
STAKE_PIN = Pin(version=3, volume_tier=0, surcharge_cap_bps=500, task_cap_gwei=10**12, bucket=4)
PINS = {SESSION: PIN, STAKE_SESSION: STAKE_PIN}
NOW = 5000


def price(receipt: ReceiptStruct, pin: Pin | None = None) -> int:
    pinned = PINS[receipt.session] if pin is None else pin
    return rightful_charge(receipt, pinned, CARD, EPOCHS.get(receipt.surcharge_epoch))


def receipt(number: int, session: int = SESSION, **changes: Any) -> ReceiptStruct:
    """A receipt priced as it should be; changes are made before, `charge` after pricing."""
    values: dict[str, Any] = {
        "receipt_id": keccak256(b"receipt %d" % number),
        "session": session,
        "version": 3,
        "surcharge_epoch": 1,
        "terms": Terms(replicas=3, surcharge_cap_bps=500, volume_tier=1).pack(),
        "usage": Usage(input_units=100 + number, output_units=50).pack(),
        "charge": 0,
        "request_commitment": keccak256(b"request %d" % number),
        "subject": bytes(32),
        "outcome": 1,
        "confidence_bps": 9000,
        "issued_at": NOW,
    }
    charge = changes.pop("charge", None)
    made = ReceiptStruct(**{**values, **changes})
    return msgspec.structs.replace(made, charge=price(made) if charge is None else charge)


def leaf(
    struct: ReceiptStruct, index: int, cumulative: int, *, key: str = SETTLER_KEY, root: str = ""
) -> Leaf:
    signature = sign(key, struct.digest(DOMAIN))
    return make_leaf(struct, index, cumulative, signature, DOMAIN, (root, SETTLER))


def chain(structs: list[ReceiptStruct], first: int = 1, before: int = 0) -> list[Leaf]:
    """Leaves of one session in order, totals following."""
    made, total = [], before
    for index, struct in enumerate(structs, first):
        total += struct.charge
        made.append(leaf(struct, index, total))
    return made


def rooted(leaves: list[Leaf], anchorer: str = SETTLER) -> list[Leaf]:
    """The same leaves as one anchored batch."""
    root = "0x" + tree_of([each.hashed for each in leaves]).root.hex()
    return [msgspec.structs.replace(each, root=root, anchorer=anchorer) for each in leaves]


def published(leaves: list[Leaf]) -> bytes:
    """What `GET /api/v4/batch/{root}` gives for them."""
    shown = [
        {
            "position": position,
            "receipt_id": "0x" + each.receipt.receipt_id.hex(),
            "session_id": f"0x{each.session:040x}",
            "digest": "0x" + each.digest.hex(),
            "index": each.index,
            "cumulative": str(each.cumulative),
            "leaf": "0x" + each.hashed.hex(),
            "charge": each.receipt.to_json(),
            "signature": "0x" + each.signature.hex(),
            **({} if each.request is None else {"request": _request(each.request)}),
        }
        for position, each in enumerate(leaves)
    ]
    return msgspec.json.encode({"root": leaves[0].root, "count": len(leaves), "leaves": shown})


def _request(request: RequestSignature) -> dict[str, str]:
    return {
        "max_charge": str(request.max_charge),
        "signature": "0x" + request.signature.hex(),
    }


def requested(each: Leaf, key: str = SESSION_KEY, most: int | None = None) -> Leaf:
    """The leaf with a request signature beside it; by default the key allowed just the charge."""
    charge = each.receipt.charge if most is None else most
    asked = Request(each.session, each.receipt.request_commitment, charge)
    request = RequestSignature(charge, sign(key, asked.digest(DOMAIN)))
    return msgspec.structs.replace(each, request=request)


@st.composite
def histories(draw: st.DrawFn) -> list[Leaf]:
    """Everything an honest router anchored, over two sessions, in any order of batches."""
    leaves: list[Leaf] = []
    number = 0
    for session in (SESSION, STAKE_SESSION):
        structs = []
        for _ in range(draw(st.integers(1, 6))):
            number += 1
            stake = session == STAKE_SESSION
            terms = Terms(
                replicas=draw(st.sampled_from([1, 3] if stake else [1, 3, 5])),
                model_class=draw(st.integers(0, 1 if stake else 3)),
                sla_tier=draw(st.integers(0, 3)),
                volume_tier=draw(st.integers(0, 3)),
                surcharge_cap_bps=draw(st.integers(0, 2000)),
            )
            usage = Usage(
                input_units=draw(st.integers(0, 10**5)), output_units=draw(st.integers(0, 10**5))
            )
            structs.append(
                receipt(
                    number,
                    session,
                    terms=terms.pack(),
                    usage=usage.pack(),
                    surcharge_epoch=draw(st.integers(0, 1)),
                )
            )
        leaves += chain(structs)
    return draw(st.permutations(leaves))
