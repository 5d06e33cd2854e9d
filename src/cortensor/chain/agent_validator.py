# SPDX-License-Identifier: Apache-2.0
"""Reads and calls of AgentValidator: receipts as answers in a validation registry.

Methods that end in `_data` return calldata. Hashes are 32 bytes; agent ids count from 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from web3 import Web3
from web3.logs import DISCARD

from cortensor.chain.dispute import AnchoredLeaf
from cortensor.chain.rpc import contract, node_errors
from cortensor.errors import InvalidInput, NotFound
from cortensor.receipts.agent_subject import AgentAt
from cortensor.receipts.keccak import WORD_BYTES, from_hex

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cortensor.receipts.bundle import Bundle

CONTRACT = "AgentValidator"


class Attestation(Struct, frozen=True):
    """What an agent attests of itself: the contract's `Attestation`.

    `salt` is 32 random bytes that nobody else knows before the transaction is sent.
    """

    agent_id: int
    payload_hash: bytes
    salt: bytes
    request_uri: str
    response_uri: str


class Answer(Struct, frozen=True):
    """An answer as its event tells it; `anchorer` is 0x hex."""

    agent_id: int
    request_hash: bytes
    receipt_id: bytes
    anchorer: str
    root: bytes


class AgentValidator:
    """The validator at an address."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._web3 = web3
        self._contract = contract(web3, CONTRACT, address)

    @property
    def address(self) -> str:
        """The checksummed address."""
        return str(self._contract.address)

    def registry(self) -> str:
        """Return the validation registry that it answers in."""
        with node_errors("validation registry"):
            return str(self._contract.functions.VALIDATION().call())

    def anchor(self) -> str:
        """Return the receipt anchor that it asks."""
        with node_errors("receipt anchor"):
            return str(self._contract.functions.ANCHOR().call())

    def payment(self) -> str:
        """Return the SessionPayment whose routers it believes."""
        with node_errors("session payment"):
            return str(self._contract.functions.PAYMENT().call())

    def agent(self, agent_id: int) -> AgentAt:
        """Return an agent before this validator, to compute subjects with."""
        with node_errors("chain id"):
            chain_id = int(self._web3.eth.chain_id)
        return AgentAt(chain_id, self.registry(), self.address, agent_id)

    def is_allowed(self, agent_id: int, anchorer: str) -> bool:
        """Return whether an anchorer's receipts speak of an agent today."""
        with node_errors("allowed anchorer"):
            call = self._contract.functions.is_allowed(agent_id, _address(anchorer))
            return bool(call.call())

    def is_authorised(self, anchorer: str, responder: str) -> bool:
        """Return whether an account may respond with an anchorer's receipts."""
        with node_errors("responder"):
            who = _address(anchorer), _address(responder)
            return bool(self._contract.functions.is_authorised(*who).call())

    def allow_data(self, agent_id: int, anchorer: str, *, is_allowed: bool = True) -> str:
        """Return the call that lets an anchorer's receipts speak of an agent, or stops it."""
        return self._data("allow", agent_id, _address(anchorer), is_allowed)

    def authorise_data(self, responder: str, *, is_allowed: bool = True) -> str:
        """Return the call by which an anchorer lets an account respond for it, or stops it."""
        return self._data("authorise", _address(responder), is_allowed)

    def attest_data(self, what: Attestation, leaf: AnchoredLeaf) -> str:
        """Return the call that asks and answers for an agent that speaks of itself."""
        fields = (what.agent_id, what.payload_hash, what.salt, what.request_uri, what.response_uri)
        return self._data("attest", fields, leaf.abi_value(self._web3))

    def respond_data(self, request_hash: bytes, response_uri: str, leaf: AnchoredLeaf) -> str:
        """Return the call that answers another's request."""
        return self._data("respond", request_hash, response_uri, leaf.abi_value(self._web3))

    def replace_data(
        self, request_hash: bytes, response_uri: str, leaf: AnchoredLeaf, old: AnchoredLeaf
    ) -> str:
        """Return the call that answers anew, where the old receipt no longer stands."""
        leaves = leaf.abi_value(self._web3), old.abi_value(self._web3)
        return self._data("replace", request_hash, response_uri, *leaves)

    def retract_data(self, request_hash: bytes, old: AnchoredLeaf) -> str:
        """Return the call that makes an answer undecided whose receipt no longer stands."""
        return self._data("retract", request_hash, old.abi_value(self._web3))

    def answer_of(self, receipt: Mapping[str, Any]) -> Answer:
        """Return the answer that a transaction posted.

        Args:
            receipt: the transaction's receipt, as web3 gives it.

        Raises:
            NotFound: it posted none here.
        """
        event = self._contract.events.AnswerPosted()
        for entry in event.process_receipt(receipt, errors=DISCARD):
            if entry["address"] == self.address:
                told = entry["args"]
                return Answer(
                    int(told["agent_id"]),
                    bytes(told["request_hash"]),
                    bytes(told["receipt_id"]),
                    str(told["anchorer"]),
                    bytes(told["root"]),
                )
        raise NotFound("the transaction posted no answer", field="transaction")

    def _data(self, name: str, *arguments: object) -> str:
        return str(self._contract.encode_abi(name, args=list(arguments)))


def leaf_of(bundle: Bundle) -> AnchoredLeaf:
    """Return the leaf that a bundle shows, as contracts take it.

    Raises:
        InvalidInput: the receipt is not anchored, or the signed struct is malformed.
    """
    anchor = bundle.anchor
    if anchor is None:
        raise InvalidInput("the receipt is not anchored yet", field="anchor")
    return AnchoredLeaf(
        receipt=bundle.struct(),
        index=anchor.index,
        cumulative=int(anchor.cumulative),
        anchorer=anchor.anchorer,
        root=from_hex(anchor.root, WORD_BYTES, "anchor.root"),
        proof=[from_hex(node, WORD_BYTES, "anchor.proof") for node in anchor.proof],
    )


def _address(text: str) -> str:
    return str(Web3.to_checksum_address(text))
