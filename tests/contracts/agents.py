# SPDX-License-Identifier: Apache-2.0
"""The protocol with registries of agents, a validator, an owner's agent, and leaves about it."""

from __future__ import annotations

from typing import NamedTuple

import boa
from eth_utils import keccak

from cortensor.pricing import Terms
from cortensor.receipts.agent_subject import AgentAt
from cortensor.receipts.merkle import StandardMerkleTree, receipt_leaf
from cortensor.receipts.typed import Domain, ReceiptStruct, outcome_code
from tests.contracts.disputes import Leaf
from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import CHAIN_ID, Protocol

URI = "https://router.example/api/v4/receipt/1"
REQUEST_URI = "https://agents.example/requests/1"
TERMS = Terms(replicas=3, consensus_method=1)


class Attestation(NamedTuple):
    """The contract's struct of that name."""

    agent_id: int
    payload_hash: bytes
    salt: bytes
    request_uri: str
    response_uri: str


class Status(NamedTuple):
    """What the registry says of a request."""

    validator: str
    agent_id: int
    response: int
    response_hash: bytes
    tag: str
    updated_at: int


class Agents(Protocol):
    """A protocol whose validator is approved for an agent, which allows the settler of router 1.

    Beside the roles of `Protocol`: agent_owner; operator, for all that the owner has; other_owner
    with an agent of its own, which allows nobody.
    """

    def __init__(self) -> None:
        super().__init__()
        address = boa.env.generate_address
        self.agent_owner = address("agent_owner")
        self.operator = address("operator")
        self.other_owner = address("other_owner")
        self.identity = deploy_fresh("erc8004/IdentityRegistry")
        self.validation = deploy_fresh("erc8004/ValidationRegistry", self.identity)
        self.validator = deploy_fresh("AgentValidator", self.payment, self.validation)
        self.agent = self.identity.register("https://agents.example/0", sender=self.agent_owner)
        self.other_agent = self.identity.register(sender=self.other_owner)
        self.identity.approve(self.validator, self.agent, sender=self.agent_owner)
        self.identity.setApprovalForAll(self.operator, True, sender=self.agent_owner)
        self.validator.allow(self.agent, self.settler, True, sender=self.agent_owner)

    def at(self, agent: int | None = None) -> AgentAt:
        """Return an agent, by default the owner's, as the package names it."""
        number = self.agent if agent is None else agent
        return AgentAt(CHAIN_ID, self.validation.address, self.validator.address, number)

    def ask(self, request_hash: bytes | None = None) -> bytes:
        """Have the owner ask the validator; return the request's key."""
        key = request_hash or keccak(self.unique())
        self.validation.validationRequest(
            self.validator, self.agent, REQUEST_URI, key, sender=self.agent_owner
        )
        return key

    def attestation(self, **changes: object) -> Attestation:
        """Return what the owner attests, a payload and a salt of its own, with changes."""
        plain = Attestation(
            self.agent, keccak(self.unique()), keccak(self.unique()), REQUEST_URI, URI
        )
        return plain._replace(**changes)

    def self_subject(self, what: Attestation) -> bytes:
        """Return the subject of a receipt for an attestation."""
        agent = self.at(what.agent_id)
        return agent.self_subject(agent.request(what.payload_hash, what.salt))

    def receipt(self, subject: bytes, **changes: object) -> ReceiptStruct:
        """Return a receipt about a subject, by default VALID at 87 % of router 1, with changes."""
        fields = {
            "receipt_id": keccak(self.unique()),
            "session": 1 << 128 | 0xFACE,
            "version": 1,
            "surcharge_epoch": 0,
            "terms": TERMS.pack(),
            "usage": 0,
            "charge": 10**15,
            "request_commitment": keccak(self.unique()),
            "subject": subject,
            "outcome": outcome_code("VALID"),
            "confidence_bps": 8_765,
            "issued_at": boa.env.timestamp,
        }
        return ReceiptStruct(**(fields | changes))

    def leaf(self, receipt: ReceiptStruct, anchorer: str | None = None) -> Leaf:
        """Return a receipt's leaf in a batch of four that nobody anchored yet."""
        digest = receipt.digest(Domain(CHAIN_ID, self.payment.address))
        others = [keccak(self.unique()) for _ in range(3)]
        tree = StandardMerkleTree([receipt_leaf(digest, 3, 10**18), *others])
        return Leaf(
            receipt.abi_tuple(), 3, 10**18, anchorer or self.settler, tree.root, tree.proof(0)
        )

    def anchored(self, subject: bytes, anchorer: str | None = None, **changes: object) -> Leaf:
        """Return the leaf of a receipt about a subject, anchored."""
        leaf = self.leaf(self.receipt(subject, **changes), anchorer)
        self.anchor.anchor(leaf.root, 4, "", sender=leaf.anchorer)
        return leaf

    def attest(self, **changes: object) -> tuple[bytes, Leaf, Attestation]:
        """Attest by the owner; return the request's key, the leaf and what was attested."""
        what = self.attestation()
        leaf = self.anchored(self.self_subject(what), **changes)
        return self.validator.attest(what, leaf, sender=self.agent_owner), leaf, what

    def respond(self, **changes: object) -> tuple[bytes, Leaf]:
        """Ask, and respond by the settler; return the request's key and the leaf."""
        key = self.ask()
        leaf = self.anchored(self.at().subject(key), **changes)
        self.validator.respond(key, URI, leaf, sender=self.settler)
        return key, leaf

    def status(self, request_hash: bytes) -> Status:
        """Return what the registry says of a request."""
        return Status(*self.validation.getValidationStatus(request_hash))


def receipt_id(leaf: Leaf) -> bytes:
    """Return the id of a leaf's receipt."""
    return leaf.receipt[0]


def changed(leaf: Leaf, **changes: object) -> Leaf:
    """Return a leaf whose receipt says something else."""
    fields = dict(zip(ReceiptStruct.__struct_fields__, leaf.receipt, strict=True))
    return leaf._replace(receipt=ReceiptStruct(**(fields | changes)).abi_tuple())
