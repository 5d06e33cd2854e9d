# SPDX-License-Identifier: Apache-2.0
"""What contracts are bound to by one transaction after deployment, once and for ever."""

from __future__ import annotations

from typing import Any

from eth_utils import to_checksum_address
from web3 import Web3

from scripts._deploy.compiler import compile_contract
from scripts._deploy.config import ZERO_ADDRESS

# Contract -> getter -> what it must say.
_BINDINGS = {
    "StakePool": {"payment": "SessionPayment", "dispute": "SettlementDispute"},
    "StakeQuota": {"payment": "SessionPayment"},
    "SessionPayment": {"dispute": "SettlementDispute"},
    "NodeReputation": {"reward": "NodeReward"},
    "RewardFund": {"reward": "NodeReward"},
    "NodeReward": {"dispute": "RewardDispute"},
}


def contract_at(web3: Web3, name: str, address: str) -> Any:
    """Return the web3 contract of a name at an address."""
    return web3.eth.contract(to_checksum_address(address), abi=compile_contract(name).abi)


def bindings(web3: Web3, name: str, address: str) -> dict[str, str]:
    """Return what a contract on chain is bound to, by contract name; zero before it is bound."""
    getters = _BINDINGS.get(name)
    if getters is None:
        return {}
    view = contract_at(web3, name, address).functions
    return {target: str(view[getter]().call()) for getter, target in getters.items()}


def is_bound(web3: Web3, name: str, address: str) -> bool:
    """Whether a contract on chain is bound to all that it is to be bound to."""
    # To what is checked by the plan: nothing that stays is bound to anything else.
    return ZERO_ADDRESS not in bindings(web3, name, address).values()
