# SPDX-License-Identifier: Apache-2.0
"""hash_receipt and leaf_of: contract, package and eth_account agree on every hash."""

from __future__ import annotations

import boa
import pytest
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from cortensor.receipts.merkle import receipt_leaf
from cortensor.receipts.typed import Domain, ReceiptStruct
from tests.contracts.profile import examples
from tests.contracts.protocol import CHAIN_ID

WORDS = st.binary(min_size=32, max_size=32)

RECEIPT_FIELDS = [
    ("receipt_id", "bytes32"),
    ("session", "uint256"),
    ("version", "uint16"),
    ("surcharge_epoch", "uint32"),
    ("terms", "uint256"),
    ("usage", "uint256"),
    ("charge", "uint96"),
    ("request_commitment", "bytes32"),
    ("subject", "bytes32"),
    ("outcome", "uint8"),
    ("confidence_bps", "uint16"),
    ("issued_at", "uint64"),
]


def value_of(kind: str) -> st.SearchStrategy[bytes | int]:
    """Draw a value of a Solidity type."""
    return WORDS if kind == "bytes32" else st.integers(0, 2 ** int(kind[4:]) - 1)


RECEIPTS = st.builds(ReceiptStruct, **{name: value_of(kind) for name, kind in RECEIPT_FIELDS})


def wallet_digest(receipt: ReceiptStruct, chain_id: int, contract: str) -> bytes:
    """Return the digest that a wallet signs for the struct, by eth_account."""
    message = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Receipt": [{"name": name, "type": kind} for name, kind in RECEIPT_FIELDS],
        },
        "primaryType": "Receipt",
        "domain": {
            "name": "Cortensor SessionPayment",
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": contract,
        },
        "message": {name: getattr(receipt, name) for name, _ in RECEIPT_FIELDS},
    }
    signable = encode_typed_data(full_message=message)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


@pytest.mark.fuzz
@settings(max_examples=examples(200))
@given(receipt=RECEIPTS)
def test_three_digests_are_one(payment, receipt):
    digest = payment.hash_receipt(receipt.abi_tuple())
    assert digest == receipt.digest(Domain(CHAIN_ID, payment.address))
    assert digest == wallet_digest(receipt, CHAIN_ID, payment.address)


@pytest.mark.fuzz
@settings(max_examples=examples(200))
@given(digest=WORDS, index=st.integers(0, 2**64 - 1), cumulative=st.integers(0, 2**96 - 1))
def test_leaves_are_one(payment, digest, index, cumulative):
    assert payment.leaf_of(digest, index, cumulative) == receipt_leaf(digest, index, cumulative)


def test_the_domain_binds_chain_and_contract(protocol, payment):
    receipt = ReceiptStruct(
        receipt_id=bytes(32),
        session=1,
        version=1,
        surcharge_epoch=0,
        terms=0,
        usage=0,
        charge=0,
        request_commitment=bytes(32),
        outcome=1,
        confidence_bps=0,
        issued_at=0,
    )
    other = protocol.twin()
    digests = {contract.hash_receipt(receipt.abi_tuple()) for contract in (payment, other)}
    with boa.env.anchor():
        boa.env.evm.patch.chain_id = 1
        digests.add(payment.hash_receipt(receipt.abi_tuple()))
        assert payment.hash_receipt(receipt.abi_tuple()) == receipt.digest(
            Domain(1, payment.address)
        )
    assert len(digests) == 3
