# SPDX-License-Identifier: Apache-2.0
"""Traces made by hand: opcodes by name, each with what it takes by itself."""

from __future__ import annotations

from cortensor.gas.opcodes import NUMBERS
from cortensor.gas.trace import Detail, End, Enter, Trace
from cortensor.gas.transaction import Receipt, Transaction

SENDER, TARGET, OTHER = (f"0x{digit * 40}" for digit in "abc")


def trace(
    *steps: tuple[str, int] | tuple[str, int, list[str]],
    gas: int = 100_000,
    address: str = TARGET,
) -> Trace:
    """Return a trace of one frame: name, own gas, and operands in hex if a profile needs them."""
    ops, left, details = [], [], []
    for number, (name, cost, *words) in enumerate(steps):
        ops.append(NUMBERS[name])
        left.append(gas)
        gas -= cost
        details += [Detail(number, each) for each in words]
    return Trace(ops, left, [Enter(0, 1, address)], details, [])


def calling(*, inner_fails: bool) -> Trace:
    """Return a trace of a call: its frame writes slot 1, then the caller reads its own slot 1.

    The call takes 2,600 itself and forwards 50,000.
    """
    last, words = ("REVERT", ["0", "0", "0"]) if inner_fails else ("STOP", [])
    used = 3 + 22_100
    ops = [NUMBERS[name] for name in ("PUSH1", "CALL", "PUSH1", "SSTORE", last, "SLOAD", "STOP")]
    after = 100_000 - 3 - 2_600 - used
    left = [100_000, 99_997, 50_000, 49_997, 27_897, after, after - 2_100]
    details = [Detail(1, [OTHER[2:], "0"]), Detail(3, ["1", "2a"]), Detail(5, ["1"])]
    details += [Detail(4, words)] if words else []
    enters = [Enter(0, 1, TARGET), Enter(2, 2, OTHER), Enter(5, 1, TARGET)]
    return Trace(ops, left, enters, details, [End(4, used, inner_fails)])


def transaction(data: bytes = b"", to: str | None = TARGET, **more: object) -> Transaction:
    """Return a transaction of 21,000 and its calldata."""
    fields: dict[str, object] = {
        "tx_hash": "0x" + "11" * 32,
        "chain_id": 31_337,
        "tx_type": 2,
        "sender": SENDER,
        "to": to,
        "created": None if to else OTHER,
        "data": data,
        "coinbase": "0x" + "00" * 20,
        "raw": None,
        "access_list": [],
        **more,
    }
    return Transaction(**fields)  # type: ignore[arg-type]


def receipt(gas_used: int, *, is_failed: bool = False, poster_gas: int | None = None) -> Receipt:
    """Return a receipt without events."""
    return Receipt(gas_used=gas_used, is_failed=is_failed, logs=[], poster_gas=poster_gas)
