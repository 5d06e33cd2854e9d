# SPDX-License-Identifier: Apache-2.0
"""How Nitro moves the price of a calldata unit: one step for each batch that was posted.

A report of a batch says what posting it cost. The units that were charged since the last report pay
for it; where they paid too little the price rises, where too much it falls. Formulas:
OffchainLabs/nitro, arbos/l1pricing/l1pricing.go (`UpdateForBatchPosterSpending`) and
arbos/internal_tx.go, as read at 6dce8d13, for ArbOS 10 and later. No report is among the recorded
vectors, so tests hold it to what must be true of any step, and to worked examples.
"""

from __future__ import annotations

from typing import NamedTuple

from cortensor.errors import InvalidInput

BPS = 10_000
ZERO_BYTE_GAS, NONZERO_BYTE_GAS = 4, 16
KECCAK_GAS, KECCAK_WORD_GAS, WORD_BYTES = 30, 6, 32
STORAGE_WRITES_GAS = 2 * 20_000
FLOOR_SINCE_ARBOS = 50
FLOOR_EXTRA_BYTES, INTRINSIC_GAS = 172, 21_000


class BatchReport(NamedTuple):
    """What a batch-posting report says.

    Attributes:
        posted_at: unix seconds of the block that holds the batch, on the parent chain.
        zero_bytes, nonzero_bytes: of the batch.
        base_fee: the parent's, in wei of this chain's gas token.
        extra_gas: gas of the parent beside calldata, as an L2 parent reports its own data charge.
    """

    posted_at: int
    zero_bytes: int
    nonzero_bytes: int
    base_fee: int
    extra_gas: int = 0

    @property
    def size(self) -> int:
        """Bytes of the batch."""
        return self.zero_bytes + self.nonzero_bytes


class PricerSettings(NamedTuple):
    """What a chain's owner sets; the defaults are Nitro's.

    Attributes:
        arbos: ArbOS version, from 10.
        equilibration_units: over how many units a surplus is to be worked off.
        inertia: the larger, the sooner the price follows.
        reward_per_unit: wei for each unit, on top of costs.
        batch_gas: gas of the parent that each batch costs beside its bytes.
        cost_cap_bps: most that a unit may cost, of the reported base fee; 0 for no cap.
        floor_per_token: gas a token where the parent has a calldata floor; 10 on Ethereum.
    """

    arbos: int
    equilibration_units: int = 160_000_000
    inertia: int = 10
    reward_per_unit: int = 10
    batch_gas: int = 210_000
    cost_cap_bps: int = 0
    floor_per_token: int = 0


class PosterPrice(NamedTuple):
    """The pricer's state. Money is wei of the gas token.

    Attributes:
        price_per_unit: what a unit costs.
        units: charged since the last report.
        updated_at: unix seconds of the last report's batch; 0 before the first.
        surplus: what the last step saw; negative for a debt.
        rewards_due, funds_due: owed to the reward's recipient and to the batch poster.
        available: in the pool.
    """

    price_per_unit: int
    units: int = 0
    updated_at: int = 0
    surplus: int = 0
    rewards_due: int = 0
    funds_due: int = 0
    available: int = 0

    def charged(self, units: int, wei: int) -> PosterPrice:
        """Return it after transactions that were charged for their bytes."""
        return self._replace(units=self.units + units, available=self.available + wei)


def batch_gas(report: BatchReport, settings: PricerSettings) -> int:
    """Return the gas that a batch is taken to have cost on the parent chain.

    Args:
        report: of the batch.
        settings: the chain's.
    """
    calldata = ZERO_BYTE_GAS * report.zero_bytes + NONZERO_BYTE_GAS * report.nonzero_bytes
    words = -(-report.size // WORD_BYTES)
    spent = calldata + KECCAK_GAS + KECCAK_WORD_GAS * words + STORAGE_WRITES_GAS
    spent += report.extra_gas + settings.batch_gas
    if settings.arbos < FLOOR_SINCE_ARBOS:
        return spent
    tokens = report.size + 3 * report.nonzero_bytes + FLOOR_EXTRA_BYTES
    return max(spent, settings.floor_per_token * tokens + INTRINSIC_GAS)


def step(
    state: PosterPrice, report: BatchReport, settings: PricerSettings, now: int
) -> PosterPrice:
    """Return the pricer after a report.

    Args:
        state: before it.
        report: of the batch.
        settings: the chain's.
        now: unix seconds of the block that the report is in.

    Raises:
        InvalidInput: a version before ArbOS 10, which had another rule; or a report out of time,
            which changes nothing on the chain.
    """
    if settings.arbos < 10:  # noqa: PLR2004 -- the version
        raise InvalidInput("the rule before ArbOS 10 was another one", field="arbos")
    last = state.updated_at or report.posted_at - 1
    if not last <= report.posted_at <= now:
        raise InvalidInput(
            "must not be before the last report or after now", field="posted_at", code="out_of_time"
        )
    units = state.units
    if now > last:
        units = state.units * (report.posted_at - last) // (now - last)
    cost = report.base_fee * batch_gas(report, settings)
    if settings.cost_cap_bps:
        cost = min(cost, report.base_fee * units * settings.cost_cap_bps // BPS)
    reward = units * settings.reward_per_unit
    paid_reward = min(reward, state.available)
    owed = state.funds_due + cost
    paid_poster = min(owed, state.available - paid_reward)
    after = state._replace(
        units=state.units - units,
        updated_at=report.posted_at,
        rewards_due=state.rewards_due + reward - paid_reward,
        funds_due=owed - paid_poster,
        available=state.available - paid_reward - paid_poster,
    )
    return _moved(after, units, settings) if units else after


def _moved(state: PosterPrice, units: int, settings: PricerSettings) -> PosterPrice:
    """Return it with the price that follows from the surplus. Divisions round down."""
    surplus = state.available - state.funds_due - state.rewards_due
    wanted = -surplus // settings.equilibration_units
    seen = (surplus - state.surplus) // units
    weight = settings.equilibration_units // settings.inertia + units
    change = (wanted - seen) * units // weight
    return state._replace(price_per_unit=max(0, state.price_per_unit + change), surplus=surplus)
