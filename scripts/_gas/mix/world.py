# SPDX-License-Identifier: Apache-2.0
"""What was there before the mix: a bonded router that has settled, a funded pool, an agent."""

from __future__ import annotations

from dataclasses import dataclass

from scripts._gas.bench import BOND_WEI, STAKE, WALLET_WEI, Bench
from scripts._gas.mix.live import AGENT
from scripts._gas.settled_case import BURN_ADDRESS
from scripts._gas.validating import AGENT_URI

POOL_WEI = 5_000 * 10**18
PAYER_WEI = 3 * 10**22
EARLIER_STAKE_WEI = 5_000 * 10**18
EARLIER_WEI = 10**17


@dataclass
class Payers:
    """Who pays.

    Attributes:
        returning: has opened sessions before.
        made: how many new ones there are.
    """

    returning: str
    made: int = 0

    def new(self, bench: Bench) -> str:
        """Return an account that holds COR and has allowed the contracts to take it."""
        self.made += 1
        account = bench.stranger(f"mix payer {self.made}")
        bench.fund(account, PAYER_WEI)
        return account


def prepare(bench: Bench) -> Payers:
    """Register what a router needs, and let one session of each funding be settled."""
    actors, payment = bench.actors, bench.payment.functions
    bench.add_router(actors.settler)
    bench.send(bench.pool.functions.open_bond(1, actors.treasury, BOND_WEI), actors.settler)
    for pot, recipient in enumerate((actors.nodes, actors.validators, actors.treasury)):
        bench.send(payment.set_pot_recipient(pot, recipient), actors.owner)
        bench.send(bench.cor.functions.transfer(recipient, WALLET_WEI), actors.owner)
    bench.send(bench.cor.functions.transfer(BURN_ADDRESS, 1), actors.owner)
    bench.send(bench.quota.functions.fund_pool(POOL_WEI), actors.payer)
    register = bench.identity.get_function_by_signature("register(string)")
    bench.send(register(AGENT_URI), actors.payer)
    bench.send(bench.identity.functions.approve(bench.validator.address, AGENT), actors.payer)
    bench.send(bench.validator.functions.allow(AGENT, actors.settler, True), actors.payer)
    payers = Payers(actors.payer)
    _earlier(bench, payers)
    return payers


def _earlier(bench: Bench, payers: Payers) -> None:
    """Open and settle sessions of before, so that nothing in the mix is the first of its kind."""
    escrow, _ = bench.open(payers.returning)
    voucher, _ = bench.open(payers.returning, funding=1, session_key=bench.session_key.address)
    staker = payers.new(bench)
    stake, _ = bench.open(staker, funding=STAKE, salt=bytes(32), amount=0)
    bench.send(bench.quota.functions.enrol(staker, 1, 0, False), staker)
    bench.send(bench.quota.functions.stake(stake, EARLIER_STAKE_WEI), staker)
    bench.next_day()
    bench.settle({escrow: EARLIER_WEI})
    bench.settle_vouchers({voucher: EARLIER_WEI})
    bench.settle_stake({stake: EARLIER_WEI})
