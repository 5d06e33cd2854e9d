# SPDX-License-Identifier: Apache-2.0
"""The block that docs/integration.md shows for asking a token answers rightly."""

from __future__ import annotations

import re
from pathlib import Path

import boa
import pytest
from eth.exceptions import Revert

from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import SUPPLY

PAGE = Path(__file__).parents[4] / "docs" / "integration.md"

ALL = {"decimals": True, "supply": True, "permit": True, "authorization": True}
NOTHING_BUT_A_SUPPLY = {"decimals": False, "supply": True, "permit": False, "authorization": False}


def supports(token) -> dict[str, bool]:
    """Run the page's block against a contract."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(blocks) == 1
    names: dict[str, object] = {}
    exec(blocks[0], names)

    def call(data: bytes) -> bytes | None:
        try:
            return bytes(boa.env.raw_call(token.address, data=data).output)
        except (Revert, boa.BoaError):
            return None

    return names["supports"](call)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("mocks/MockCOR", (SUPPLY,), ALL),
        ("mocks/MockCOR", (2**96,), ALL | {"supply": False}),
        ("WrappedCOR", (), ALL),
        ("mocks/MockFeeToken", (SUPPLY,), NOTHING_BUT_A_SUPPLY),
        ("mocks/MockSilentToken", (SUPPLY,), NOTHING_BUT_A_SUPPLY),
    ],
    ids=["local", "too many", "wrapped", "fee", "silent"],
)
def test_a_token_is_told_by_what_it_answers(name, arguments, expected):
    assert supports(deploy_fresh(name, *arguments)) == expected


def test_what_answers_everything_with_nothing_supports_nothing():
    wallet = deploy_fresh("mocks/MockWallet", boa.env.eoa)
    assert not any(supports(wallet).values())
