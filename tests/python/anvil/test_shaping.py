# SPDX-License-Identifier: Apache-2.0
"""Receipts and blocks of a plain EVM, as Arbitrum shows them."""

from __future__ import annotations

from typing import Any

from cortensor.anvil.shaping import block_with, charge_of, history_with, moved_wei, receipt_with
from cortensor.gas.arbitrum import SEQUENCER, poster_units
from tests.python.gas.signed import signed

FEE = 100


def receipt(at: int, gas: int, total: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "0x2",
        "from": "0xAA",
        "transactionIndex": hex(at),
        "gasUsed": hex(gas),
        "cumulativeGasUsed": hex(total),
        "effectiveGasPrice": hex(FEE + 3),
        "blockNumber": "0x9",
        "logs": [],
        **more,
    }


def test_a_receipt_has_its_bytes_and_those_before_it() -> None:
    found = receipt_with(receipt(1, 30, 50), [7, 11, 13], FEE)
    assert found == receipt(1, 41, 68) | {
        "gasUsedForL1": "0xb",
        "effectiveGasPrice": hex(FEE),
        "l1BlockNumber": "0x9",
    }


def test_what_nobody_signed_is_left_as_it_is() -> None:
    own = receipt(0, 0, 0, type="0x6a")
    assert receipt_with(own, [0], FEE) is own


def test_a_block_has_the_sum() -> None:
    block = {"number": "0x9", "gasUsed": "0x32", "gasLimit": "0x1", "l1BlockNumber": 9}
    found = block_with(block, [7, 11])
    assert (found["gasUsed"], found["gasLimit"]) == ("0x44", "0x4000000000000")
    assert found["l1BlockNumber"] == "0x9"


def test_bytes_are_charged_where_the_sequencer_made_the_block() -> None:
    raw = signed(b"\1" * 40)
    block = {"miner": SEQUENCER, "baseFeePerGas": "0x64"}

    def charge(**more: Any) -> int:
        shown = {"type": "0x2"}
        return charge_of(raw, shown, {**block, **more}, brotli_level=1, price_per_unit=1000)

    assert charge() == 10 * poster_units(raw, 1)
    assert charge(miner="0x" + "11" * 20) == 0
    assert charge(baseFeePerGas="0x0") == 0


def test_money_is_moved_and_none_is_made() -> None:
    moved = moved_wei([receipt(0, 30, 30)], [7], FEE, pool="0xbb", coinbase="0xCC")
    assert moved == {"0xaa": 30 * 3 - 7 * FEE, "0xbb": 7 * FEE, "0xcc": -30 * 3}
    assert sum(moved.values()) == 0


def test_a_history_ends_with_the_next_base_fee() -> None:
    told = history_with({"baseFeePerGas": ["0x1", "0x2"], "reward": [["0x9", "0x9"]]}, FEE)
    assert told == {"baseFeePerGas": ["0x1", "0x64"], "reward": [["0x0", "0x0"]]}
