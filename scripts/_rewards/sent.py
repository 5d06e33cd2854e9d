# SPDX-License-Identifier: Apache-2.0
"""What transactions of the run did: each event that may happen once, and whose it was."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from scripts._rewards.network import NODE_POT, Network

OF_AN_EPOCH = (
    "EpochOpened",
    "RootPosted",
    "EpochFinalised",
    "RunPaid",
    "EpochExpired",
    "RunSwept",
)
"""Events of NodeReward that say which epoch they are of."""


def count_events(network: Network, epochs: Collection[int]) -> dict[str, int]:
    """Count the events of some epochs, by name."""
    return {
        name: sum(1 for log in _logs(network.reward, name) if log["args"]["epoch"] in epochs)
        for name in OF_AN_EPOCH
    }


def wanted_of_proposer(network: Network) -> int:
    """Return how many of the proposer's transactions did what only one could do.

    Each of them is counted by the event that shows it: one that was sent twice shows none, or
    fails.
    """
    payment = network.chain.payment
    logs = [log for name in OF_AN_EPOCH for log in _logs(network.reward, name)]
    logs += _logs(network.reward, "RootOverthrown")
    logs += _logs(network.register, "LevelSynced")
    logs += _logs(payment, "PendingReleased")
    logs += _logs(payment, "PotPaid")
    hashes = {bytes(log["transactionHash"]) for log in logs}
    eth, proposer = network.chain.web3.eth, network.cast.proposer.address
    return sum(1 for each in hashes if eth.get_transaction(each)["from"] == proposer)  # type: ignore[arg-type]  # bytes are accepted


def paid_to_nodes(network: Network) -> int:
    """Return the wei that the node pot paid out."""
    logs = _logs(network.chain.payment, "PotPaid")
    return sum(int(log["args"]["amount"]) for log in logs if log["args"]["pot"] == NODE_POT)


def swept(network: Network) -> int:
    """Return the wei that went to the treasury since nobody was paid them."""
    return sum(int(log["args"]["amount"]) for log in _logs(network.reward, "RunSwept"))


def _logs(bound: Any, name: str) -> list[Any]:
    found: list[Any] = bound.events[name]().get_logs(from_block=0)
    return found
