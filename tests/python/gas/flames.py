# SPDX-License-Identifier: Apache-2.0
"""A graph made by hand: a shop that pays into a jar, and the line maps of both."""

from __future__ import annotations

from cortensor.gas.calldata import Calldata
from cortensor.gas.closure import Closure
from cortensor.gas.flame import CONTRACT, FUNCTION, LINE, Box
from cortensor.gas.line_map import Code, Function, Line, LineMap, Run
from cortensor.gas.profile import Profile
from cortensor.receipts.keccak import keccak256, to_hex

SHOP_CODE, JAR_CODE = b"shop code", b"jar code"


def line_map(name: str, runs: list[tuple[int, int, int]], code: bytes) -> LineMap:
    """Return a map with two functions, `buy` that calls `_pay`, of a line or two each."""
    mapped = Code(len(code), to_hex(keccak256(code)), [Run(*each) for each in runs])
    return LineMap(
        contract=name,
        integrity="",
        files=[f"contracts/{name}.vy", "contracts/lib/pay.vy"],
        functions=[Function("buy", 0, 10), Function("_pay", 1, 3)],
        lines=[
            Line(0, 11, "self.count += 1"),
            Line(0, 12, "self._pay(price)"),
            Line(1, 4, "extcall jar.put(price)"),
        ],
        runtime=mapped,
        creation=mapped,
    )


def graph() -> Box:
    """Return a graph of 1,000 gas in three contracts."""
    root = Box("root", "execution")
    shop = root.box(CONTRACT, "Shop")
    buy = shop.box(FUNCTION, "buy", "contracts/Shop.vy")
    buy.box(LINE, "Shop.vy:11", "contracts/Shop.vy", "self.count += 1 # <b>").gas = 250
    paying = buy.box(LINE, "Shop.vy:12", "contracts/Shop.vy", "self._pay(price)")
    paying.gas = 50
    calls = paying.box(FUNCTION, "_pay", "contracts/lib/pay.vy").box(
        LINE, "pay.vy:4", "contracts/lib/pay.vy", "extcall jar.put(price)"
    )
    calls.gas = 100
    put = calls.box(CONTRACT, "Jar").box(FUNCTION, "put", "contracts/Jar.vy")
    put.box(LINE, "Jar.vy:7", "contracts/Jar.vy", "self.held[msg.sender] += price").gas = 599
    calls.box(CONTRACT, "0x" + "c" * 40).gas = 1
    return root


def profile_of_graph() -> Profile:
    """Return what else is known of that transaction."""
    return Profile(
        tx_hash="0x" + "12" * 32,
        contract="Shop",
        is_failed=False,
        closure=Closure(intrinsic=600, execution=1_000, refund=200, poster=7),
        classes=[],
        heat=[],
        opcodes=[],
        events=[],
        calldata=Calldata("buy(uint256)", "0x00000000", 1, 2, None, []),
        notes=[],
    )
