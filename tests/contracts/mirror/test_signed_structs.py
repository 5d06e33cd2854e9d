# SPDX-License-Identifier: Apache-2.0
"""What payers and session keys sign, as a wallet's library hashes it."""

from __future__ import annotations

from eth_account.messages import encode_typed_data
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.profile import examples
from tests.contracts.protocol import CHAIN_ID, U96, OpenRequest

NAMES = {
    "uint32": ("router_id",),
    "uint16": ("version", "surcharge_cap_bps"),
    "uint8": ("volume_tier", "funding"),
    "uint64": ("task_cap_gwei",),
    "uint40": ("expiry",),
    "address": ("session_key",),
    "uint256": ("terms",),
    "bytes32": ("salt",),
    "uint96": ("amount",),
}
KINDS = {name: kind for kind, names in NAMES.items() for name in names}
ADDRESSES = st.integers(1, 2**160 - 1).map(lambda n: f"0x{n:040x}")
WORDS = st.binary(min_size=32, max_size=32)


def value(kind: str) -> st.SearchStrategy[object]:
    if kind == "address":
        return ADDRESSES
    if kind == "bytes32":
        return WORDS
    return st.integers(0, 2 ** int(kind.removeprefix("uint")) - 1)


def digest(payment, name: str, fields: list[tuple[str, str]], values: dict[str, object]) -> bytes:
    """Hash a struct in the contract's domain by eth_account."""
    message = encode_typed_data(
        {
            "name": "Cortensor SessionPayment",
            "version": "1",
            "chainId": CHAIN_ID,
            "verifyingContract": payment.address,
        },
        {name: [{"name": field, "type": kind} for field, kind in fields]},
        values,
    )
    return keccak(b"\x19" + message.version + message.header + message.body)


@settings(max_examples=examples(100))
@given(
    payer=ADDRESSES,
    request=st.builds(OpenRequest, **{name: value(KINDS[name]) for name in OpenRequest._fields}),
)
def test_opening(payment, payer, request):
    fields = [("payer", "address"), *((name, KINDS[name]) for name in OpenRequest._fields)]
    values = {"payer": payer, **request._asdict()}
    assert payment.hash_open(payer, request) == digest(payment, "Open", fields, values)


@settings(max_examples=examples(50))
@given(session=value("uint256"), commitment=WORDS, most=st.integers(0, U96))
def test_requests(payment, session, commitment, most):
    fields = [("session", "uint256"), ("request_commitment", "bytes32"), ("max_charge", "uint96")]
    values = {"session": session, "request_commitment": commitment, "max_charge": most}
    assert payment.hash_request(session, commitment, most) == digest(
        payment, "Request", fields, values
    )


@settings(max_examples=examples(50))
@given(session=value("uint256"), total=st.integers(0, U96))
def test_vouchers(payment, session, total):
    fields = [("session", "uint256"), ("cumulative", "uint96")]
    values = {"session": session, "cumulative": total}
    assert payment.hash_voucher(session, total) == digest(payment, "Voucher", fields, values)
