# SPDX-License-Identifier: Apache-2.0
"""Several endpoints as one: which chain they are on, and what is said if it is another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cortensor.chain import failover
from cortensor.chain.failover import name_of
from cortensor.chain.quota_view import QuotaView
from cortensor.chain.rpc import chain_of, connect, node_errors
from cortensor.chain.verify import ChainView
from cortensor.errors import Conflict, InvalidInput, Unavailable
from cortensor.receipts import ChainBlock
from cortensor.receipts.sign import address_of
from tests.python.router.fake_node import ANCHOR, CHAIN_ID, PAYMENT, TABLE, FakeNode
from tests.python.router.harness import CARD, SIGNER_KEY

AWAY = "http://127.0.0.1:1"
OTHER_CHAIN = 5


class OtherNode(FakeNode):
    """A node of another chain."""

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "eth_chainId":
            return {"jsonrpc": "2.0", "id": call["id"], "result": hex(OTHER_CHAIN)}
        return super().answer(call)


@pytest.fixture
def node() -> Iterator[FakeNode]:
    fake = FakeNode(CARD, address_of(SIGNER_KEY))
    yield fake
    fake.close()


@pytest.fixture
def strangers() -> Iterator[tuple[OtherNode, OtherNode]]:
    fakes = OtherNode(CARD, ""), OtherNode(CARD, "")
    yield fakes
    for fake in fakes:
        fake.close()


def test_all_on_another_chain_is_said_so(strangers: tuple[OtherNode, OtherNode]) -> None:
    one, other = strangers
    web3 = connect([one.url, other.url], CHAIN_ID)
    with pytest.raises(Conflict, match=f"2 endpoints are on chain 5, not {CHAIN_ID}") as at_start:
        chain_of(web3, CHAIN_ID, "rpc_url")
    assert (at_start.value.code, at_start.value.field) == ("wrong_chain", "rpc_url")
    # Later on it is no conflict: a settler must not take it for the contract's refusal of a batch.
    with pytest.raises(Unavailable) as later, node_errors("block"):
        web3.eth.get_block("latest")
    assert later.value.code == "wrong_chain"
    with pytest.raises(Conflict, match="chain 5"):
        QuotaView([one.url, other.url], PAYMENT, CHAIN_ID)
    other.down = True  # it may be on the right one
    with pytest.raises(Unavailable) as away:
        chain_of(connect([one.url, other.url], CHAIN_ID))
    assert away.value.code == "chain_unavailable"


def test_a_node_that_fails_later_is_away_and_on_no_other_chain(
    node: FakeNode, strangers: tuple[OtherNode, OtherNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    web3 = connect([node.url, strangers[0].url], CHAIN_ID)
    assert chain_of(web3) == CHAIN_ID
    node.down = True
    with pytest.raises(Unavailable) as away:
        chain_of(web3)
    assert away.value.code == "chain_unavailable"
    node.down = False
    monkeypatch.setattr(failover, "CHECK_S", 0)
    assert chain_of(web3) == CHAIN_ID


def test_of_any_chain_it_is_that_of_the_first_to_answer(
    node: FakeNode, strangers: tuple[OtherNode, OtherNode]
) -> None:
    assert chain_of(connect([AWAY, strangers[0].url, node.url])) == OTHER_CHAIN


def test_a_receipt_asks_the_endpoints_of_its_chain(
    node: FakeNode, strangers: tuple[OtherNode, OtherNode]
) -> None:
    block = ChainBlock(
        chain_id=CHAIN_ID, session_payment=PAYMENT, table=TABLE, receipt_anchor=ANCHOR
    )
    one, other = strangers
    view = ChainView([AWAY, one.url, node.url], block)
    assert (view.chain_id(), view.card(1)) == (CHAIN_ID, CARD)
    assert one.calls == []
    with pytest.raises(Conflict, match="endpoints are on chain 5"):
        ChainView([one.url, other.url], block).chain_id()


@pytest.mark.parametrize(
    "url", ["", "node", "ws://node", "http://", "http://node:99999", "http://[", "file:///x"]
)
def test_what_is_no_http_url_is_refused_at_once(url: str) -> None:
    for given in (url, [url], [AWAY, url]):
        with pytest.raises(InvalidInput, match=r"rpc_url: must be an http\(s\) URL"):
            connect(given)


def test_a_url_is_told_without_what_may_be_a_key() -> None:
    assert name_of("https://user:pass@node.example/v2/KEY?key=KEY") == "node.example"
    assert name_of("http://node:8545/KEY") == "node:8545"
