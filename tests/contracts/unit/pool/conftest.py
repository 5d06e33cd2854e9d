# SPDX-License-Identifier: Apache-2.0
"""A pool of the protocol's, a node's position in it, and short ways to a slash."""

from __future__ import annotations

import pytest

from tests.contracts.protocol import (
    APPEAL_SECONDS,
    COOLDOWN_SECONDS,
    COVER_BPS,
    MIN_BOND,
    NODE_STAKE,
    SLASH_CAP_BPS,
    deployer_of,
)

STAKE = NODE_STAKE
CAP = STAKE * SLASH_CAP_BPS // 10_000


def covered(bond: int) -> int:
    """Return what a bond of at least the minimum covers."""
    return bond * COVER_BPS // 10_000


@pytest.fixture
def pool(protocol):
    return protocol.pool


@pytest.fixture
def node(protocol):
    """The address of a node; the payer stakes for it."""
    return protocol.nodes


@pytest.fixture
def position(protocol, pool, node):
    """The payer's position for the node, with just enough stake."""
    return pool.open_node(node, STAKE, sender=protocol.payer)


@pytest.fixture
def proposed(protocol, pool, position):
    """The same, with a slash of all that the cap allows proposed."""
    pool.propose_slash(position, CAP, "double voting", sender=protocol.slasher)
    return position


@pytest.fixture
def appealed(protocol, pool, proposed):
    """The same, with the slash appealed."""
    pool.appeal_slash(proposed, sender=protocol.payer)
    return proposed


@pytest.fixture
def deployed(protocol):
    """A function that deploys a pool like the protocol's, with changes and bound to nothing."""

    def deploy(**changes: object):
        parts = {
            "owner": protocol.owner,
            "token": protocol.cor,
            "treasury": protocol.treasury,
            "slasher": protocol.slasher,
            "cooldown_seconds": COOLDOWN_SECONDS,
            "node_stake_wei": NODE_STAKE,
            "min_bond_wei": MIN_BOND,
            "cover_bps": COVER_BPS,
            "slash_cap_bps": SLASH_CAP_BPS,
            "appeal_seconds": APPEAL_SECONDS,
            "resolve_seconds": APPEAL_SECONDS,
        }
        return deployer_of("StakePool").deploy(*(parts | changes).values())

    return deploy


@pytest.fixture
def new_router(protocol):
    """The id of a router that has no bond yet; the stranger, who has COR, is its settler."""
    protocol.fund(protocol.stranger)
    return protocol.payment.register_router(protocol.stranger, sender=protocol.owner)
