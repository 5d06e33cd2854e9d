# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Reward epochs
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Pays nodes for an epoch's work without a person: a bonded proposer posts
        the root of a Merkle-sum tree, anyone can prove it wrong while its window
        lasts, and what stands is paid from it in runs of leaves, by anyone.
@dev    States and what ends a root: modules/reward_epochs.vy. Proofs:
        RewardDispute.vy. Cards and formula: RewardTable.vy. Bonds:
        modules/reward_bonds.vy. Payment: modules/reward_payout.vy, and what
        the token refuses: modules/reward_credits.vy.
@custom:security A proof is believed from anyone, a root from who has a bond. Trusted
                 are the token to move what it says, the fund to pay what it says it
                 drew, RewardDispute, named once, to overthrow only what is proven
                 wrong, and the guardian: a root whose facts are not what the receipts
                 give, or whose tree nobody published, is stopped by its veto alone,
                 and it can veto a root that is right. It must announce that, and the
                 owner can cancel it; it never moves money but a proposer's bond. The
                 owner names guardian and treasury, and can let nothing follow from
                 the last final tree, in the epochs after the one that runs.
@custom:kill Nothing to switch off: set_guardian(zero) ends vetoes. Where nobody
             posts, budgets go back to the fund. Final epochs are paid, bonds and
             credits are taken back, whoever else is gone.
@custom:invariants
        INV-W1 What is paid, credited and swept of an epoch never exceeds what its
        root allots, nor that its budget.
        INV-W2 No leaf is paid, credited or swept twice.
        INV-W3 Under a root that nobody can prove wrong, an operator gets no more
        than the card's cap of the budget.
        INV-W4 Token balance >= bonds + credits + the budget in flight + what
        final epochs allot and have not paid, and equal to it unless somebody sent
        tokens here unasked.
        INV-W5 A root that follows the rules from its inputs cannot be challenged
        away, unless the last final tree is in no order, until the owner has it
        forgotten.
        INV-W6 A root whose published tree breaks a rule can be, by one call.
        INV-W7 A root is final only after its window, and pays nothing before.
        INV-W8 Epochs open and are final in rising order, one in flight at a time, and
        none is passed over that could still be posted.
        INV-W9 A bond loses BOND_WEI for each root of its proposer that is
        overthrown, and nothing otherwise; half of it is burnt.
        INV-W10 A bond stays until no root that it stands for can be challenged.
        INV-W11 A root is vetoed only by the guardian, announced in its window and
        VETO_DELAY_SECONDS before, and once at most.
        INV-W12 An epoch is paid until it expires and swept after that; what is
        credited is its payee's for ever.
