# SPDX-License-Identifier: AGPL-3.0-only
# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Rate cards, surcharge epochs and quotes
@license GNU Affero General Public License v3.0 only
@author Cortensor
@notice Prices a job from its terms and usage into an itemised bill. A card is
        immutable once published and takes effect after a delay; a session pins
        the version it was opened under. In an emergency `lower` puts a card in
        effect at once that can only make jobs cheaper.
@dev    The formula and its reasons: docs/spec/session-payment-table.md. The
        bit-exact mirror: src/cortensor/pricing/quote.py.
@custom:security Holds no funds. The owner can move future prices by bounded
                 and announced steps, or down; the oracle can move the surcharge
                 by bounded steps only, and a session caps what it pays of it.
@custom:kill Stop publishing: sessions then keep the last card. Prices that turn
             out too high fall at once by `lower`. A faulty table is replaced by
             deploying a SessionPayment that points to another.
@custom:invariants
        INV-T1 A quote never falls when units, depths, replicas, or the
        threshold grow.
        INV-T2 A quote never rises when a replica is late, fails or is missing.
        INV-T3 Splitting the units of a job over two jobs never makes it cheaper.
        INV-T4 Every charge line is rounded up, every rebate down; total equals
        the charge lines less the rebates and is never below zero.
        INV-T5 What a published version charges and shares out never changes.
        INV-T6 No number of a published card is further than one step from the
        last card's; a lowered card's may be, but only downwards.
        INV-T7 A quote of any valid job costs less than 22,000 gas; there is no
        loop in it.
        INV-T8 A lowered card never raises the quote of any job, neither above
        the card in effect nor above one that waits, and a cancelled card never
        takes effect.
