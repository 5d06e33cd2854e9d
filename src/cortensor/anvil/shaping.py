# SPDX-License-Identifier: Apache-2.0
"""Receipts and blocks of a plain EVM, as Arbitrum shows them."""

from __future__ import annotations

from typing import Any

from cortensor.gas.arbitrum import SIGNED_TYPES, pays_poster, poster_gas, poster_units

HEADER_GAS_LIMIT = 2**50
NO_SENDS = "0x" + "00" * 32

Json = dict[str, Any]


def charge_of(
    raw: bytes, transaction: Json, block: Json, *, brotli_level: int, price_per_unit: int
) -> int:
    """Return the gas that a transaction pays for its bytes.

    Args:
        raw: its envelope.
        transaction: as a node shows it; of it the type.
        block: its block; of it coinbase and base fee.
        brotli_level: of the chain before the block.
        price_per_unit: wei, of the chain before the block.
    """
    base_fee = number(block["baseFeePerGas"])
    if not pays_poster(number(transaction["type"]), block["miner"], base_fee):
        return 0
    return poster_gas(poster_units(raw, brotli_level), price_per_unit, base_fee)


def receipt_with(receipt: Json, charges: list[int], base_fee: int) -> Json:
    """Return a receipt with what the bytes of its block's transactions take.

    Args:
        receipt: of a plain EVM.
        charges: poster gas of each transaction of the block, in order.
        base_fee: the block's, in wei: what is paid.
    """
    if number(receipt["type"]) not in SIGNED_TYPES:
        return receipt
    at = number(receipt["transactionIndex"])
    return receipt | {
        "gasUsed": hex(number(receipt["gasUsed"]) + charges[at]),
        "cumulativeGasUsed": hex(number(receipt["cumulativeGasUsed"]) + sum(charges[: at + 1])),
        "gasUsedForL1": hex(charges[at]),
        "effectiveGasPrice": hex(base_fee),
        "l1BlockNumber": hex(number(receipt["blockNumber"])),
    }


def block_with(block: Json, charges: list[int]) -> Json:
    """Return a block as Nitro shows its own. No message has left this chain for its parent."""
    return block | {
        "gasUsed": hex(number(block["gasUsed"]) + sum(charges)),
        "gasLimit": hex(HEADER_GAS_LIMIT),
        "l1BlockNumber": hex(number(block["number"])),
        "sendRoot": NO_SENDS,
        "sendCount": "0x0",
    }


def history_with(history: Json, base_fee: int) -> Json:
    """Return a fee history in which the next block has the base fee, and nobody is tipped."""
    told = history | {"baseFeePerGas": [*history["baseFeePerGas"][:-1], hex(base_fee)]}
    if history.get("reward"):
        told["reward"] = [["0x0"] * len(row) for row in history["reward"]]
    return told


def moved_wei(
    receipts: list[Json], charges: list[int], base_fee: int, *, pool: str, coinbase: str
) -> dict[str, int]:
    """Return what a block's charges move: address -> wei to add.

    A plain EVM took execution and a tip; Arbitrum takes execution and the bytes, no tip.

    Args:
        receipts: of a plain EVM, in order.
        charges: poster gas of each.
        base_fee: the block's, in wei.
        pool: who gets what is paid for bytes.
        coinbase: who got the tips.
    """
    moved: dict[str, int] = {}
    for receipt, charge in zip(receipts, charges, strict=True):
        tip = number(receipt["gasUsed"]) * (number(receipt["effectiveGasPrice"]) - base_fee)
        posting = charge * base_fee
        for who, wei in ((receipt["from"], tip - posting), (pool, posting), (coinbase, -tip)):
            if wei:
                moved[who.lower()] = moved.get(who.lower(), 0) + wei
    return {who: wei for who, wei in moved.items() if wei}


def number(value: str | int) -> int:
    """Return a quantity of JSON-RPC."""
    return value if isinstance(value, int) else int(value, 16)
