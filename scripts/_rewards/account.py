# SPDX-License-Identifier: Apache-2.0
"""Where every wei of the run is: what came into the fund, and what became of each bond."""

from __future__ import annotations

from dataclasses import dataclass

from cortensor.pricing import format_cor
from scripts._rewards.network import Network
from scripts._rewards.sent import paid_to_nodes, swept

BURN_ADDRESS = "0x000000000000000000000000000000000000dEaD"


@dataclass(frozen=True)
class Account:
    """Wei of COR.

    Attributes:
        granted: given to the fund.
        from_pot: paid to the fund for nodes, out of what sessions were charged.
        paid: what operators have, from rewards.
        credited: what their token refused; theirs.
        swept: what nobody was paid in time; the treasury's.
        in_fund: waits for the next epoch.
        in_flight: drawn by an epoch that is not final.
        in_reward: what NodeReward holds beyond that, bonds and credits.
        slashed: of the cheat's bonds.
        burnt: of that.
        to_watcher: of that.
        to_proposer: of that, whose service proved a root wrong.
        to_treasury: of that, by vetoes.
    """

    granted: int
    from_pot: int
    paid: int
    credited: int
    swept: int
    in_fund: int
    in_flight: int
    in_reward: int
    slashed: int
    burnt: int
    to_watcher: int
    to_proposer: int
    to_treasury: int

    @property
    def is_exact(self) -> bool:
        """Whether nothing is missing and nothing is too much."""
        came = self.granted + self.from_pot
        waits = self.in_fund + self.in_flight + self.in_reward
        fell = self.burnt + self.to_watcher + self.to_proposer + self.to_treasury
        return came == self.paid + self.credited + self.swept + waits and self.slashed == fell

    def statement(self) -> str:
        """Return it in words."""
        came = self.granted + self.from_pot
        return (
            f"{format_cor(came)} COR came into the fund ({format_cor(self.from_pot)} of it from "
            f"sessions): {format_cor(self.paid)} went to operators, {format_cor(self.credited)} "
            f"is credited, {format_cor(self.swept)} was swept to the treasury, "
            f"{format_cor(self.in_fund)} waits in the fund, {format_cor(self.in_flight)} is drawn "
            f"by the epoch in flight, {self.in_reward} wei are elsewhere. "
            f"{format_cor(self.slashed)} COR of bonds fell: {format_cor(self.burnt)} burnt, "
            f"{format_cor(self.to_watcher)} to the watcher, {format_cor(self.to_proposer)} to the "
            f"proposer, {format_cor(self.to_treasury)} to the treasury"
        )


def take_account(network: Network, granted: int, slashes: int) -> Account:
    """Add up every balance.

    Args:
        network: at the end of the run.
        granted: wei given to the fund.
        slashes: bonds that were taken.
    """
    chain, cast, reward = network.chain, network.cast, network.reward
    functions = reward.functions
    bonded = sum(functions.bond(each.address).call()[0] for each in (cast.proposer, cast.cheat))
    credited = sum(functions.credit(each.address).call() for each in cast.operators)
    in_flight = int(functions.flight().call()[3])
    to_treasury = swept(network)
    return Account(
        granted=granted,
        from_pot=paid_to_nodes(network),
        paid=sum(chain.balance(each.address) for each in cast.operators),
        credited=credited,
        swept=to_treasury,
        in_fund=chain.balance(network.fund.address),
        in_flight=in_flight,
        in_reward=chain.balance(reward.address) - bonded - credited - in_flight,
        slashed=slashes * network.bond_wei,
        burnt=chain.balance(BURN_ADDRESS),
        to_watcher=chain.balance(cast.watcher.address),
        to_proposer=chain.balance(cast.proposer.address),
        to_treasury=chain.balance(cast.treasury.address) - to_treasury,
    )
