# SPDX-License-Identifier: Apache-2.0
"""Which ERC-8004 registries a chain lacks: those, and only those, are deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cortensor.chain.erc8004 import IDENTITY, REPUTATION, VALIDATION, find_registries
from cortensor.errors import NotFound
from scripts._deploy.arguments import REGISTRIES
from scripts._deploy.records import Store

if TYPE_CHECKING:
    from web3 import Web3


def lacking(web3: Web3, store: Store) -> tuple[list[str], dict[str, str]]:
    """Return the registries to deploy or keep, and where those are that others refer to.

    A registry that we recorded stays ours, even if a canonical one came later: agents are in it.

    Args:
        web3: the node.
        store: the records.

    Raises:
        Unavailable: the node does not answer.
    """
    recorded = [name for name in REGISTRIES if store.load(name) is not None]
    if IDENTITY in recorded:
        return list(REGISTRIES), {}
    try:
        found = find_registries(web3)
    except NotFound:
        return list(REGISTRIES), {}
    there = {REPUTATION: found.reputation, VALIDATION: found.validation}
    names = [name for name, address in there.items() if address is None or name in recorded]
    others = {IDENTITY: found.identity, VALIDATION: found.validation}
    return names, {name: at for name, at in others.items() if at is not None and name not in names}
