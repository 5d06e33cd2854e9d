# SPDX-License-Identifier: Apache-2.0
"""Small contracts that touch storage in every way a profile tells apart."""

from __future__ import annotations

from typing import Any

from vyper import compile_code

KEEPER = """
# pragma version 0.4.3
# pragma evm-version cancun

struct Pair:
    left: uint256
    right: uint256

event Told:
    number: indexed(uint256)
    text: String[8]

total: uint256
fixed: uint256[3]
queue: DynArray[uint256, 4]
allowed: HashMap[address, HashMap[uint256, bool]]
pairs: HashMap[uint256, Pair]
notes: HashMap[String[8], String[64]]

@external
def again() -> uint256:
    first: uint256 = self.total
    second: uint256 = self.total
    third: uint256 = self.total
    self.total = first + second + third + 1
    return self.total

@external
def fill(number: uint256, text: String[8]):
    self.fixed[1] = number
    self.queue.append(number)
    self.allowed[msg.sender][number] = True
    self.pairs[5] = Pair(left=number, right=number + 1)
    self.notes[text] = "a note of more than one word, so that it takes two"
    log Told(number=number, text=text)

@external
def clear(number: uint256):
    self.fixed[1] = 0
    self.queue.pop()
    self.pairs[5].left = 0
    self.pairs[5].left = number
    self.pairs[5].left = 0

@external
def refuse(number: uint256):
    self.total = number
    self.fixed[1] = 0
    assert number == 0, "keeper: refused"
"""

BORN = """
# pragma version 0.4.3
# pragma evm-version cancun

total: uint256

@deploy
def __init__():
    self.total = 7
"""

CALLER = """
# pragma version 0.4.3
# pragma evm-version cancun

interface Keeper:
    def again() -> uint256: nonpayable

made: public(address)

@external
def swallow(keeper: address, number: uint256):
    data: Bytes[36] = abi_encode(number, method_id=method_id("refuse(uint256)"))
    ok: bool = raw_call(keeper, data, revert_on_failure=False)
    assert not ok
    extcall Keeper(keeper).again()
    ok = raw_call(keeper, data, revert_on_failure=False, gas=2500)
    assert not ok

@external
def copy(keeper: address) -> uint256:
    self.made = create_minimal_proxy_to(keeper)
    return extcall Keeper(self.made).again()

@external
@payable
def give(to: address):
    raw_call(to, b"", value=msg.value)
    raw_call(to, b"", value=0)
"""


def compiled(source: str) -> dict[str, Any]:
    """Return ABI, creation code and layout."""
    found: dict[str, Any] = compile_code(source, output_formats=["abi", "bytecode", "layout"])
    return found
