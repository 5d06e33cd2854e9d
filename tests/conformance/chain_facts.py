# SPDX-License-Identifier: Apache-2.0
"""A chain for the tests: answers from a JSON object, in the vectors' `chain` form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortensor.errors import NotFound, Unavailable
from cortensor.pricing import RateCard
from cortensor.receipts import AnchoredBatch, Revocation, SessionState, process_proof
from cortensor.receipts.anchor_view import NOT_ANCHORED
from cortensor.receipts.keccak import from_hex, to_hex

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ChainFacts:
    """An `AnchorView` over stated facts; a fact that is missing raises, as a node would."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts

    def _get(self, name: str) -> Any:
        if name not in self._facts:
            raise Unavailable(f"the node has no answer for {name}")
        return self._facts[name]

    def _known(self, name: str, number: int) -> Any:
        found = self._get(name)
        if str(number) not in found:
            raise NotFound(f"{name}: unknown {number}")
        return found[str(number)]

    def chain_id(self) -> int:
        value: int = self._get("chain_id")
        return value

    def card(self, version: int) -> RateCard:
        return RateCard.from_json(self._known("cards", version))

    def surcharge_bps(self, epoch: int) -> int:
        value: int = self._known("surcharges", epoch)
        return value

    def router_signer(self, router_id: int) -> str:
        value: str = self._known("routers", router_id)
        return value

    def batch(self, anchorer: str, root: str) -> AnchoredBatch:
        found = self._get("batches").get(f"{anchorer}:{root}")
        return AnchoredBatch(0, 0) if found is None else AnchoredBatch(found[0], found[1])

    def finality(self, anchorer: str, root: str) -> str:
        found = self._get("batches").get(f"{anchorer}:{root}")
        return NOT_ANCHORED if found is None else str(found[2])

    def is_signed(self, signer: str, digest: str, signature: str) -> bool:
        return signature in self._get("contract_signatures").get(f"{signer}:{digest}", [])

    def is_anchored(self, anchorer: str, leaf: str, proof: Sequence[str], root: str) -> bool:
        nodes = [from_hex(node, 32, "proof") for node in proof]
        led = to_hex(process_proof(from_hex(leaf, 32, "leaf"), nodes))
        return led == root and self.batch(anchorer, root).anchored_at > 0

    def revocation(self, anchorer: str, receipt_id: str) -> Revocation:
        found = self._get("revocations").get(f"{anchorer}:{receipt_id}")
        return Revocation(0, "0x" + "0" * 64) if found is None else Revocation(*found)

    def session(self, session_id: int) -> SessionState:
        found = self._get("sessions").get(f"0x{session_id:040x}")
        if found is None:
            return SessionState("0x" + "0" * 40, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        return SessionState(
            payer=found["payer"],
            deposit=int(found["deposit"]),
            settled=int(found["settled"]),
            expiry=found["expiry"],
            state=found["state"],
            funding=found["funding"],
            volume_tier=found["volume_tier"],
            version=found["version"],
            surcharge_cap_bps=found["surcharge_cap_bps"],
            task_cap_gwei=found["task_cap_gwei"],
        )
