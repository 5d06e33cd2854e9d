# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Stake of nodes and bonds of routers
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Nodes stake to take part; routers bond for what they settle. Stake
        leaves after a cool-down and can be slashed until then: a bond by the
        dispute contract on proof, any position by the slasher, which is
        capped, waits, and can be appealed.
@dev    Words: lib/position_words.vy. Tokens: modules/cor.vy.
@custom:security The token is trusted to move what it says (no fee on transfer)
                 and is checked at deployment. The dispute contract, named once
                 with the escrow, is trusted with bonds, never with nodes'
                 stake. The slasher can take SLASH_CAP_BPS of a position each
                 time, unless its owner appeals and the owner of this contract
                 does not uphold it; so the two together are trusted with that
                 much. The owner names the slasher and the treasury, which is
                 paid what they slash; it can pay no stake to itself, hold none
                 back, nor change a window or a cap. A bond's owner is whom the
                 router's settler named when it was opened, for ever.
@custom:kill Nothing to switch off: set_slasher(zero) ends slashing by role,
             and every owner takes its stake back by request_unstake and, after
             the cool-down, withdraw, whoever else is gone.
@custom:invariants
        INV-S1 Token balance >= what is staked and what leaves over all
        positions, and equal to it unless somebody sent tokens here unasked.
        INV-S2 A position loses only what is withdrawn to its owner or slashed,
        and no slash takes more than the position has.
        INV-S3 Stake goes back to the position's owner alone, who can always
        have what was not slashed after the cool-down, whoever else is gone.
        INV-S4 The slasher takes at most SLASH_CAP_BPS of a position at a time,
        and proposes again APPEAL_SECONDS after its last proposal ended at the
        earliest.
        INV-S5 The slasher takes nothing before the appeal window is over, but
        where the owner of this contract upholds an appeal sooner, nor after an
        appeal that it did not uphold.
        INV-S6 What leaves is slashable until it is withdrawn, and is not
        withdrawn while a slash is proposed.
        INV-S7 Cover counts only what does not leave, and nothing below the
        minimum bond.
        INV-S8 The dispute contract takes from bonds, never from a node's
        stake.
