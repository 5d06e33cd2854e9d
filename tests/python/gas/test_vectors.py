# SPDX-License-Identifier: Apache-2.0
"""Blocks of real chains: every unit, every fee and every base fee as the chain had it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eth_utils import keccak

from cortensor.gas.arbitrum import fee_of, pays_poster, poster_gas, poster_units, total_fee
from cortensor.gas.base_fee import Constraint, Constraints, OneBacklog, next_block

VECTORS = Path(__file__).parents[3].parent / "shared" / "vectors" / "arbitrum_txs.json"
INTERNAL = "0x6a"

Vector = dict[str, Any]

BLOCKS = json.loads(VECTORS.read_text())["blocks"] if VECTORS.is_file() else []
TRANSACTIONS = [(block, tx) for block in BLOCKS for tx in block["txs"]]

pytestmark = pytest.mark.skipif(not BLOCKS, reason=f"recorded blocks are not there: {VECTORS.name}")


def name(block: Vector) -> str:
    return f"{block['chain_id']}/{block['block']}"


def units_of(block: Vector, tx: Vector) -> int:
    if not pays_poster(tx["type"], block["coinbase"], block["base_fee"]):
        return 0
    return poster_units(bytes.fromhex(tx["raw"][2:]), block["brotli_level"])


def controller(block: Vector) -> OneBacklog | Constraints:
    pricing = block["l2_pricing"]
    if pricing["model"] == "legacy":
        return OneBacklog(
            block["min_base_fee"],
            pricing["speed_limit"],
            pricing["inertia"],
            pricing["tolerance"],
            pricing["backlog"],
        )
    return Constraints.of(
        block["min_base_fee"],
        # A window that nobody read is not recorded: there the backlog is worked off.
        [Constraint(c["target"], c["window"] or 1, c["backlog"]) for c in pricing["constraints"]],
    )


def backlogs_after(block: Vector) -> list[int]:
    pricing = block["l2_pricing"]
    if pricing["model"] == "legacy":
        return [pricing["backlog_after"]]
    return [each["backlog_after"] for each in pricing["constraints"]]


def test_all_recorded_transactions_are_here() -> None:
    assert (len(BLOCKS), len(TRANSACTIONS)) == (12, 111)


@pytest.mark.parametrize(
    ("block", "tx"), TRANSACTIONS, ids=[f"{name(b)}/{t['index']}" for b, t in TRANSACTIONS]
)
def test_units_poster_gas_and_fee_of_a_transaction(block: Vector, tx: Vector) -> None:
    raw = bytes.fromhex(tx["raw"][2:])
    assert "0x" + keccak(raw).hex() == tx["hash"]
    units = units_of(block, tx)
    assert units == tx["units"]
    gas = poster_gas(units, block["price_per_unit"], block["base_fee"])
    assert gas == tx["poster_gas"]
    fee = total_fee(tx["l2_gas"], gas, block["base_fee"])
    assert fee == tx["gas_used"] * block["base_fee"]
    if block["sequenced"]:
        told = fee_of(
            raw,
            tx["l2_gas"],
            brotli_level=block["brotli_level"],
            price_per_unit=block["price_per_unit"],
            base_fee=block["base_fee"],
        )
        assert (told.units, told.gas_used, told.total_wei) == (units, tx["gas_used"], fee)


@pytest.mark.parametrize("block", BLOCKS, ids=name)
def test_a_block_adds_what_the_chain_counted(block: Vector) -> None:
    units = sum(units_of(block, tx) for tx in block["txs"])
    wei = sum(
        poster_gas(units_of(block, tx), block["price_per_unit"], block["base_fee"])
        for tx in block["txs"]
    )
    wei *= block["base_fee"]
    if block["onchain_units_delta"] is not None:
        assert units == block["onchain_units_delta"]
    for counted in ("onchain_poster_fee_wei", "onchain_l1_fees_delta_wei"):
        if block[counted] is not None:
            assert wei == block[counted]


@pytest.mark.parametrize("block", BLOCKS, ids=name)
def test_the_next_base_fee_and_the_backlog(block: Vector) -> None:
    used = sum(tx["l2_gas"] for tx in block["txs"])
    used += sum(tx["gas_used"] for tx in block["system_txs"])
    pricing = block["l2_pricing"]
    base_fee, after = next_block(controller(block), pricing["seconds_elapsed"], used)
    assert base_fee == pricing["next_base_fee"]
    if all(tx["type"] == INTERNAL for tx in block["system_txs"]):  # a retry counts otherwise
        found = (
            [after.backlog] if isinstance(after, OneBacklog) else [c.backlog for c in after.items]
        )
        assert found == backlogs_after(block)
