# SPDX-License-Identifier: Apache-2.0
"""What is final, by nodes with tags and without; and what blocks go by without.

Re-organisations themselves are tried on Anvil, in tests/ape/anchoring.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cortensor.errors import Unavailable
from cortensor.receipts.sign import address_of
from cortensor.store.store import Store
from tests.python.chain.settling_chain import SettlingChain, settler
from tests.python.router.harness import CARD, SIGNER_KEY


class Tall(SettlingChain):
    """A chain of some height, whose node may know no tags.

    Attributes:
        height: of the latest block.
        tags: blocks by tag.
        code: what is answered for a tag that is not among them.
        grows: whether a block is made whenever the latest is asked for.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.height = 1
        self.tags: dict[str, int] = {}
        self.code = -39001
        self.grows = False

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        method, params = call["method"], call["params"]
        said: dict[str, Any] = {"jsonrpc": "2.0", "id": call["id"]}
        if method == "eth_blockNumber":
            self.height += self.grows
            return {**said, "result": hex(self.height)}
        if method == "eth_getLogs":
            return {**said, "result": []}
        is_tagged = method == "eth_getBlockByNumber" and params[0] in ("safe", "finalized")
        if is_tagged and params[0] not in self.tags:
            return {**said, "error": {"code": self.code, "message": "not found"}}
        answer = super().answer(call)
        if method == "eth_getBlockByNumber":
            number = self.tags.get(params[0], self.height)
            number = int(params[0], 16) if params[0].startswith("0x") else number
            answer["result"].update(number=hex(number), hash="0x" + "00" * 32)
        return answer


@pytest.fixture
def chain() -> Iterator[Tall]:
    fake = Tall(CARD, address_of(SIGNER_KEY))
    yield fake
    fake.close()


def followed(chain: Tall, store: Store) -> list[tuple[str | None, str | None]]:
    return [(each.before, each.now) for each in settler(chain, store).follow()]


def test_a_node_without_tags_is_followed_by_depth(chain: Tall, store: Store) -> None:
    settler(chain, store).settle_all()  # in block 1
    assert followed(chain, store) == []
    chain.height = 32
    assert followed(chain, store) == []
    chain.height = 33
    assert followed(chain, store) == [("soft", "safe")]
    chain.height = 65
    assert followed(chain, store) == [("safe", "hard")]
    assert store.anchored.not_final() == []


def test_a_nodes_own_tags_count_whatever_the_depth(chain: Tall, store: Store) -> None:
    chain.tags = {"safe": 0, "finalized": 0}
    settler(chain, store).settle_all()
    chain.height = 1000
    assert followed(chain, store) == []
    chain.tags = {"safe": 1, "finalized": 1}
    assert followed(chain, store) == [("soft", "hard")]


def test_a_node_that_is_overloaded_says_nothing_of_what_is_final(chain: Tall, store: Store) -> None:
    settler(chain, store).settle_all()
    chain.height, chain.code = 1000, -32005
    with pytest.raises(Unavailable):
        followed(chain, store)
    assert [batch.finality for batch in store.anchored.not_final()] == ["soft"]


def test_a_node_that_is_behind_loses_nothing(chain: Tall, store: Store) -> None:
    (done,) = settler(chain, store).settle_all()
    kept, chain.mined, chain.height = chain.mined, {}, 0
    assert followed(chain, store) == []
    batch = store.outbox.batch(done.root)
    assert batch is not None
    assert (batch.state, batch.finality) == ("confirmed", "soft")
    chain.mined = kept


def test_blocks_that_go_by_without_ours_raise_what_it_pays(chain: Tall, store: Store) -> None:
    chain.drop, chain.grows = True, True
    with pytest.raises(Unavailable, match="not mined"):
        settler(chain, store).settle_all()
    (row,) = store.database.rows("SELECT root FROM batches")
    dearer, first = store.outbox.transactions(row["root"])
    assert dearer.nonce == first.nonce
    assert first.max_fee * 113 // 100 < dearer.max_fee <= first.max_fee * 114 // 100 + 1
    chain.drop = False
    settler(chain, store).settle_all()
    assert chain.sent[-1] == dearer.raw


def test_without_blocks_the_price_stays(chain: Tall, store: Store) -> None:
    chain.drop = True
    with pytest.raises(Unavailable, match="not mined"):
        settler(chain, store).settle_all()
    (row,) = store.database.rows("SELECT root FROM batches")
    assert len(store.outbox.transactions(row["root"])) == 1
