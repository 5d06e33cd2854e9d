# SPDX-License-Identifier: Apache-2.0
"""Ape, unchanged, against the front: by URL as a network, and as that network's fork."""

from __future__ import annotations

import contextlib

import pytest

from cortensor.gas.arbitrum import poster_gas, poster_units
from tests.ape.anvil.fronts import BASE_FEE, PRICE, result, run_front

pytestmark = pytest.mark.anvil

MOCK = "contracts/mocks/MockCOR.vy"


def bytes_gas(url, receipt):
    raw = bytes.fromhex(result(url, "debug_getRawTransaction", receipt.txn_hash)[2:])
    return poster_gas(poster_units(raw, 1), PRICE, BASE_FEE)


def deploy_and_send(url, project, accounts):
    """A deployment and a transfer by Ape; each receipt has the formula's gas."""
    owner, stranger = accounts[0], accounts[1]
    # `project.MockCOR` would compile all that is not compiled, if it were not.
    mock = project.load_contracts(MOCK)["MockCOR"]
    token = owner.deploy(mock, 10**18)
    paid = token.transfer(stranger, 5, sender=owner)
    for receipt in (token.creation_metadata.receipt, paid):
        told = result(url, "eth_getTransactionReceipt", receipt.txn_hash)
        assert int(told["gasUsedForL1"], 16) == bytes_gas(url, receipt) > 0
        assert receipt.gas_used == int(told["gasUsed"], 16)
        assert receipt.gas_used_for_L1 == bytes_gas(url, receipt)
        assert receipt.total_fees_paid == receipt.gas_used * BASE_FEE
    assert token.balanceOf(stranger) == 5


def test_a_network_by_url(networks, project, accounts):
    # Ape waits for the block after a transaction's.
    words = ("--price-per-unit", str(PRICE), "--block-every", "1")
    with (
        run_front(*words) as front,
        networks.parse_network_choice(f"arbitrum:sepolia:{front.url}"),
    ):
        deploy_and_send(front.url, project, accounts)


@contextlib.contextmanager
def fork_of(url, networks, project, ecosystem, network):
    """A fork of a network, for which Ape is told to use the front."""
    changed = {
        "node": {ecosystem: {network: {"uri": url}}},
        "foundry": {
            "host": url,
            "fork": {ecosystem: {network: {"upstream_provider": "node"}}},
        },
    }
    choice = f"{ecosystem}:{network}-fork:foundry"
    with project.temp_config(**changed), networks.parse_network_choice(choice) as provider:
        assert provider.network.name == f"{network}-fork"
        assert str(provider.uri) == url
        yield


def test_the_fork_of_sepolia(front, networks, project, accounts):
    with fork_of(front.url, networks, project, "arbitrum", "sepolia"):
        deploy_and_send(front.url, project, accounts)


def test_the_fork_of_the_l3(networks, project, accounts):
    words = ("--price-per-unit", str(PRICE), "--base-fee", str(BASE_FEE))
    with (
        run_front(*words, network="cor-l3") as front,
        fork_of(front.url, networks, project, "cor", "testnet1a"),
    ):
        deploy_and_send(front.url, project, accounts)