"""

from contracts.interfaces import INodeReward
from contracts.interfaces import IRewardFund
from contracts.interfaces import IRewardCard
from contracts.lib import epoch_words as words
from contracts.lib import sum_tree
from contracts.modules import cor
from contracts.modules import reward_bonds
from contracts.modules import reward_credits
from contracts.modules import reward_epochs
from contracts.modules import reward_payout
from snekmate.auth import ownable
from snekmate.auth import ownable_2step

implements: INodeReward
initializes: ownable
initializes: ownable_2step[ownable := ownable]
initializes: cor
initializes: reward_credits[cor := cor]
initializes: reward_bonds[cor := cor, reward_credits := reward_credits]
initializes: reward_epochs[reward_bonds := reward_bonds]
initializes: reward_payout[reward_credits := reward_credits, reward_epochs := reward_epochs]

exports: (
    # @dev Two-step ownership; `renounce_ownership` is withheld, since nobody could
    #      then end a guardian's vetoes.
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
    cor.TOKEN,
    reward_bonds.BOND_WEI,
    reward_bonds.COOLDOWN_SECONDS,
    reward_bonds.bond,
    reward_bonds.can_post,
    reward_bonds.deposit_bond,
    reward_bonds.request_bond,
    reward_bonds.withdraw_bond,
    reward_credits.claim_credit,
    reward_credits.credit,
    reward_epochs.EPOCH_SECONDS,
    reward_epochs.VETO_SECONDS,
    reward_epochs.dispute,
    reward_epochs.forgotten_since,
    reward_epochs.last_final_epoch,
    reward_payout.is_paid,
    reward_payout.pay,
    reward_payout.pay_one,
    reward_payout.sweep,
    reward_payout.treasury,
)


interface IParts:
    def REWARD() -> address: view
    def TOKEN() -> address: view


# @dev The least time for which a final epoch is paid.
_MIN_EXPIRY_SECONDS: constant(uint256) = 90 * 86_400

FUND: public(immutable(address))
REPUTATION: public(immutable(address))
TABLE: public(immutable(address))
POST_SECONDS: public(immutable(uint256))
WINDOW_SECONDS: public(immutable(uint256))
VETO_DELAY_SECONDS: public(immutable(uint256))
EXPIRY_SECONDS: public(immutable(uint256))
FORCED_INCLUSION_SECONDS: public(immutable(uint256))

guardian: public(address)


@deploy
def __init__(
    owner: address,
    guardian: address,
    treasury: address,
    fund: address,
    reputation: address,
    table: address,
    windows: INodeReward.Windows,
    bond_wei: uint256,
):
    """
    @notice Deploys the rewards of a register of nodes.
    @param owner Names guardian and treasury.
    @param guardian May veto; zero for none.
    @param treasury Is paid what nobody fetched.
    @param fund RewardFund, where budgets come from.
    @param reputation NodeReputation, whose register RewardDispute asks.
    @param table RewardTable, whose cards say what a budget may be.
    @param windows All times, in seconds.
    @param bond_wei What stands for a root.
    """
    assert owner != empty(address), "reward: zero owner"
    assert fund.is_contract, "reward: fund has no code"
    assert reputation.is_contract, "reward: reputation has no code"
    assert table.is_contract, "reward: table has no code"
    assert windows.forced_inclusion_seconds != 0, "reward: zero inclusion delay"
    for window: uint256 in [windows.window_seconds, windows.veto_seconds]:
        # Rounds down: of an odd window, half is still more than the delay.
        assert window // 2 >= windows.forced_inclusion_seconds, "reward: window too short"
    assert windows.veto_delay_seconds != 0, "reward: zero veto delay"
    assert windows.expiry_seconds >= _MIN_EXPIRY_SECONDS, "reward: expiry too soon"
    # The longest that one root can be challenged: its veto is announced in the last
    # second of its window, and lapses.
    longest: uint256 = (windows.window_seconds + windows.veto_delay_seconds + windows.veto_seconds)
    # Else the next epoch could be over before this one is.
    assert windows.epoch_seconds > longest, "reward: epoch too short"
    # Else one root that is vetoed at the last could cost an epoch.
    assert windows.post_seconds > longest, "reward: too short for posting"
    assert windows.cooldown_seconds > longest, "reward: cooldown too short"
    ownable.__init__()
    ownable_2step.__init__()
    ownable._transfer_ownership(owner)
    cor.__init__(staticcall IParts(fund).TOKEN(), words.U96)
    reward_bonds.__init__(bond_wei, windows.cooldown_seconds)
    reward_epochs.__init__(windows.epoch_seconds, windows.veto_seconds)
    reward_payout.__init__(treasury)
    FUND = fund
    REPUTATION = reputation
    TABLE = table
    POST_SECONDS = windows.post_seconds
    WINDOW_SECONDS = windows.window_seconds
    VETO_DELAY_SECONDS = windows.veto_delay_seconds
    EXPIRY_SECONDS = windows.expiry_seconds
    FORCED_INCLUSION_SECONDS = windows.forced_inclusion_seconds
    self._set_guardian(guardian)


# ---------------------------------------------------------------------------
# Epochs
# ---------------------------------------------------------------------------


@external
def open(epoch: uint256) -> uint256:
    assert reward_epochs.dispute != empty(address), "reward: not bound"
    flight: uint256 = reward_epochs._flight
    last: uint256 = words._epoch(flight)
    state: uint256 = words._state(flight)
    assert epoch > last, "reward: not a later epoch"
    assert state != reward_epochs.STATE_POSTED, "reward: one is posted"
    start: uint256 = 0
    end: uint256 = 0
    start, end = reward_epochs._bounds(epoch)
    assert block.timestamp >= end, "reward: epoch is not over"
    assert block.timestamp <= end + POST_SECONDS, "reward: too late to post"
    # The one before ended where this one starts.
    if epoch != last + 1:
        assert block.timestamp > start + POST_SECONDS, "reward: an earlier one is due"
    if state == reward_epochs.STATE_OPEN:
        assert self._is_late(last), "reward: one is open"
        self._lapse(flight)
    version: uint256 = staticcall IRewardCard(TABLE).card_version_at(start)
    card: IRewardCard.RewardCard = staticcall IRewardCard(TABLE).card(version)
    cap: uint256 = convert(card.budget_cap_wei, uint256)
    budget: uint256 = extcall IRewardFund(FUND).draw(cap)
    assert budget <= cap, "reward: fund drew too much"
    reward_epochs._flight = words._pack_flight(
        epoch, reward_epochs.STATE_OPEN, version, budget, 0, 0, False
    )
    log INodeReward.EpochOpened(epoch=epoch, version=version, budget=budget)
    return budget


@external
def post(
    epoch: uint256,
    root: bytes32,
    sums: uint256,
    count: uint256,
    inputs_hash: bytes32,
    uri: String[128],
):
    flight: uint256 = reward_epochs._flight
    assert words._epoch(flight) == epoch, "reward: not in flight"
    assert words._state(flight) == reward_epochs.STATE_OPEN, "reward: not open"
    assert not self._is_late(epoch), "reward: too late to post"
    assert reward_bonds._stands(msg.sender), "reward: no bond"
    assert count <= 1 << sum_tree.MAX_DEPTH, "reward: too many leaves"
    until: uint256 = block.timestamp + WINDOW_SECONDS
    reward_epochs._posted = reward_epochs._hash(
        INodeReward.Header(
            root=root, sums=sums, count=count, inputs_hash=inputs_hash, proposer=msg.sender
        )
    )
    reward_epochs._flight = words._pack_flight(
        epoch,
        reward_epochs.STATE_POSTED,
        words._version(flight),
        words._budget(flight),
        until,
        0,
        False,
    )
    log INodeReward.RootPosted(
        epoch=epoch,
        proposer=msg.sender,
        root=root,
        sums=sums,
        count=count,
        inputs_hash=inputs_hash,
        challengeable_until=until,
        uri=uri,
    )


@external
def finalise(epoch: uint256, header: INodeReward.Header):
    flight: uint256 = reward_epochs._posted_flight(epoch, header)
    assert (
        block.timestamp > reward_epochs._challengeable_until(flight)
    ), "reward: still challengeable"
    budget: uint256 = words._budget(flight)
    allotted: uint256 = header.sums & sum_tree.U128
    assert allotted <= budget, "reward: over the budget"
    returned: uint256 = budget - allotted
    seal: bytes32 = reward_epochs._seal(header)
    reward_epochs._flight = words._pack_flight(epoch, reward_epochs.STATE_NONE, 0, 0, 0, 0, False)
    reward_epochs._roots[epoch] = seal
    reward_epochs._finals[epoch] = words._pack_final(
        block.timestamp, words._version(flight), budget
    )
    reward_epochs.last_final_epoch = epoch
    log INodeReward.EpochFinalised(
        epoch=epoch,
        proposer=header.proposer,
        root=seal,
        sums=header.sums,
        count=header.count,
        returned=returned,
    )
    if returned != 0:
        cor._push(FUND, returned)


@external
def expire(epoch: uint256):
    seal: bytes32 = reward_epochs._roots[epoch]
    assert seal != empty(bytes32), "reward: epoch is not paid"
    finalised_at: uint256 = words._finalised_at(reward_epochs._finals[epoch])
    assert block.timestamp > finalised_at + EXPIRY_SECONDS, "reward: not expired yet"
    reward_epochs._roots[epoch] = empty(bytes32)
    reward_epochs._expired_roots[epoch] = seal
    log INodeReward.EpochExpired(epoch=epoch)


# ---------------------------------------------------------------------------
# Roots that are overthrown
# ---------------------------------------------------------------------------


@external
def overthrow(epoch: uint256, header: INodeReward.Header, challenger: address, kind: String[32]):
    assert msg.sender == reward_epochs.dispute, "reward: caller is not dispute"
    flight: uint256 = reward_epochs._posted_flight(epoch, header)
    # What is over its budget is never final, so it can be proven until it ends.
    assert (
        block.timestamp <= reward_epochs._challengeable_until(flight)
        or header.sums & sum_tree.U128 > words._budget(flight)
    ), "reward: window is over"
    reward_epochs._overthrow(flight, header, challenger, kind)


@external
def announce_veto(epoch: uint256, reason: String[128]):
    assert msg.sender == self.guardian, "reward: caller is not guardian"
    flight: uint256 = self._posted(epoch)
    assert not words._is_veto_used(flight), "reward: veto is used"
    assert block.timestamp <= words._until(flight), "reward: window is over"
    executable_at: uint256 = block.timestamp + VETO_DELAY_SECONDS
    self._set_veto(flight, executable_at)
    log INodeReward.VetoAnnounced(
        epoch=epoch,
        executable_at=executable_at,
        lapses_at=executable_at + reward_epochs.VETO_SECONDS,
        reason=reason,
    )


@external
def cancel_veto(epoch: uint256):
    if msg.sender != self.guardian:
        ownable._check_owner()
    flight: uint256 = self._posted(epoch)
    assert words._veto_at(flight) != 0, "reward: no veto"
    self._set_veto(flight, 0)
    log INodeReward.VetoCancelled(epoch=epoch, sender=msg.sender)


@external
def execute_veto(epoch: uint256, header: INodeReward.Header):
    assert msg.sender == self.guardian, "reward: caller is not guardian"
    flight: uint256 = reward_epochs._posted_flight(epoch, header)
    executable_at: uint256 = words._veto_at(flight)
    assert executable_at != 0, "reward: no veto"
    assert block.timestamp >= executable_at, "reward: veto waits"
    assert (
        block.timestamp <= executable_at + reward_epochs.VETO_SECONDS
    ), "reward: veto has lapsed"
    reward_epochs._overthrow(flight, header, reward_payout.treasury, "veto")


# ---------------------------------------------------------------------------
# Governance
# ---------------------------------------------------------------------------


@external
def set_guardian(guardian: address):
    ownable._check_owner()
    self._set_guardian(guardian)


@external
def bind(dispute: address):
    ownable._check_owner()
    assert reward_epochs.dispute == empty(address), "reward: already bound"
    assert dispute.is_contract, "reward: dispute has no code"
    assert staticcall IParts(dispute).REWARD() == self, "reward: dispute of another"
    reward_epochs.dispute = dispute
    log INodeReward.Bound(dispute=dispute)


@external
def forget_levels():
    ownable._check_owner()
    reward_epochs._forget_levels()


@external
def set_treasury(treasury: address):
    ownable._check_owner()
    reward_payout._set_treasury(treasury)


# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------


@external
@view
def epoch_bounds(epoch: uint256) -> (uint256, uint256):
    return reward_epochs._bounds(epoch)


@external
@view
def root(epoch: uint256) -> bytes32:
    return reward_epochs._root(epoch)


@external
@view
def prior_root(epoch: uint256) -> bytes32:
    return reward_epochs._prior_root(epoch)


@external
@pure
def hash_header(header: INodeReward.Header) -> bytes32:
    return reward_epochs._hash(header)


@external
@view
def epoch(epoch: uint256) -> INodeReward.Epoch:
    flight: uint256 = reward_epochs._flight
    state: uint256 = words._state(flight)
    if epoch == words._epoch(flight) and (
        state == reward_epochs.STATE_OPEN or state == reward_epochs.STATE_POSTED
    ):
        return INodeReward.Epoch(
            state=state,
            version=words._version(flight),
            budget=words._budget(flight),
            finalised_at=0,
            root=empty(bytes32),
        )
    final: uint256 = reward_epochs._finals[epoch]
    if final == 0:
        return empty(INodeReward.Epoch)
    is_paid: bool = reward_epochs._roots[epoch] != empty(bytes32)
    return INodeReward.Epoch(
        state=reward_epochs.STATE_FINAL if is_paid else reward_epochs.STATE_EXPIRED,
        version=words._final_version(final),
        budget=words._final_budget(final),
        finalised_at=words._finalised_at(final),
        root=reward_epochs._root(epoch),
    )


@external
@view
def flight() -> INodeReward.Flight:
    flight: uint256 = reward_epochs._flight
    is_posted: bool = words._state(flight) == reward_epochs.STATE_POSTED
    return INodeReward.Flight(
        epoch=words._epoch(flight),
        state=words._state(flight),
        version=words._version(flight),
        budget=words._budget(flight),
        posted=reward_epochs._posted if is_posted else empty(bytes32),
        challengeable_until=reward_epochs._challengeable_until(flight),
        veto_at=words._veto_at(flight),
    )


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
@view
def _is_late(epoch: uint256) -> bool:
    """
    @dev Whether it is too late to post an epoch's root.
    @param epoch The epoch.
    @return bool Whether it is.
    """
    start: uint256 = 0
    end: uint256 = 0
    start, end = reward_epochs._bounds(epoch)
    return block.timestamp > end + POST_SECONDS


@internal
def _lapse(flight: uint256):
    """
    @dev Ends an open epoch that nobody can post any more.
    @param flight The epoch in flight.
    """
    returned: uint256 = words._budget(flight)
    log INodeReward.EpochLapsed(epoch=words._epoch(flight), returned=returned)
    if returned != 0:
        cor._push(FUND, returned)


@internal
@view
def _posted(epoch: uint256) -> uint256:
    """
    @dev Refuses an epoch of which no root is posted.
    @param epoch The epoch.
    @return uint256 The epoch in flight.
    """
    flight: uint256 = reward_epochs._flight
    assert words._epoch(flight) == epoch, "reward: not in flight"
    assert words._state(flight) == reward_epochs.STATE_POSTED, "reward: not posted"
    return flight


@internal
def _set_veto(flight: uint256, veto_at: uint256):
    """
    @dev Writes down a veto; a root has one.
    @param flight The epoch in flight.
    @param veto_at From when it can be executed; 0 for a cancelled one.
    """
    reward_epochs._flight = words._pack_flight(
        words._epoch(flight),
        reward_epochs.STATE_POSTED,
        words._version(flight),
        words._budget(flight),
        words._until(flight),
        veto_at,
        True,
    )


@internal
def _set_guardian(guardian: address):
    """
    @dev Replaces the guardian.
    @param guardian The new one; zero for none.
    """
    log INodeReward.GuardianChanged(old_guardian=self.guardian, new_guardian=guardian)
    self.guardian = guardian