"""

from contracts.interfaces import ISessionPaymentTable
from contracts.lib import card_rules
from contracts.lib import card_words
from contracts.lib import job_words
from snekmate.auth import ownable
from snekmate.auth import ownable_2step

implements: ISessionPaymentTable
initializes: ownable
initializes: ownable_2step[ownable := ownable]

exports: (
    # @dev Two-step ownership; `renounce_ownership` is withheld, since a table
    #      without an owner could never lower a price again.
    ownable_2step.owner,
    ownable_2step.pending_owner,
    ownable_2step.transfer_ownership,
    ownable_2step.accept_ownership,
)

MAX_SURCHARGE_BPS: public(constant(uint256)) = 5_000
MAX_SURCHARGE_STEP_BPS: public(constant(uint256)) = 500
MIN_SURCHARGE_INTERVAL_SECONDS: public(constant(uint256)) = 600

_BPS: constant(uint256) = 10_000
_U16: constant(uint256) = 2**16 - 1
_U64: constant(uint256) = 2**64 - 1

PUBLICATION_DELAY_SECONDS: public(immutable(uint256))


# @dev The account that posts surcharges.
oracle: public(address)

# @dev version -> the card's five words (lib/card_words.vy).
_cards: HashMap[uint256, uint256[5]]

# @dev The newest version, in effect or not.
_latest_version: uint256

# @dev epoch -> surcharge_bps u16 | posted_at u64 << 16.
_surcharges: HashMap[uint256, uint256]

# @dev The newest surcharge epoch.
_surcharge_epoch: uint256


@deploy
def __init__(
    owner: address,
    oracle: address,
    publication_delay_seconds: uint256,
    first_card: ISessionPaymentTable.RateCard,
):
    """
    @notice Deploys the table with its first card, in effect at once.
    @param owner Who publishes cards; should be a timelock.
    @param oracle Who posts surcharges.
    @param publication_delay_seconds How long a card waits before it takes
           effect, at most 30 days.
    @param first_card Card number 1.
    """
    assert owner != empty(address), "table: zero owner"
    assert oracle != empty(address), "table: zero oracle"
    assert publication_delay_seconds <= 30 * 86_400, "table: delay over 30 days"
    ownable.__init__()
    ownable_2step.__init__()
    ownable._transfer_ownership(owner)
    PUBLICATION_DELAY_SECONDS = publication_delay_seconds
    self.oracle = oracle
    log ISessionPaymentTable.OracleChanged(old_oracle=empty(address), new_oracle=oracle)
    self._surcharges[0] = block.timestamp << 16
    self._publish(1, first_card, block.timestamp)


# ---------------------------------------------------------------------------
# Owner
# ---------------------------------------------------------------------------


@external
def publish(card: ISessionPaymentTable.RateCard) -> uint256:
    ownable._check_owner()
    last: uint256 = self._latest_version
    # One card at a time waits, so that what was announced is what comes.
    assert self._effective_at(last) <= block.timestamp, "table: last card still waits"
    card_rules._check_step(card_words._unpack(self._cards[last]), card)
    self._publish(last + 1, card, block.timestamp + PUBLICATION_DELAY_SECONDS)
    return last + 1


@external
def lower(card: ISessionPaymentTable.RateCard) -> uint256:
    ownable._check_owner()
    last: uint256 = self._latest_version
    current: uint256 = self._current_version()
    in_effect: ISessionPaymentTable.RateCard = card_words._unpack(self._cards[current])
    card_rules._check_lower(in_effect, card)
    card_rules._check_same_shares(in_effect, card)
    if current != last:
        # What waits never comes: it could undo this. Nor may this undo a
        # reduction that was announced.
        card_rules._check_lower(card_words._unpack(self._cards[last]), card)
        self._cards[last][4] |= _U64 << 128
        log ISessionPaymentTable.CardCancelled(version=last)
    self._publish(last + 1, card, block.timestamp)
    log ISessionPaymentTable.CardLowered(version=last + 1, old_version=current)
    return last + 1


@external
def set_oracle(oracle: address):
    ownable._check_owner()
    assert oracle != empty(address), "table: zero oracle"
    log ISessionPaymentTable.OracleChanged(old_oracle=self.oracle, new_oracle=oracle)
    self.oracle = oracle


# ---------------------------------------------------------------------------
# Oracle
# ---------------------------------------------------------------------------


@external
def post_surcharge(new_bps: uint256) -> uint256:
    assert msg.sender == self.oracle, "table: caller is not the oracle"
    assert new_bps <= MAX_SURCHARGE_BPS, "table: surcharge over maximum"
    epoch: uint256 = self._surcharge_epoch
    word: uint256 = self._surcharges[epoch]
    old_bps: uint256 = word & _U16
    assert new_bps <= old_bps + MAX_SURCHARGE_STEP_BPS, "table: surcharge step too large"
    assert old_bps <= new_bps + MAX_SURCHARGE_STEP_BPS, "table: surcharge step too large"
    # The first epoch may begin at any time: it replaces "no surcharge yet".
    if epoch != 0:
        earliest: uint256 = (word >> 16) + MIN_SURCHARGE_INTERVAL_SECONDS
        assert block.timestamp >= earliest, "table: surcharge too soon"
    self._surcharges[epoch + 1] = new_bps | block.timestamp << 16
    self._surcharge_epoch = epoch + 1
    log ISessionPaymentTable.SurchargePosted(epoch=epoch + 1, old_bps=old_bps, new_bps=new_bps)
    return epoch + 1


# ---------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------


@external
@view
def quote(
    version: uint256, surcharge_epoch: uint256, terms: uint256, usage: uint256
) -> (uint256, uint256[8]):
    # A card that exists has a time in its last word, and an epoch one in its
    # word, so neither counter need be read.
    words: uint256[5] = self._cards[version]
    assert words[4] != 0, "table: unknown version"
    epoch: uint256 = self._surcharges[surcharge_epoch]
    assert epoch != 0, "table: unknown surcharge epoch"
    t: job_words.Terms = job_words._terms(terms)
    u: job_words.Usage = job_words._usage(usage, t.replicas)
    lines: uint256[8] = empty(uint256[8])

    lines[0] = (
        t.replicas * (words[2] & (2**96 - 1))
        + u.input_units * card_words._u64(words[0], 64 * t.model_class)
        + u.output_units * card_words._u64(words[1], 64 * t.model_class)
    )
    lines[1] = self._ceil(lines[0] * card_words._u16(words[2], 160 + 16 * t.sla_tier), _BPS)
    lines[2] = self._ceil(
        lines[0]
        * (
            t.execution_depth * card_words._u16(words[2], 224)
            + t.tool_depth * card_words._u16(words[2], 240)
        ),
        _BPS,
    )
    work: uint256 = lines[0] + lines[1] + lines[2]

    # 1, 3, 5 replicas are at index 0, 1, 2; exact, since replicas is odd.
    redundancy_bps: uint256 = card_words._u16(words[3], 128 + 16 * ((t.replicas - 1) // 2))
    lines[3] = self._ceil(work * redundancy_bps, _BPS)
    method_bps: uint256 = card_words._u16(words[3], 16 * t.consensus_method)
    policy_bps: uint256 = card_words._u16(words[3], 176 + 16 * t.disagreement_policy)
    threshold_bps: uint256 = card_words._u16(words[3], 224)
    lines[4] = self._ceil(
        work * ((method_bps + policy_bps) * _BPS + threshold_bps * t.agreement_threshold_bps),
        _BPS * _BPS,
    )
    lines[5] = u.validator_units * card_words._u64(words[2], 96) + self._ceil(
        work * t.validator_depth * card_words._u16(words[3], 240), _BPS
    )
    priced: uint256 = work + lines[3] + lines[4] + lines[5]
    lines[6] = self._ceil(priced * min(epoch & _U16, t.surcharge_cap_bps), _BPS)

    # Rebates round down. At most replicas * 10,000 over replicas * 10,000 of
    # the gross, so they never exceed it (INV-T4).
    gross: uint256 = priced + lines[6]
    fault_bps: uint256 = (
        u.failed_replicas * card_words._u16(words[4], 0)
        + u.late_replicas * card_words._u16(words[4], 16)
        + u.missing_replicas * card_words._u16(words[4], 192)
    )
    replica_rebate: uint256 = gross * fault_bps // (t.replicas * _BPS)
    net: uint256 = gross - replica_rebate
    volume_rebate: uint256 = net * card_words._u16(words[4], 32 + 16 * t.volume_tier) // _BPS
    lines[7] = replica_rebate + volume_rebate

    total: uint256 = net - volume_rebate
    assert total <= 2**96 - 1, "table: total exceeds uint96"
    return (total, lines)


@external
@view
def card(version: uint256) -> ISessionPaymentTable.RateCard:
    self._check_version(version)
    return card_words._unpack(self._cards[version])


@external
@view
def shares(version: uint256) -> (uint256, uint256):
    self._check_version(version)
    word: uint256 = self._cards[version][4]
    return (card_words._u16(word, 96), card_words._u16(word, 112))


@external
@view
def current_version() -> uint256:
    return self._current_version()


@external
@view
def latest_version() -> uint256:
    return self._latest_version


@external
@view
def effective_at(version: uint256) -> uint256:
    self._check_version(version)
    return self._effective_at(version)


@external
@view
def surcharge_epoch() -> uint256:
    return self._surcharge_epoch


@external
@view
def surcharge_bps(epoch: uint256) -> uint256:
    assert epoch <= self._surcharge_epoch, "table: unknown surcharge epoch"
    return self._surcharges[epoch] & _U16


@external
@view
def surcharge_posted_at(epoch: uint256) -> uint256:
    assert epoch <= self._surcharge_epoch, "table: unknown surcharge epoch"
    return self._surcharges[epoch] >> 16


# ---------------------------------------------------------------------------
# Internal
# ---------------------------------------------------------------------------


@internal
def _publish(version: uint256, card: ISessionPaymentTable.RateCard, effective_at: uint256):
    """
    @dev Writes a card that keeps the rules.
    @param version Its version.
    @param card The card.
    @param effective_at When it takes effect, in unix seconds.
    """
    assert version <= _U16, "table: versions exhausted"
    card_rules._check(card)
    self._cards[version] = card_words._pack(card, effective_at)
    self._latest_version = version
    log ISessionPaymentTable.CardPublished(version=version, effective_at=effective_at, card=card)


@internal
@view
def _check_version(version: uint256):
    """
    @dev Reverts if there is no such version.
    @param version The version.
    """
    assert version != 0, "table: unknown version"
    assert version <= self._latest_version, "table: unknown version"


@internal
@view
def _current_version() -> uint256:
    """
    @dev The newest version in effect. `publish` waits for the last card to be
         in effect and `lower` is so at once, so it is the last or the one before.
    @return uint256 The version.
    """
    latest: uint256 = self._latest_version
    # Version 1 is in effect from the start, so there is always one before.
    if self._effective_at(latest) > block.timestamp:
        return latest - 1
    return latest


@internal
@view
def _effective_at(version: uint256) -> uint256:
    """
    @dev When a version takes effect.
    @param version A version that exists.
    @return uint256 Unix seconds.
    """
    return (self._cards[version][4] >> 128) & _U64


@internal
@pure
def _ceil(numerator: uint256, denominator: uint256) -> uint256:
    """
    @dev Division that rounds up, for charges.
    @param numerator What is divided.
    @param denominator By what; not zero.
    @return uint256 The quotient, rounded up.
    """
    return (numerator + denominator - 1) // denominator
