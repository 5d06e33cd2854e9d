# SPDX-License-Identifier: Apache-2.0
"""A chain that settles, and a ledger with two receipts of one session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cortensor.receipts.sign import address_of
from cortensor.store.address import DatabaseAddress
from cortensor.store.store import Store
from tests.python.chain.settling_chain import SettlingChain
from tests.python.router.harness import CARD, SIGNER_KEY
from tests.python.store.test_ledger import charge, facts


@pytest.fixture
def chain() -> Iterator[SettlingChain]:
    fake = SettlingChain(CARD, address_of(SIGNER_KEY))
    yield fake
    fake.close()


@pytest.fixture
def store(database: DatabaseAddress) -> Iterator[Store]:
    with Store(database) as opened:
        opened.ledger.refresh(facts())
        charge(opened, 1, 10)
        charge(opened, 2, 5)
        yield opened
        assert opened.ledger.audit() == []
