# SPDX-License-Identifier: Apache-2.0
"""Where every wei of the run is: what came into the fund, and what became of each bond."""

from __future__ import annotations

from dataclasses import dataclass

from scripts._rewards.network import Network

BURN_ADDRESS = "0x000000000000000000000000000000000000dEaD"


@dataclass(frozen=True)
class Account:
    """Wei of COR.

    Attributes:
        granted: given to the fund.
        from_pot: paid to the fund for nodes, out of what sessions were charged.
        paid: what operators have, from rewards.
        credited: what their token refused; theirs.
        in_fund: waits for the next epoch.
        in_reward: what NodeReward holds beyond bonds and credits.
        slashed: of the cheat's bonds.
        burnt: of that.
        to_watcher: of that.
        to_treasury: of that, by vetoes.
    """

    granted: int
    from_pot: int
    paid: int
    credited: int
    in_fund: int
    in_reward: int
    slashed: int
    burnt: int
    to_watcher: int
    to_treasury: int

    @property
    def is_exact(self) -> bool:
        """Whether nothing is missing and nothing is too much."""
        came = self.granted + self.from_pot
        went = self.paid + self.credited + self.in_fund + self.in_reward
        return came == went and self.slashed == self.burnt + self.to_watcher + self.to_treasury


def take_account(network: Network, granted: int, from_pot: int, slashes: int) -> Account:
    """Add up every balance.

    Args:
        network: at the end of the run.
        granted: wei given to the fund.
        from_pot: wei that the node pot paid.
        slashes: bonds that were taken.
    """
    chain, cast, reward = network.chain, network.cast, network.reward
    functions = reward.functions
    bonded = sum(functions.bond(each.address).call()[0] for each in (cast.proposer, cast.cheat))
    credited = sum(functions.credit(each.address).call() for each in cast.operators)
    return Account(
        granted=granted,
        from_pot=from_pot,
        paid=sum(chain.balance(each.address) for each in cast.operators),
        credited=credited,
        in_fund=chain.balance(network.fund.address),
        in_reward=chain.balance(reward.address) - bonded - credited,
        slashed=slashes * network.bond_wei,
        burnt=chain.balance(BURN_ADDRESS),
        to_watcher=chain.balance(cast.watcher.address),
        to_treasury=chain.balance(cast.treasury.address),
    )
