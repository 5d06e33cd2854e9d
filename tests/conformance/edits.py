# SPDX-License-Identifier: Apache-2.0
"""What is done to good receipts: edits of a file, and lies that a router signs and anchors."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import rfc8785

from cortensor.pricing import Terms, Usage, quote
from cortensor.receipts import address_of, request_commitment, to_hex
from tests.conformance.samples import (
    CARD,
    JOBS,
    OTHER_KEY,
    SESSION,
    SURCHARGE_BPS,
    Job,
    anchor,
    fixed,
    resign,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Data = dict[str, Any]
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def edit(data: Data, change: Callable[[Data], object]) -> Data:
    edited = copy.deepcopy(data)
    change(edited)
    return edited


def put(path: str, value: object) -> Callable[[Data], None]:
    *parents, last = path.split(".")

    def change(data: Data) -> None:
        node: Any = data
        for part in parents:
            node = node[_key(node, part)]
        node[_key(node, last)] = value

    return change


def _key(node: Any, part: str) -> str | int:
    """Return a part of a path as a list has it, or as an object does."""
    return int(part) if isinstance(node, list) else part


def unanchored(name: str, jobs: Sequence[Job] = JOBS) -> Data:
    return next(job for job in jobs if job.name == name).bundle()


def lie(name: str, *changes: Callable[[Data], object], jobs: Sequence[Job] = JOBS) -> Data:
    """Return what a dishonest router would sign and anchor: the body edited, all else fitting."""
    data = unanchored(name, jobs)
    for change in changes:
        change(data)
    return anchor([resign(data)])[0]


def reprice(
    *, terms: dict[str, int] | None = None, usage: dict[str, int] | None = None
) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        bill = data["receipt"]["bill"]
        packed = Terms.unpack(int(bill["terms"], 16))
        used = Usage.unpack(int(bill["usage"], 16))
        packed = Terms(**{n: getattr(packed, n) for n in packed.__struct_fields__} | (terms or {}))
        used = Usage(**{n: getattr(used, n) for n in used.__struct_fields__} | (usage or {}))
        priced = quote(CARD, SURCHARGE_BPS, packed, used)
        bill.update(
            terms=hex(packed.pack()),
            usage=hex(used.pack()),
            lines=priced.lines.to_json(),
            charge=str(priced.total),
        )

    return change


def overcharge(data: Data) -> None:
    bill = data["receipt"]["bill"]
    bill["lines"]["base"] = str(int(bill["lines"]["base"]) + 10**12)
    bill["charge"] = str(int(bill["charge"]) + 10**12)


def merge_groups(data: Data) -> None:
    """Claim that all three answers agree, with every number fitting the claim."""
    for replica in data["receipt"]["replicas"]:
        replica["cluster"] = 0
    data["receipt"]["consensus"].update(
        votes={"0": 3}, agreement_bps=10_000, confidence_bps=8_000, winner=[0, 1, 2], dissent=[]
    )


def flip_dissent(data: Data) -> None:
    """Turn the dissenting verdict, with every number fitting; the evidence stays."""
    data["receipt"]["replicas"][1]["verdict"] = "VALID"
    data["receipt"]["consensus"].update(
        votes={"VALID": 3}, agreement_bps=10_000, confidence_bps=8_000, winner=[0, 1, 2], dissent=[]
    )


def high_s(data: Data) -> None:
    raw = bytes.fromhex(data["signature"][2:])
    flipped = _ORDER - int.from_bytes(raw[32:64], "big")
    data["signature"] = to_hex(raw[:32] + flipped.to_bytes(32, "big") + bytes([55 - raw[64]]))


def loser(data: Data) -> None:
    data["receipt"]["result"]["output_hash"] = data["receipt"]["replicas"][2]["output_hash"]


def signed_by_other(data: Data) -> Data:
    signed = resign(data, OTHER_KEY)
    return anchor([signed])[0]


def forged() -> Data:
    """Return what a stranger makes alone: own key, own contracts, own batch; all of it fits."""
    data = unanchored("delegate-agreed")
    signer = address_of(OTHER_KEY)
    own = {name: to_hex(fixed(f"forged {name}", 20)) for name in ("session_payment", "table")}
    data["receipt"]["chain"].update(own)
    data["receipt"]["router"]["signer"] = signer
    bundle = anchor([resign(data, OTHER_KEY)])[0]
    bundle["anchor"]["anchorer"] = signer
    return bundle


def asked(path: str, value: object) -> Callable[[Data], None]:
    """Let the receipt commit to a request that says something else; the rest stays."""

    def change(data: Data) -> None:
        call = json.loads(data["request"]["canonical"])
        put(path, value)(call)
        commit_to(data, rfc8785.dumps(call).decode())

    return change


def commit_to(data: Data, text: str) -> None:
    """Let the receipt commit to a text as its request."""
    data["request"]["canonical"] = text
    salt = bytes.fromhex(data["request"]["salt"][2:])
    commitment = to_hex(request_commitment(salt, text.encode()))
    data["receipt"]["request_commitment"] = commitment


def other_router(data: Data) -> None:
    data["receipt"]["session_id"] = f"0x{SESSION ^ (1 << 128):040x}"


def drop(path: str) -> Callable[[Data], None]:
    *parents, last = path.split(".")

    def change(data: Data) -> None:
        node: Any = data
        for part in parents:
            node = node[part]
        del node[last]

    return change
