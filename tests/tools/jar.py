# SPDX-License-Identifier: Apache-2.0
"""A contract small enough that every mutant of it is known."""

from __future__ import annotations

JAR = '''\
# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Tip jar
"""

from contracts.lib import rules

_MOST: constant(uint256) = 100 + 0

tips: public(HashMap[address, uint256])


@external
def tip_for(giver: address, amount: uint256):
    assert amount <= _MOST, "jar: too much"
    rules._check(amount)
    self._add(giver, amount)


@internal
def _add(giver: address, amount: uint256):
    self.tips[giver] += amount
'''
