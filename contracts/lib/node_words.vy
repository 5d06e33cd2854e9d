# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ~=0.4.3
"""
@title Three words of a node
@custom:contract-name node_words
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Each stay of a node has a word that is kept for ever, so that what was
        true of a past epoch can be shown however late.

        node:       stays u16 | disqualified_at u40 | level u8 | streak u32
                    | level_epoch u40 | model_count u16
        stay:       operator u160 | registered_at u40 | retired_at u40
        accusation: executable_at u40 | lapses_at u40 | ended_at u40
                    | is_appealed u1

        `ended_at` is when the node's last accusation was decided; the next one
        takes its place.
"""

U16: constant(uint256) = 2**16 - 1
U40: constant(uint256) = 2**40 - 1

_U8: constant(uint256) = 2**8 - 1
_U32: constant(uint256) = 2**32 - 1
_U160: constant(uint256) = 2**160 - 1

_DISQUALIFIED_AT: constant(uint256) = 16
_LEVEL: constant(uint256) = 56
_STREAK: constant(uint256) = 64
_LEVEL_EPOCH: constant(uint256) = 96
_MODEL_COUNT: constant(uint256) = 136
_REGISTERED_AT: constant(uint256) = 160
_RETIRED_AT: constant(uint256) = 200
_LAPSES_AT: constant(uint256) = 40
_ENDED_AT: constant(uint256) = 80
_IS_APPEALED: constant(uint256) = 120


@internal
@pure
def _stays(node: uint256) -> uint256:
    """
    @dev Reads how often a node was registered.
    @param node The node word.
    @return uint256 The number; that of its last stay, too.
    """
    return node & U16


@internal
@pure
def _disqualified_at(node: uint256) -> uint256:
    """
    @dev Reads when a node was disqualified.
    @param node The node word.
    @return uint256 Unix seconds; 0 if it was not.
    """
    return (node >> _DISQUALIFIED_AT) & U40


@internal
@pure
def _level(node: uint256) -> uint256:
    """
    @dev Reads a node's level.
    @param node The node word.
    @return uint256 0 to 10.
    """
    return (node >> _LEVEL) & _U8


@internal
@pure
def _streak(node: uint256) -> uint256:
    """
    @dev Reads a node's successes in a row.
    @param node The node word.
    @return uint256 The number.
    """
    return (node >> _STREAK) & _U32


@internal
@pure
def _level_epoch(node: uint256) -> uint256:
    """
    @dev Reads the epoch that a node's level is of: only a newer leaf changes it.
    @param node The node word.
    @return uint256 The epoch; that given to `_with_stay` until a leaf is taken.
    """
    return (node >> _LEVEL_EPOCH) & U40


@internal
@pure
def _model_count(node: uint256) -> uint256:
    """
    @dev Reads how many models a node is said to serve.
    @param node The node word.
    @return uint256 The number.
    """
    return node >> _MODEL_COUNT


@internal
@pure
def _with_stay(node: uint256, epoch: uint256) -> uint256:
    """
    @dev Counts one more stay; the caller has checked that it fits. Level and streak
         were the last one's: in it the tree of each epoch begins anew.
    @param node The node word.
    @param epoch The last one of which the new stay has no leaf, uint40.
    @return uint256 The new word.
    """
    return self._with_level(node, 0, 0, epoch) + 1


@internal
@pure
def _with_disqualified_at(node: uint256, moment: uint256) -> uint256:
    """
    @dev Writes when a node was disqualified; it was not before.
    @param node The node word.
    @param moment Unix seconds, uint40.
    @return uint256 The new word.
    """
    return node | moment << _DISQUALIFIED_AT


@internal
@pure
def _with_level(node: uint256, level: uint256, streak: uint256, epoch: uint256) -> uint256:
    """
    @dev Writes a node's level; the caller has checked the ranges.
    @param node The node word.
    @param level 0 to 10.
    @param streak Successes in a row, uint32.
    @param epoch The epoch that says so, uint40.
    @return uint256 The new word.
    """
    kept: uint256 = node & ~(_U8 << _LEVEL | _U32 << _STREAK | U40 << _LEVEL_EPOCH)
    return kept | level << _LEVEL | streak << _STREAK | epoch << _LEVEL_EPOCH


@internal
@pure
def _with_model_count(node: uint256, count: uint256) -> uint256:
    """
    @dev Writes how many models a node is said to serve.
    @param node The node word.
    @param count The number, uint16.
    @return uint256 The new word.
    """
    return node & (2**_MODEL_COUNT - 1) | count << _MODEL_COUNT


@internal
@pure
def _pack_stay(operator: address, registered_at: uint256, retired_at: uint256) -> uint256:
    """
    @dev Packs a stay; the caller has checked the ranges.
    @param operator Who operates the node.
    @param registered_at Unix seconds, uint40.
    @param retired_at Unix seconds, uint40; 0 while it lasts.
    @return uint256 The word.
    """
    return (
        convert(operator, uint256) | registered_at << _REGISTERED_AT | retired_at << _RETIRED_AT
    )


@internal
@pure
def _operator(stay: uint256) -> address:
    """
    @dev Reads a stay's operator.
    @param stay The stay word.
    @return address The operator; zero for a stay that was not.
    """
    return convert(stay & _U160, address)


@internal
@pure
def _registered_at(stay: uint256) -> uint256:
    """
    @dev Reads when a stay began.
    @param stay The stay word.
    @return uint256 Unix seconds.
    """
    return (stay >> _REGISTERED_AT) & U40


@internal
@pure
def _retired_at(stay: uint256) -> uint256:
    """
    @dev Reads when a stay ended.
    @param stay The stay word.
    @return uint256 Unix seconds; 0 while it lasts.
    """
    return stay >> _RETIRED_AT


@internal
@pure
def _pack_accusation(
    executable_at: uint256, lapses_at: uint256, ended_at: uint256, is_appealed: bool
) -> uint256:
    """
    @dev Packs an accusation; the caller has checked the ranges.
    @param executable_at Unix seconds, uint40.
    @param lapses_at Unix seconds, uint40; 0 for none.
    @param ended_at Unix seconds, uint40; 0 while there is one, or if none was
           decided yet.
    @param is_appealed Whether it was appealed.
    @return uint256 The word.
    """
    return (
        executable_at
        | lapses_at << _LAPSES_AT
        | ended_at << _ENDED_AT
        | convert(is_appealed, uint256) << _IS_APPEALED
    )


@internal
@pure
def _executable_at(accusation: uint256) -> uint256:
    """
    @dev Reads from when an accusation that is not appealed can be executed.
    @param accusation The accusation word.
    @return uint256 Unix seconds.
    """
    return accusation & U40


@internal
@pure
def _lapses_at(accusation: uint256) -> uint256:
    """
    @dev Reads from when an accusation is void.
    @param accusation The accusation word.
    @return uint256 Unix seconds; 0 for none.
    """
    return (accusation >> _LAPSES_AT) & U40


@internal
@pure
def _ended_at(accusation: uint256) -> uint256:
    """
    @dev Reads when the last accusation was decided.
    @param accusation The accusation word.
    @return uint256 Unix seconds; 0 if none was, or a later one lapsed.
    """
    return (accusation >> _ENDED_AT) & U40


@internal
@pure
def _is_appealed(accusation: uint256) -> bool:
    """
    @dev Reads whether an accusation was appealed.
    @param accusation The accusation word.
    @return bool Whether it was.
    """
    return accusation >> _IS_APPEALED != 0
