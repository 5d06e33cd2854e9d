# SPDX-License-Identifier: Apache-2.0
"""One front and one plain Anvil for the tests that leave them well."""

from __future__ import annotations

import pytest

from scripts._anvil import run_anvil
from tests.ape.anvil.fronts import PRICE, SEPOLIA, run_front


@pytest.fixture(scope="session")
def front():
    """Arbitrum Sepolia on a dear day: bytes cost more than execution."""
    with run_front("--price-per-unit", str(PRICE)) as started:
        yield started


@pytest.fixture(scope="session")
def plain():
    """An Anvil that charges as a plain EVM."""
    with run_anvil(chain_id=SEPOLIA) as started:
        yield started
