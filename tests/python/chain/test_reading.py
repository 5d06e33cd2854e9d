# SPDX-License-Identifier: Apache-2.0
"""Address books, readers and the verifier's view."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import pytest

from cortensor.chain.book import AddressBook
from cortensor.chain.options import place_of
from cortensor.chain.reader import ChainReader
from cortensor.chain.verify import ChainView
from cortensor.errors import Conflict, InvalidInput, Unavailable, VerificationFailed
from cortensor.receipts.body import ChainBlock
from tests.python.router.fake_node import ANCHOR, CHAIN_ID, PAYMENT, TABLE
from tests.python.router.harness import CARD, COR, PAYER, make_node, session_number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.python.router.fake_node import FakeNode


@pytest.fixture
def node() -> Iterator[FakeNode]:
    fake = make_node()
    yield fake
    fake.close()


def write(folder: Path, name: str, address: str, chain_id: int = CHAIN_ID) -> None:
    record = {"contract": name, "address": address, "chain_id": chain_id, "block_number": 7}
    (folder / f"{name}-{address[-2:]}.json").write_text(json.dumps(record))


def test_deployment_records(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no folder"):
        AddressBook.load(tmp_path / "none")
    write(tmp_path, "SessionPayment", PAYMENT)
    write(tmp_path, "SessionPaymentTable", TABLE)
    with pytest.raises(InvalidInput, match="ReceiptAnchor"):
        AddressBook.load(tmp_path)
    write(tmp_path, "ReceiptAnchor", ANCHOR)
    for name in ("StakePool", "StakeQuota", "SettlementDispute"):
        with pytest.raises(InvalidInput, match=name):
            AddressBook.load(tmp_path)
        write(tmp_path, name, PAYMENT)
    (tmp_path / "notes.json").write_text("[]")
    book = AddressBook.load(tmp_path)
    assert (book.table.lower(), book.chain_id) == (TABLE, CHAIN_ID)
    # Where logs begin: not at the chain's first block.
    assert place_of(tmp_path, None).first_block == 7
    assert (book.node_reputation, book.node_reward) == (None, None)
    write(tmp_path, "NodeReputation", TABLE)
    write(tmp_path, "NodeReward", ANCHOR)
    book = AddressBook.load(tmp_path)
    assert (str(book.node_reputation).lower(), str(book.node_reward).lower()) == (TABLE, ANCHOR)
    write(tmp_path, "ReceiptAnchor", PAYMENT)
    with pytest.raises(InvalidInput, match="twice"):
        AddressBook.load(tmp_path)


def test_the_reader_speaks_the_ledgers_terms(node: FakeNode) -> None:
    session = node.open(session_number(1), PAYER, COR, task_cap_gwei=7)
    reader = ChainReader(node.url, AddressBook.of(PAYMENT, TABLE, ANCHOR))
    found = asyncio.run(reader.session(session))
    assert found is not None
    assert (found.deposit, found.task_cap_wei, found.state) == (COR, 7 * 10**9, 1)
    assert asyncio.run(reader.session(f"0x{session_number(2):040x}")) is None
    assert asyncio.run(reader.card(1)) == CARD
    assert asyncio.run(reader.identity()).chain_id == CHAIN_ID
    node.down = True
    with pytest.raises(Unavailable):
        asyncio.run(reader.ping())


def test_wrong_chains_and_contracts_are_refused(node: FakeNode) -> None:
    with pytest.raises(Conflict, match="chain"):
        asyncio.run(ChainReader(node.url, AddressBook.of(PAYMENT, TABLE, ANCHOR, 5)).identity())
    with pytest.raises(Conflict, match="works with"):
        asyncio.run(ChainReader(node.url, AddressBook.of(PAYMENT, ANCHOR, ANCHOR)).identity())
    with pytest.raises(InvalidInput):
        AddressBook.of("0x12", TABLE, ANCHOR)


def test_the_view_trusts_only_what_the_payment_contract_links(node: FakeNode) -> None:
    block = ChainBlock(
        chain_id=CHAIN_ID, session_payment=PAYMENT, table=TABLE, receipt_anchor=ANCHOR
    )
    view = ChainView(node.url, block)
    assert view.chain_id() == CHAIN_ID
    assert view.card(1) == CARD
    fake = ChainBlock(
        chain_id=CHAIN_ID, session_payment=PAYMENT, table=PAYMENT, receipt_anchor=ANCHOR
    )
    with pytest.raises(VerificationFailed, match="works with"):
        ChainView(node.url, fake).card(1)


def test_the_recursion_limit_is_pythons_own() -> None:
    assert sys.getrecursionlimit() <= 1000
