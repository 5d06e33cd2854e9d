# SPDX-License-Identifier: Apache-2.0
"""Signed transactions of every type that Arbitrum takes, and what is none."""

from __future__ import annotations

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from cortensor.errors import InvalidInput
from cortensor.gas.envelope import parse_envelope
from tests.python.gas.signed import KEY, TO, signed

LISTED = [{"address": TO, "storageKeys": ["0x" + "01" * 32] * 2}]


def test_every_type() -> None:
    legacy = signed(gasPrice=1, gas=21_000)
    listed = signed(gasPrice=1, gas=22_000, accessList=[])
    dynamic = signed(gas=23_000)
    delegation = Account.from_key(KEY).sign_authorization(
        {"chainId": 421_614, "address": TO, "nonce": 8}
    )
    setting = signed(gas=24_000, authorizationList=[delegation])
    assert [parse_envelope(raw)[:4] for raw in (legacy, listed, dynamic, setting)] == [
        (legacy, 0, 421_614, 21_000),
        (listed, 1, 421_614, 22_000),
        (dynamic, 2, 421_614, 23_000),
        (setting, 4, 421_614, 24_000),
    ]


def test_a_legacy_one_may_be_for_any_chain() -> None:
    assert parse_envelope(signed(gasPrice=1, chain_id=None)).chain_id is None


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "needs a signed transaction"),
        (b"\x03\xc0", "type 3 is none that Arbitrum takes"),
        (b"\x6a\xc0", "type 106 is none"),
        (b"\x02", "is no transaction"),
        (b"\x02\xc0", "has 12 fields; is it signed?"),
        (b"\xc1\x80", "has 9 fields; is it signed?"),
        (b"\x02\xcc" + b"\xc0" * 12, "a list where a number belongs"),
        (signed()[:-1], "is no transaction"),
        (signed() + b"\0", "is no transaction"),
    ],
)
def test_what_is_none(raw: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words.replace("?", r"\?")) as caught:
        parse_envelope(raw)
    assert caught.value.field == "raw_tx"


@pytest.mark.parametrize(
    ("raw", "gas"),
    [
        (signed(), 21_000),
        (signed(b"\0\1"), 21_020),
        (signed(b"\0\1", gasPrice=10**9), 21_020),
        (signed(accessList=LISTED), 21_000 + 2_400 + 2 * 1_900),
        (signed(b"\1" * 33, to=""), 21_000 + 33 * 16 + 32_000 + 4),
    ],
)
def test_intrinsic_gas(raw: bytes, gas: int) -> None:
    assert parse_envelope(raw).intrinsic().total == gas


def refusal(raw: bytes) -> str | None:
    """Return the field that is at fault, or None."""
    try:
        parse_envelope(raw)
    except InvalidInput as error:
        return error.field
    return None


@given(st.binary(max_size=300))
def test_whatever_comes_is_read_or_refused(raw: bytes) -> None:
    assert refusal(raw) in {None, "raw_tx"}
