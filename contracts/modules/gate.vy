# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
# pragma nonreentrancy on
"""
@title All that opening a session must know, in one word
@custom:contract-name gate
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Guardian and pauses, the rate card that new sessions pin, and how many
        routers there are.
"""

from contracts.interfaces import IGate
from contracts.interfaces import ISessionPaymentTable
from snekmate.auth import ownable

implements: IGate
uses: ownable

OPEN_PAUSED: constant(uint256) = 160
SETTLE_PAUSED: constant(uint256) = 161

_VERSION: constant(uint256) = 168
_ROUTER_COUNT: constant(uint256) = 184
_U16: constant(uint256) = 2**16 - 1
_U160: constant(uint256) = 2**160 - 1

TABLE: public(immutable(address))


# @dev guardian u160 | opening paused u1 | settlement paused u1 | free u6
#      | adopted card version u16 | router count u32 << 184.
_word: uint256


@deploy
def __init__(guardian: address, table: address):
    """
    @dev Sets the guardian and adopts the table's card.
    @param guardian May pause; zero for none.
    @param table The price table.
    """
    assert table.is_contract, "gate: table has no code"
    TABLE = table
    log IGate.GuardianChanged(old_guardian=empty(address), new_guardian=guardian)
    self._adopt(convert(guardian, uint256))


@external
def adopt_card() -> uint256:
    return self._adopt(self._word)


@external
def set_guardian(guardian: address):
    ownable._check_owner()
    word: uint256 = self._word
    log IGate.GuardianChanged(old_guardian=convert(word & _U160, address), new_guardian=guardian)
    self._word = word & ~_U160 | convert(guardian, uint256)


@external
def set_pause(is_open_paused: bool, is_settle_paused: bool):
    word: uint256 = self._word
    if convert(msg.sender, uint256) != word & _U160:
        ownable._check_owner()
    paused: uint256 = (
        convert(is_open_paused, uint256) << OPEN_PAUSED
        | convert(is_settle_paused, uint256) << SETTLE_PAUSED
    )
    self._word = word & ~(3 << OPEN_PAUSED) | paused
    log IGate.PauseSet(is_open_paused=is_open_paused, is_settle_paused=is_settle_paused)


@external
@view
def control() -> (address, bool, bool):
    word: uint256 = self._word
    return (
        convert(word & _U160, address),
        (word >> OPEN_PAUSED) & 1 == 1,
        (word >> SETTLE_PAUSED) & 1 == 1,
    )


@external
@view
def router_count() -> uint256:
    return self._count(self._word)


@external
@view
def adopted_version() -> uint256:
    return self._version(self._word)


@internal
def _adopt(word: uint256) -> uint256:
    """
    @dev Brings the newest card in effect into use for new sessions.
    @param word The control word as it should be, but for the card.
    @return uint256 The card's version.
    """
    version: uint256 = staticcall ISessionPaymentTable(TABLE).current_version()
    old_version: uint256 = self._version(word)
    if version != old_version:
        self._word = word & ~(_U16 << _VERSION) | version << _VERSION
        log IGate.CardAdopted(old_version=old_version, new_version=version)
    return version


@internal
def _count_router() -> uint256:
    """
    @dev Gives the next router its id.
    @return uint256 The id, from 1.
    """
    word: uint256 = self._word
    router_id: uint256 = self._count(word) + 1
    assert router_id < 2**32, "gate: router ids exhausted"
    self._word = word + (1 << _ROUTER_COUNT)
    return router_id


@internal
@pure
def _version(word: uint256) -> uint256:
    """
    @dev Reads the adopted card.
    @param word The control word.
    @return uint256 The version.
    """
    return (word >> _VERSION) & _U16


@internal
@pure
def _count(word: uint256) -> uint256:
    """
    @dev Reads how many routers there are.
    @param word The control word.
    @return uint256 The number.
    """
    return word >> _ROUTER_COUNT
