# SPDX-License-Identifier: Apache-2.0
"""Which contracts an epoch is read from, and from which block on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from cortensor.chain.book import AddressBook
from cortensor.chain.rewards import CONTRACT as NODE_REWARD
from cortensor.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path


class RewardPlace(Struct, frozen=True):
    """Addresses are checksummed; `chain_id` is None for any, `first_block` where to begin."""

    node_reward: str
    session_payment: str
    chain_id: int | None = None
    first_block: int = 0


def place_from(
    deployments: Path | None, node_reward: str | None, session_payment: str | None
) -> RewardPlace:
    """Return the place that deployment records name, or two addresses.

    Raises:
        InvalidInput: both are given or none, or the records lack a contract or mix chains.
    """
    if deployments is None:
        if node_reward is None or session_payment is None:
            raise InvalidInput(
                "give --deployments, or --node-reward with --session-payment", field="deployments"
            )
        return RewardPlace(
            _address(node_reward, "node-reward"), _address(session_payment, "session-payment")
        )
    if node_reward is not None or session_payment is not None:
        raise InvalidInput("give either records or addresses", field="deployments")
    book = AddressBook.load(deployments)
    if book.node_reward is None:
        raise InvalidInput(f"{deployments} has no record of {NODE_REWARD}", field="deployments")
    return RewardPlace(book.node_reward, book.session_payment, book.chain_id, book.first_block)


def _address(text: str, field: str) -> str:
    try:
        return AddressBook.of(text, text, text).session_payment
    except InvalidInput as error:
        raise InvalidInput(error.reason, field=field) from error
