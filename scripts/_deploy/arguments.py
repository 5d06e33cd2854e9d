# SPDX-License-Identifier: Apache-2.0
"""Constructor arguments from the configuration, by name and in JSON form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eth_utils import to_checksum_address

from cortensor.chain.erc8004 import IDENTITY, REPUTATION, VALIDATION
from cortensor.errors import NotFound
from scripts._deploy.config import TOKENS, DeployConfig, mock_supply_wei
from scripts._deploy.limits import MICRO_WEI

CONTRACTS = (
    "SessionPaymentTable",
    "ReceiptAnchor",
    "StakePool",
    "StakeQuota",
    "SessionPayment",
    "SettlementDispute",
)
"""What every network has, in the order of deployment."""

REWARDS = ("NodeReputation", "RewardFund", "RewardTable", "NodeReward", "RewardDispute")
"""What pays nodes, on every network as well; after the escrow, whose node pot pays the fund."""

WINDOWS = (
    "epoch_seconds",
    "post_seconds",
    "window_seconds",
    "veto_delay_seconds",
    "veto_seconds",
    "expiry_seconds",
    "cooldown_seconds",
)
"""NodeReward's times in the file; what its struct has besides is the network's."""

REGISTRIES = (IDENTITY, REPUTATION, VALIDATION)
"""Of ERC-8004, in the order of deployment; only where the chain lacks them."""

VALIDATOR = "AgentValidator"
"""Posts receipts in the validation registry, ours or the chain's; comes last."""

MUTABLE = {
    "owner",
    "oracle",
    "guardian",
    "slasher",
    "treasury",
    "first_card",
    "steward",
    # Names NodeReward once, as whoever it was at deployment; after that it may nothing.
    "binder",
    "rates",
    "limits",
    "spending_limit",
}
"""Set by a transaction after deployment, so a difference is no reason to deploy anew."""


def constructor_arguments(
    name: str, config: DeployConfig, addresses: Mapping[str, str]
) -> dict[str, Any]:
    """Return a contract's constructor arguments.

    Args:
        name: the contract.
        config: the configuration with an address in every role.
        addresses: where the contracts before it in the order are, or will be.

    Raises:
        NotFound: for a contract that is not deployed from here.
    """
    roles = config.roles
    if name == "MockCOR":
        return {"supply": str(mock_supply_wei(config))}
    if name == "SessionPaymentTable":
        return {
            "owner": roles.owner,
            "oracle": roles.oracle,
            "publication_delay_seconds": str(config.table.publication_delay_seconds),
            "first_card": config.first_card().to_json(),
        }
    if name in ("ReceiptAnchor", "WrappedCOR"):
        return {}
    deployed = TOKENS.get(config.token.address)
    token = addresses[deployed] if deployed else to_checksum_address(config.token.address)
    if name in ("StakePool", "StakeQuota"):
        return _of_stake(name, config, token)
    if name == "SessionPayment":
        return {
            "owner": roles.owner,
            "guardian": roles.guardian,
            "token": token,
            "table": addresses["SessionPaymentTable"],
            "anchor": addresses["ReceiptAnchor"],
            "pool": addresses["StakePool"],
            "quota": addresses["StakeQuota"],
            **_texts(config.payment),
        }
    if name == "SettlementDispute":
        return {
            "payment": addresses["SessionPayment"],
            **_texts(config.dispute),
            "forced_inclusion_seconds": str(config.network.forced_inclusion_seconds),
        }
    if name not in REWARDS:
        return _of_agents(name, addresses)
    return _of_rewards(name, config, addresses, token)


def _of_stake(name: str, config: DeployConfig, token: str) -> dict[str, Any]:
    roles = config.roles
    if name == "StakePool":
        return {
            "owner": roles.owner,
            "token": token,
            "treasury": roles.treasury,
            "slasher": roles.slasher,
            **_texts(config.pool),
        }
    return {
        "owner": roles.owner,
        "token": token,
        "cooldown_seconds": str(config.quota.cooldown_seconds),
        **quota_rules(config),
    }


def _of_rewards(
    name: str, config: DeployConfig, addresses: Mapping[str, str], token: str
) -> dict[str, Any]:
    roles, rewards = config.roles, config.rewards
    if name == "NodeReputation":
        return {
            "owner": roles.owner,
            "pool": addresses["StakePool"],
            "steward": roles.steward,
            **_texts(config.reputation),
        }
    if name == "RewardFund":
        return {"binder": roles.owner, "token": token}
    if name == "RewardTable":
        return {
            "owner": roles.owner,
            "delay_seconds": str(rewards.card_delay_seconds),
            "first_card": config.first_reward_card().to_json(),
        }
    if name == "NodeReward":
        return {
            "owner": roles.owner,
            "guardian": roles.reward_guardian,
            "treasury": roles.treasury,
            "fund": addresses["RewardFund"],
            "reputation": addresses["NodeReputation"],
            "table": addresses["RewardTable"],
            "windows": {
                **{key: str(getattr(rewards, key)) for key in WINDOWS},
                "forced_inclusion_seconds": str(config.network.forced_inclusion_seconds),
            },
            "bond_wei": str(rewards.bond_wei),
        }
    return {"reward": addresses["NodeReward"]}


def _of_agents(name: str, addresses: Mapping[str, str]) -> dict[str, Any]:
    if name == IDENTITY:
        return {}
    if name in REGISTRIES:
        return {"identity": addresses[IDENTITY]}
    if name == VALIDATOR:
        return {"payment": addresses["SessionPayment"], "validation": addresses[VALIDATION]}
    raise NotFound("is not deployed from here", field=name)


def quota_rules(config: DeployConfig) -> dict[str, Any]:
    """Return what StakeQuota's owner may change: rates, limits, the pool's spending limit."""
    quota = config.quota
    return {
        "rates": [str(rate) for rate in quota.rates_ppm],
        "limits": {
            "cap": str(int(quota.cap_wei) // MICRO_WEI),
            "rate": str(int(quota.rate_wei_per_tick) // MICRO_WEI),
            "burst_ticks": str(quota.burst_ticks),
        },
        "spending_limit": str(int(quota.spending_limit_wei)),
    }


def _texts(section: Any) -> dict[str, str]:
    """Return a section of the file whose keys are the constructor's own."""
    return {key: str(getattr(section, key)) for key in section.__struct_fields__}
