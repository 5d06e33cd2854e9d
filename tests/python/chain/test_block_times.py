# SPDX-License-Identifier: Apache-2.0
"""Where to begin to look, on a chain whose blocks may be re-organised away."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from web3.exceptions import BlockNotFound

from cortensor.chain.block_times import BlockTimes

MOMENT = 500
REORGANISED = (
    [*range(0, 400, 10), *range(MOMENT, 1_000, 10)],  # the moment came ten blocks earlier
    [0, 100, MOMENT, 600],  # and with far fewer blocks
    [MOMENT - 1] * 200,  # and not yet
)


class Node:
    """A node of a chain whose blocks have these times."""

    def __init__(self, times: list[int]) -> None:
        self.times = times
        self.asked: list[int] = []
        self.eth: Any = self

    @property
    def block_number(self) -> int:
        return len(self.times) - 1

    def get_block(self, block: int | str) -> dict[str, int]:
        number = self.block_number if isinstance(block, str) else block
        self.asked.append(number)
        if not 0 <= number < len(self.times):
            raise BlockNotFound(number)
        return {"timestamp": self.times[number], "number": number}


def first(times: list[int]) -> int:
    return next((n for n, each in enumerate(times) if each >= MOMENT), len(times))


def made(times: list[int]) -> tuple[Node, Any]:
    node = Node(times)
    return node, BlockTimes(SimpleNamespace(eth=node))  # type: ignore[arg-type]


def test_it_is_the_first_block_of_the_moment_and_asked_for_once() -> None:
    node, times = made(list(range(0, 10_000, 10)))
    assert times.first_since(MOMENT) == 50
    node.asked.clear()
    assert times.first_since(MOMENT) == 50
    assert node.asked == [49]


def test_nothing_before_the_lowest_block_is_looked_at() -> None:
    node, times = made(list(range(0, 10_000, 10)))
    assert [times.first_since(MOMENT, 70), times.first_since(MOMENT, 70)] == [70, 70]
    assert min(node.asked) >= 70


@pytest.mark.parametrize("after", REORGANISED)
def test_what_was_reorganised_away_is_looked_for_again(after: list[int]) -> None:
    node, times = made(list(range(0, 10_000, 10)))
    for block in range(100):
        times.of(block)  # what is known of blocks that will be gone
    times.first_since(MOMENT)
    node.times = after
    assert times.first_since(MOMENT) <= first(after)
    assert times.first_since(MOMENT) >= min(50, first(after))


def test_all_blocks_of_the_moment_itself_are_looked_at() -> None:
    _, times = made([0, 100, *[MOMENT] * 40, 600])
    assert times.first_since(MOMENT) == 2