"""

from contracts.interfaces import IRouters
from contracts.interfaces import IStakePool
from contracts.lib import position_words as words
from contracts.modules import cor
from snekmate.auth import ownable
from snekmate.auth import ownable_2step

implements: IStakePool
initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: cor

exports: (
    # @dev Two-step ownership; `renounce_ownership` is withheld, since appeals
    #      could then only lapse.
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    cor.TOKEN,
)

_BPS: constant(uint256) = 10_000
_MAX_COVER_BPS: constant(uint256) = 1_000_000
_MAX_COOLDOWN_SECONDS: constant(uint256) = 60 * 86_400
_MAX_APPEAL_SECONDS: constant(uint256) = 30 * 86_400
# @dev Set in every node's position, so that none is a router's id.
_NODE_BIT: constant(uint256) = 2**255

COOLDOWN_SECONDS: public(immutable(uint256))
NODE_STAKE_WEI: public(immutable(uint256))
MIN_BOND_WEI: public(immutable(uint256))
COVER_BPS: public(immutable(uint256))
SLASH_CAP_BPS: public(immutable(uint256))
APPEAL_SECONDS: public(immutable(uint256))
RESOLVE_SECONDS: public(immutable(uint256))


# @dev The escrow whose routers bond here, and who may slash bonds; set once.
payment: public(address)
dispute: public(address)

# @dev Who may propose slashes, and who receives them.
slasher: public(address)
treasury: public(address)

# @dev position -> hot word (lib/position_words.vy).
_hot: HashMap[uint256, uint256]

# @dev position -> exit word.
_exits: HashMap[uint256, uint256]

# @dev position -> slash word.
_slashes: HashMap[uint256, uint256]


@deploy
def __init__(
    owner: address,
    token: address,
    treasury: address,
    slasher: address,
    cooldown_seconds: uint256,
    node_stake_wei: uint256,
    min_bond_wei: uint256,
    cover_bps: uint256,
    slash_cap_bps: uint256,
    appeal_seconds: uint256,
    resolve_seconds: uint256,
):
    """
    @notice Deploys the pool, bound to no escrow yet.
    @param owner Decides appeals and names slasher and treasury; should be a
           timelock.
    @param token COR: an ERC-20 of at most 2**96 - 1 wei in all.
    @param treasury Receives what the slasher takes.
    @param slasher May propose slashes; zero for none.
    @param cooldown_seconds How long stake takes to leave, at most 60 days;
           longer than settled money can be pending and demanded.
    @param node_stake_wei What a node must stake.
    @param min_bond_wei Below it a bond covers nothing.
    @param cover_bps What a router may have pending, as a share of its bond, at
           most 100 times the bond.
    @param slash_cap_bps The most of a position that one proposal takes.
    @param appeal_seconds How long a proposal waits for an appeal, at most 30
           days.
    @param resolve_seconds How long an appeal waits for a decision.
    """
    assert owner != empty(address), "pool: zero owner"
    assert cooldown_seconds != 0, "pool: zero cool-down"
    assert cooldown_seconds <= _MAX_COOLDOWN_SECONDS, "pool: cool-down too long"
    assert node_stake_wei != 0, "pool: zero node stake"
    assert cover_bps != 0, "pool: zero cover"
    assert cover_bps <= _MAX_COVER_BPS, "pool: cover too large"
    assert slash_cap_bps != 0, "pool: zero slash cap"
    assert slash_cap_bps <= _BPS, "pool: slash cap too large"
    assert appeal_seconds != 0, "pool: zero appeal window"
    assert appeal_seconds <= _MAX_APPEAL_SECONDS, "pool: appeal window too long"
    assert resolve_seconds != 0, "pool: zero resolve window"
    # In this order, no sum can overflow.
    assert resolve_seconds <= cooldown_seconds, "pool: appeal outlasts cooldown"
    assert appeal_seconds + resolve_seconds <= cooldown_seconds, "pool: appeal outlasts cooldown"
    ownable.__init__()
    ownable_2step.__init__()
    ownable._transfer_ownership(owner)
    cor.__init__(token, words.U96)
    COOLDOWN_SECONDS = cooldown_seconds
    NODE_STAKE_WEI = node_stake_wei
    MIN_BOND_WEI = min_bond_wei
    COVER_BPS = cover_bps
    SLASH_CAP_BPS = slash_cap_bps
    APPEAL_SECONDS = appeal_seconds
    RESOLVE_SECONDS = resolve_seconds
    self._set_treasury(treasury)
    self._set_slasher(slasher)


# ---------------------------------------------------------------------------
# Stake
# ---------------------------------------------------------------------------


@external
def open_node(node: address, amount: uint256) -> uint256:
    assert node != empty(address), "pool: zero node"
    position: uint256 = self._node_position(msg.sender, node)
    self._open(position, msg.sender, node, 0, amount)
    return position


@external
def open_bond(router_id: uint256, owner: address, amount: uint256) -> uint256:
    assert router_id <= words.U32, "pool: router id over uint32"
    assert owner != empty(address), "pool: zero bond owner"
    payment: address = self.payment
    assert payment != empty(address), "pool: not bound"
    settler: address = empty(address)
    pending: uint256 = 0
    settler, pending = staticcall IRouters(payment).router(router_id)
    assert msg.sender == settler, "pool: caller is not settler"
    self._open(router_id, owner, empty(address), router_id, amount)
    return router_id


@external
def stake(position: uint256, amount: uint256):
    assert amount != 0, "pool: zero amount"
    # Read here and not through lib/position_words.vy: this is the hot path.
    hot: uint256 = self._hot[position]
    assert hot != 0, "pool: unknown position"
    # Only a token that made more of itself since deployment comes here.
    assert amount <= words.U96 - (hot & words.U96), "pool: stake exceeds words"
    # Cannot carry into the owner, by the line above.
    self._hot[position] = unsafe_add(hot, amount)
    log IStakePool.Staked(position=position, sender=msg.sender, amount=amount)
    cor._pull(amount)


@external
def request_unstake(position: uint256, amount: uint256):
    assert amount != 0, "pool: zero amount"
    hot: uint256 = self._owned(position)
    assert amount <= words._amount(hot), "pool: more than is staked"
    leaving: uint256 = words._amount(self._exits[position]) + amount
    # As in `stake`: what leaves can be withdrawn, and then the rest follow.
    assert leaving <= words.U96, "pool: leaving exceeds words"
    withdrawable_at: uint256 = block.timestamp + COOLDOWN_SECONDS
    self._hot[position] = hot - amount
    self._exits[position] = words._pack_exit(leaving, withdrawable_at)
    log IStakePool.UnstakeRequested(
        position=position, amount=amount, withdrawable_at=withdrawable_at
    )


@external
def withdraw(position: uint256) -> uint256:
    exit: uint256 = self._exits[position]
    amount: uint256 = words._amount(exit)
    assert amount != 0, "pool: nothing to withdraw"
    assert block.timestamp >= words._withdrawable_at(exit), "pool: cooling down"
    # A proposal locks nothing for ever: anyone can execute one that was not
    # appealed, and an appeal that nobody decides lapses.
    assert not self._is_live(self._slashes[position]), "pool: slash is proposed"
    self._exits[position] = 0
    owner: address = words._owner(self._hot[position])
    log IStakePool.Unstaked(position=position, owner=owner, amount=amount)
    cor._push(owner, amount)
    return amount


# ---------------------------------------------------------------------------
# Slashing
# ---------------------------------------------------------------------------


@external
def slash_bond(router_id: uint256, amount: uint256, to: address) -> uint256:
    assert msg.sender == self.dispute, "pool: caller is not dispute"
    assert router_id <= words.U32, "pool: router id over uint32"
    assert to != empty(address), "pool: zero receiver"
    taken: uint256 = self._take(router_id, amount)
    log IStakePool.BondSlashed(router_id=router_id, to=to, wanted=amount, taken=taken)
    if taken != 0:
        cor._push(to, taken)
    return taken


@external
def propose_slash(position: uint256, amount: uint256, reason: String[128]):
    assert msg.sender == self.slasher, "pool: caller is not slasher"
    assert amount != 0, "pool: zero amount"
    slash: uint256 = self._slashes[position]
    assert not self._is_live(slash), "pool: slash is proposed"
    # Else the cap could be passed by proposing often, and stake held back by
    # one proposal after another: between two its owner can withdraw.
    ended_at: uint256 = self._last_end(slash)
    assert (
        ended_at == 0 or block.timestamp >= ended_at + APPEAL_SECONDS
    ), "pool: too soon to slash again"
    staked: uint256 = words._amount(self._hot[position]) + words._amount(self._exits[position])
    # Rounds down.
    assert amount <= staked * SLASH_CAP_BPS // _BPS, "pool: slash over the cap"
    executable_at: uint256 = block.timestamp + APPEAL_SECONDS
    self._slashes[position] = words._pack_slash(amount, executable_at, 0, 0, False)
    log IStakePool.SlashProposed(
        position=position, amount=amount, executable_at=executable_at, reason=reason
    )


@external
def appeal_slash(position: uint256):
    self._owned(position)
    slash: uint256 = self._proposed(position)
    assert not words._is_appealed(slash), "pool: already appealed"
    executable_at: uint256 = words._executable_at(slash)
    assert block.timestamp < executable_at, "pool: appeal window over"
    lapses_at: uint256 = block.timestamp + RESOLVE_SECONDS
    self._slashes[position] = words._pack_slash(
        words._amount(slash), executable_at, lapses_at, 0, True
    )
    log IStakePool.SlashAppealed(position=position, lapses_at=lapses_at)


@external
def resolve_slash(position: uint256, is_upheld: bool):
    ownable._check_owner()
    slash: uint256 = self._proposed(position)
    assert words._is_appealed(slash), "pool: not appealed"
    assert block.timestamp < words._lapses_at(slash), "pool: appeal has lapsed"
    log IStakePool.SlashResolved(position=position, is_upheld=is_upheld)
    self._end(position, block.timestamp)
    if is_upheld:
        self._execute(position, words._amount(slash))


@external
def execute_slash(position: uint256) -> uint256:
    slash: uint256 = self._proposed(position)
    if words._is_appealed(slash):
        lapses_at: uint256 = words._lapses_at(slash)
        assert block.timestamp >= lapses_at, "pool: appeal is undecided"
        log IStakePool.SlashResolved(position=position, is_upheld=False)
        self._end(position, lapses_at)
        return 0
    assert block.timestamp >= words._executable_at(slash), "pool: appeal window open"
    self._end(position, block.timestamp)
    return self._execute(position, words._amount(slash))


# ---------------------------------------------------------------------------
# Governance
# ---------------------------------------------------------------------------


@external
def set_slasher(slasher: address):
    ownable._check_owner()
    self._set_slasher(slasher)


@external
def set_treasury(treasury: address):
    ownable._check_owner()
    self._set_treasury(treasury)


@external
def bind(payment: address, dispute: address):
    ownable._check_owner()
    assert self.payment == empty(address), "pool: already bound"
    assert payment.is_contract, "pool: payment has no code"
    assert dispute.is_contract, "pool: dispute has no code"
    self.payment = payment
    self.dispute = dispute
    log IStakePool.Bound(payment=payment, dispute=dispute)


# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------


@external
@view
def cover(router_id: uint256) -> uint256:
    bond: uint256 = self._hot[router_id] & words.U96
    # A node's stake covers nothing, whoever asks.
    if bond < MIN_BOND_WEI or router_id > words.U32:
        return 0
    # At most 2**96 * 100. Rounds down.
    return unsafe_mul(bond, COVER_BPS) // _BPS


@external
@view
def position(position: uint256) -> IStakePool.Position:
    hot: uint256 = self._hot[position]
    exit: uint256 = self._exits[position]
    return IStakePool.Position(
        owner=words._owner(hot),
        amount=words._amount(hot),
        leaving=words._amount(exit),
        withdrawable_at=words._withdrawable_at(exit),
    )


@external
@view
def slash(position: uint256) -> IStakePool.Slash:
    slash: uint256 = self._slashes[position]
    return IStakePool.Slash(
        amount=words._amount(slash),
        executable_at=words._executable_at(slash),
        is_appealed=words._is_appealed(slash),
        lapses_at=words._lapses_at(slash),
    )


@external
@pure
def node_position(owner: address, node: address) -> uint256:
    return self._node_position(owner, node)


@external
@view
def is_staked(owner: address, node: address) -> bool:
    return words._amount(self._hot[self._node_position(owner, node)]) >= NODE_STAKE_WEI


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
@pure
def _node_position(owner: address, node: address) -> uint256:
    """
    @dev The position of an owner for a node.
    @param owner Who staked.
    @param node The node.
    @return uint256 The position; its top bit is set.
    """
    return convert(keccak256(abi_encode(owner, node)), uint256) | _NODE_BIT


@internal
def _open(position: uint256, owner: address, node: address, router_id: uint256, amount: uint256):
    """
    @dev Opens a position with its first stake, taken from the sender.
    @param position The position.
    @param owner Whose it is.
    @param node The node; zero for a bond.
    @param router_id The router; zero for a node.
    @param amount Wei of COR.
    """
    assert amount != 0, "pool: zero amount"
    assert amount <= words.U96, "pool: stake exceeds words"
    assert self._hot[position] == 0, "pool: position exists"
    self._hot[position] = words._pack_hot(amount, owner)
    log IStakePool.PositionOpened(position=position, owner=owner, node=node, router_id=router_id)
    log IStakePool.Staked(position=position, sender=msg.sender, amount=amount)
    cor._pull(amount)


@internal
@view
def _owned(position: uint256) -> uint256:
    """
    @dev Refuses anybody but a position's owner.
    @param position The position.
    @return uint256 Its hot word.
    """
    hot: uint256 = self._hot[position]
    assert hot != 0, "pool: unknown position"
    assert msg.sender == words._owner(hot), "pool: caller is not the owner"
    return hot


@internal
@view
def _proposed(position: uint256) -> uint256:
    """
    @dev Refuses a position for which no slash is written down.
    @param position The position.
    @return uint256 Its slash word.
    """
    slash: uint256 = self._slashes[position]
    assert words._amount(slash) != 0, "pool: no slash proposed"
    return slash


@internal
@view
def _is_live(slash: uint256) -> bool:
    """
    @dev Whether a slash is proposed that can still be executed.
    @param slash The slash word.
    @return bool False for none, and for one whose appeal lapsed.
    """
    if words._amount(slash) == 0:
        return False
    return not words._is_appealed(slash) or block.timestamp < words._lapses_at(slash)


@internal
@pure
def _last_end(slash: uint256) -> uint256:
    """
    @dev When a position's last proposal ended.
    @param slash The slash word, of no live proposal.
    @return uint256 Unix seconds; 0 if there was none.
    """
    if words._amount(slash) != 0:
        # An appeal that lapsed and that nobody cleared.
        return words._lapses_at(slash)
    return words._ended_at(slash)


@internal
def _end(position: uint256, ended_at: uint256):
    """
    @dev Clears a proposal.
    @param position The position.
    @param ended_at When it ended, in unix seconds.
    """
    self._slashes[position] = words._pack_slash(0, 0, 0, ended_at, False)


@internal
def _execute(position: uint256, amount: uint256) -> uint256:
    """
    @dev Pays a slash to the treasury.
    @param position The position.
    @param amount Wei of COR wanted.
    @return uint256 Wei of COR taken.
    """
    taken: uint256 = self._take(position, amount)
    log IStakePool.SlashExecuted(position=position, amount=taken)
    if taken != 0:
        cor._push(self.treasury, taken)
    return taken


@internal
def _take(position: uint256, wanted: uint256) -> uint256:
    """
    @dev Lowers a position, what does not leave first.
    @param position The position.
    @param wanted Wei of COR.
    @return uint256 Wei of COR taken: at most all there is.
    """
    hot: uint256 = self._hot[position]
    taken: uint256 = min(wanted, words._amount(hot))
    if taken != 0:
        self._hot[position] = hot - taken
    if taken == wanted:
        return taken
    exit: uint256 = self._exits[position]
    leaving: uint256 = words._amount(exit)
    if leaving == 0:
        return taken
    more: uint256 = min(wanted - taken, leaving)
    # Nothing leaves, nothing to wait for.
    self._exits[position] = 0 if more == leaving else exit - more
    return taken + more


@internal
def _set_slasher(slasher: address):
    """
    @dev Replaces the slasher.
    @param slasher The new one; zero for none.
    """
    log IStakePool.SlasherChanged(old_slasher=self.slasher, new_slasher=slasher)
    self.slasher = slasher


@internal
def _set_treasury(treasury: address):
    """
    @dev Replaces the treasury.
    @param treasury The new one.
    """
    assert treasury != empty(address), "pool: zero treasury"
    log IStakePool.TreasuryChanged(old_treasury=self.treasury, new_treasury=treasury)
    self.treasury = treasury
