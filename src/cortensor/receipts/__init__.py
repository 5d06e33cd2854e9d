# SPDX-License-Identifier: Apache-2.0
"""Receipts: canonical bodies, the signed struct, evidence, batches, and their verification.

Pure: no I/O, no RPC, no floats. Formats: docs/spec/receipts.md. A reader needs `verify` and the
rules of `policy`; a maker `build`, `sign` and `bundle`; who passes a receipt on, `disclose`.
"""

from cortensor.receipts import policy
from cortensor.receipts.access import Access, make_token, parse_token
from cortensor.receipts.anchor_view import AnchoredBatch, AnchorView, Revocation, SessionState
from cortensor.receipts.body import (
    Body,
    ChainBlock,
    ConsensusBlock,
    Replica,
    ResultBlock,
    RouterBlock,
)
from cortensor.receipts.build import Priced, build_body, usage_of
from cortensor.receipts.bundle import Anchor, Bundle
from cortensor.receipts.canonical import canonical_bytes, load_json, receipt_id, receipt_urn
from cortensor.receipts.checks import (
    CONSISTENT,
    FAILED,
    NOT_CHECKED,
    PROVEN,
    REFUSED,
    UNREACHABLE,
    VERIFIED,
    Check,
    Ruling,
    Verification,
)
from cortensor.receipts.disclose import attach, detach, disclose
from cortensor.receipts.evidence import (
    ReplicaRun,
    evidence_entries,
    evidence_root,
    output_hash,
    request_commitment,
)
from cortensor.receipts.keccak import from_hex, keccak256, to_hex
from cortensor.receipts.merkle import (
    StandardMerkleTree,
    evidence_leaf,
    process_proof,
    receipt_leaf,
    verify_proof,
)
from cortensor.receipts.parties import PaymentBlock
from cortensor.receipts.payments import Clash, clashes, payment_references
from cortensor.receipts.policy_text import parse_policy
from cortensor.receipts.sdk import bundle, revoke, verify
from cortensor.receipts.sign import address_of, recover, sign
from cortensor.receipts.typed import (
    OUTCOMES,
    AccessGrant,
    Domain,
    ReceiptStruct,
    ReplicaStruct,
    RevocationStruct,
    outcome_code,
)
from cortensor.receipts.verify import NOT_PROVEN, verify_bundle

build = build_body
leaf = receipt_leaf

__all__ = [
    "CONSISTENT",
    "FAILED",
    "NOT_CHECKED",
    "NOT_PROVEN",
    "OUTCOMES",
    "PROVEN",
    "REFUSED",
    "UNREACHABLE",
    "VERIFIED",
    "Access",
    "AccessGrant",
    "Anchor",
    "AnchorView",
    "AnchoredBatch",
    "Body",
    "Bundle",
    "ChainBlock",
    "Check",
    "Clash",
    "ConsensusBlock",
    "Domain",
    "PaymentBlock",
    "Priced",
    "ReceiptStruct",
    "Replica",
    "ReplicaRun",
    "ReplicaStruct",
    "ResultBlock",
    "Revocation",
    "RevocationStruct",
    "RouterBlock",
    "Ruling",
    "SessionState",
    "StandardMerkleTree",
    "Verification",
    "address_of",
    "attach",
    "build",
    "build_body",
    "bundle",
    "canonical_bytes",
    "clashes",
    "detach",
    "disclose",
    "evidence_entries",
    "evidence_leaf",
    "evidence_root",
    "from_hex",
    "keccak256",
    "leaf",
    "load_json",
    "make_token",
    "outcome_code",
    "output_hash",
    "parse_policy",
    "parse_token",
    "payment_references",
    "policy",
    "process_proof",
    "receipt_id",
    "receipt_leaf",
    "receipt_urn",
    "recover",
    "request_commitment",
    "revoke",
    "sign",
    "to_hex",
    "usage_of",
    "verify",
    "verify_bundle",
    "verify_proof",
]
