# SPDX-License-Identifier: Apache-2.0
"""Wrapped COR with a holder who has a key, and a wallet that is a contract."""

from __future__ import annotations

import boa
import pytest

from tests.contracts.fresh import deploy_fresh
from tests.contracts.protocol import CHAIN_ID, COR, START
from tests.contracts.signing import account


@pytest.fixture(scope="module")
def holder():
    """Has a key, 100 wrapped and 100 unwrapped."""
    return account("holder of wrapped COR")


@pytest.fixture(scope="module")
def other():
    return boa.env.generate_address("other")


@pytest.fixture(scope="module")
def stranger():
    return boa.env.generate_address("stranger")


@pytest.fixture(scope="module")
def wrapped(holder):
    boa.env.timestamp = START
    boa.env.evm.patch.chain_id = CHAIN_ID
    deployed = deploy_fresh("WrappedCOR")
    boa.env.set_balance(holder.address, 200 * COR)
    deployed.deposit(value=100 * COR, sender=holder.address)
    return deployed


@pytest.fixture(scope="module")
def wallet(holder):
    return deploy_fresh("mocks/MockWallet", holder.address)
