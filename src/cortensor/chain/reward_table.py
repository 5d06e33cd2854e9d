# SPDX-License-Identifier: Apache-2.0
"""Reads of RewardTable: the cards of the reward formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.chain.rpc import contract, node_errors
from cortensor.rewards.card import RewardCard

if TYPE_CHECKING:
    from web3 import Web3

CONTRACT = "RewardTable"


class RewardTable:
    """The table of cards at an address."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._contract = contract(web3, CONTRACT, address)

    def card(self, version: int) -> RewardCard:
        """Return a published card."""
        with node_errors(f"reward card {version}"):
            values = self._contract.functions.card(version).call()
        return RewardCard.from_abi(values)

    def version_at(self, moment: int) -> int:
        """Return the version in effect at a moment, in unix seconds."""
        with node_errors("reward card's version"):
            return int(self._contract.functions.card_version_at(moment).call())
