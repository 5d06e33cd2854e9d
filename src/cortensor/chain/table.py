# SPDX-License-Identifier: Apache-2.0
"""Reads of SessionPaymentTable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.chain.book import TABLE
from cortensor.chain.rpc import contract, node_errors
from cortensor.pricing import RateCard

if TYPE_CHECKING:
    from web3 import Web3


class PriceTable:
    """The price table at an address."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._contract = contract(web3, TABLE, address)

    @property
    def address(self) -> str:
        """The checksummed address."""
        return str(self._contract.address)

    def current_version(self) -> int:
        """Return the version in effect now."""
        with node_errors("current version"):
            return int(self._contract.functions.current_version().call())

    def card(self, version: int) -> RateCard:
        """Return a published rate card."""
        with node_errors(f"card {version}"):
            return RateCard.from_abi(self._contract.functions.card(version).call())

    def surcharge_epoch(self) -> int:
        """Return the latest surcharge epoch."""
        with node_errors("surcharge epoch"):
            return int(self._contract.functions.surcharge_epoch().call())

    def surcharge_bps(self, epoch: int) -> int:
        """Return the surcharge of an epoch."""
        with node_errors(f"surcharge of epoch {epoch}"):
            return int(self._contract.functions.surcharge_bps(epoch).call())

    def surcharge_posted_at(self, epoch: int) -> int:
        """Return when an epoch was posted, in unix seconds."""
        with node_errors(f"posting of epoch {epoch}"):
            return int(self._contract.functions.surcharge_posted_at(epoch).call())
