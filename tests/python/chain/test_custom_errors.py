# SPDX-License-Identifier: Apache-2.0
"""Refusals by custom error are told in words; whatever else a node says stays as it is."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector

from cortensor.chain.custom_errors import SIGNATURES, readable

SOMEBODY = "0x" + "5e" * 20
VALUES = {"address": SOMEBODY, "uint256": 7}


def given(signature: str) -> tuple[str, str]:
    """Return an error as bytes and as it should read."""
    types = signature[signature.index("(") + 1 : -1].split(",")
    values = [VALUES[kind] for kind in types]
    raw = function_signature_to_4byte_selector(signature) + encode(types, values)
    words = ", ".join(map(str, values))
    return "0x" + raw.hex(), f"{signature.partition('(')[0]}({words})"


@pytest.mark.parametrize("signature", SIGNATURES)
def test_each_is_told_with_its_values(signature: str) -> None:
    raw, expected = given(signature)
    assert readable(raw) == expected


@pytest.mark.parametrize(
    "reason",
    [
        "execution reverted: Not authorized",
        "",
        "0x",
        "0xzz",
        "0x12345678",
        "0x7e273289",  # ERC721NonexistentToken without its value
        "0x7e27",
    ],
)
def test_anything_else_stays_as_it_is(reason: str) -> None:
    assert readable(reason) == reason
