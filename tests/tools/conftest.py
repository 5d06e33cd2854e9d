# SPDX-License-Identifier: Apache-2.0
"""A small repository of contracts that breaks no rule; each test spoils one thing in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

CONTRACT = '''\
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Tip jar
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Counts tips.
@custom:security Holds no funds.
@custom:kill Nothing to switch off.
"""

from contracts.interfaces import IJar
from contracts.lib import jar_rules
from snekmate.auth import ownable


implements: IJar
initializes: ownable


exports: ownable.owner


_tips: uint256


@deploy
@payable
def __init__(first_tip: uint256):
    """
    @notice Opens the jar.
    @param first_tip Wei that are in it already.
    """
    ownable.__init__()
    self._tips = first_tip


@external
@payable
def tip(amount: uint256) -> uint256:
    jar_rules._check(amount)
    given: uint256 = msg.value
    assert given >= amount, "jar: too little"
    self._tips += amount
    return self._tips
'''

INTERFACE = '''\
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Tip jars
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice What a jar does.
"""


@external
@payable
def tip(amount: uint256) -> uint256:
    """
    @notice Gives a tip.
    @param amount Wei.
    @return uint256 All tips so far, in wei.
    """
    ...
'''

LIBRARY = '''\
# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Rules of jars
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice What a tip must keep.
"""


@internal
@pure
def _check(amount: uint256):
    """
    @dev Reverts on an empty tip.
    @param amount Wei.
    """
    assert amount != 0, "jar_rules: empty tip"
'''

FILES = {
    "contracts/Jar.vy": CONTRACT,
    "contracts/interfaces/IJar.vyi": INTERFACE,
    "contracts/lib/jar_rules.vy": LIBRARY,
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository root with one deployable, its interface and a library."""
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="ascii")
    return tmp_path


@pytest.fixture
def spoil(repository: Path) -> Callable[[str, str, str], Path]:
    """Replaces a text that occurs in a file of the repository."""

    def replace(name: str, old: str, new: str) -> Path:
        path = repository / name
        content = path.read_text(encoding="utf-8")
        assert old in content
        path.write_bytes(content.replace(old, new, 1).encode("utf-8"))
        return repository

    return replace
