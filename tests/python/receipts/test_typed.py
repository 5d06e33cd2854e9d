# SPDX-License-Identifier: Apache-2.0
"""EIP-712 digests against eth_account's, signatures against eth_account's, and access tokens."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import InvalidInput, Unauthorized, VerificationFailed
from cortensor.receipts import (
    AccessGrant,
    Domain,
    ReceiptStruct,
    address_of,
    make_token,
    outcome_code,
    parse_token,
    recover,
    sign,
)
from tests.conformance.samples import OTHER_KEY, ROUTER_KEY, SESSION

DOMAIN = Domain(421_614, "0x" + "ab" * 20)
DOMAIN_DATA = {
    "name": "Cortensor SessionPayment",
    "version": "1",
    "chainId": DOMAIN.chain_id,
    "verifyingContract": DOMAIN.session_payment,
}
RECEIPT_FIELDS = [
    {"name": "receipt_id", "type": "bytes32"},
    {"name": "session", "type": "uint256"},
    {"name": "version", "type": "uint16"},
    {"name": "surcharge_epoch", "type": "uint32"},
    {"name": "terms", "type": "uint256"},
    {"name": "usage", "type": "uint256"},
    {"name": "charge", "type": "uint96"},
    {"name": "request_commitment", "type": "bytes32"},
    {"name": "subject", "type": "bytes32"},
    {"name": "outcome", "type": "uint8"},
    {"name": "confidence_bps", "type": "uint16"},
    {"name": "issued_at", "type": "uint64"},
]


def _values(types: list[dict[str, str]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            field["name"]: st.binary(min_size=32, max_size=32)
            if field["type"] == "bytes32"
            else st.integers(0, 2 ** int(field["type"][4:]) - 1)
            for field in types
        }
    )


def _digest(name: str, types: list[dict[str, str]], message: dict[str, Any]) -> bytes:
    signable = encode_typed_data(DOMAIN_DATA, {name: types}, message)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


@given(_values(RECEIPT_FIELDS))
def test_receipt_digest_is_eip712(values: dict[str, Any]) -> None:
    struct = ReceiptStruct(**values)
    assert struct.digest(DOMAIN) == _digest("Receipt", RECEIPT_FIELDS, values)
    assert ReceiptStruct.from_json(struct.to_json()) == struct
    assert struct.abi_tuple() == tuple(values[field["name"]] for field in RECEIPT_FIELDS)


@given(st.integers(0, 2**160 - 1), st.integers(0, 2**64 - 1))
def test_access_digest_is_eip712(session: int, expires: int) -> None:
    types = [{"name": "session", "type": "uint256"}, {"name": "expires", "type": "uint64"}]
    expected = _digest("AccessGrant", types, {"session": session, "expires": expires})
    assert AccessGrant(session, expires).digest(DOMAIN) == expected


def test_checksum_case_of_the_domain_is_irrelevant() -> None:
    assert Domain(1, "0x" + "AB" * 20).separator() == Domain(1, "0x" + "ab" * 20).separator()
    with pytest.raises(InvalidInput, match="session_payment"):
        Domain(1, "0xab").separator()


@pytest.mark.parametrize("field", RECEIPT_FIELDS, ids=lambda f: f["name"])
def test_each_field_keeps_to_its_type(field: dict[str, str]) -> None:
    zero = {f["name"]: bytes(32) if f["type"] == "bytes32" else 0 for f in RECEIPT_FIELDS}
    wrong: Any = bytes(31)
    if field["type"] != "bytes32":
        wrong = 2 ** int(field["type"][4:])
    struct = msgspec.structs.replace(ReceiptStruct(**zero), **{field["name"]: wrong})  # type: ignore[arg-type]
    with pytest.raises(InvalidInput) as caught:
        struct.hash_struct()
    assert caught.value.field == f"charge.{field['name']}"


@pytest.mark.parametrize("text", ["", "-1", "01", "+1", "1.0", "0x1", "\u0661", "9" * 200, " 1"])
def test_integers_have_one_spelling(text: str) -> None:
    zero = {f["name"]: bytes(32) if f["type"] == "bytes32" else 0 for f in RECEIPT_FIELDS}
    data = {**ReceiptStruct(**zero).to_json(), "charge": text}  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=r"charge\.charge"):
        ReceiptStruct.from_json(data)


def test_outcomes_have_codes() -> None:
    assert [outcome_code(name) for name in ("NO_CONSENSUS", "OK", "VALID", "FAILED")] == [
        0,
        1,
        2,
        6,
    ]
    assert outcome_code("INCONCLUSIVE") == 11
    with pytest.raises(InvalidInput, match=r"result\.outcome"):
        outcome_code("MAYBE")


@given(st.binary(min_size=32, max_size=32), st.integers(1, 2**255))
def test_signatures_are_eth_accounts(digest: bytes, secret: int) -> None:
    key = secret.to_bytes(32, "big")
    signature = sign(key, digest)
    assert signature == bytes(Account.unsafe_sign_hash(digest, key).signature)
    assert recover(digest, signature) == Account.from_key(key).address.lower() == address_of(key)


def test_malformed_signatures_are_refused() -> None:
    digest = bytes(32)
    good = sign(ROUTER_KEY, digest)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    flipped = (order - int.from_bytes(good[32:64], "big")).to_bytes(32, "big")
    for bad in (
        b"",
        good[:-1],
        good + b"\0",
        good[:-1] + bytes([good[-1] - 27]),
        good[:32] + flipped + bytes([55 - good[64]]),
        bytes(64) + b"\x1b",
        b"\xff" * 32 + bytes(31) + b"\1\x1b",
    ):
        with pytest.raises(VerificationFailed) as caught:
            recover(digest, bad)
        assert caught.value.field == "signature"


@pytest.mark.parametrize("key", ["", "11", "zz" * 32, b"\1" * 31, "0x" + "1" * 63])
def test_a_bad_key_is_refused_and_not_repeated(key: bytes | str) -> None:
    with pytest.raises(InvalidInput) as caught:
        sign(key, bytes(32))
    assert caught.value.field == "private_key"
    assert caught.value.__cause__ is None
    assert caught.value.reason == "must be a 32-byte private key"


def test_an_access_token_carries_the_payers_word() -> None:
    token = make_token(OTHER_KEY, AccessGrant(SESSION, 1_790_000_000), DOMAIN)
    assert token.startswith(f"ctx1.{SESSION:040x}.1790000000.")
    access = parse_token(token)
    assert access.grant == AccessGrant(SESSION, 1_790_000_000)
    assert access.signer(DOMAIN) == address_of(OTHER_KEY)
    assert access.signer(Domain(1, DOMAIN.session_payment)) != address_of(OTHER_KEY)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t[:-1],
        lambda t: t + "\n",
        lambda t: t.replace("ctx1", "ctx2"),
        lambda t: t.upper(),
        lambda t: t.replace(".17", ".017"),
        lambda t: t[:0],
    ],
)
def test_a_token_has_one_form(change: Any) -> None:
    token = make_token(OTHER_KEY, AccessGrant(SESSION, 1_790_000_000), DOMAIN)
    with pytest.raises(Unauthorized, match="authorization"):
        parse_token(change(token))
