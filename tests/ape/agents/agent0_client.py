# SPDX-License-Identifier: Apache-2.0
"""Drives our registries by agent0-sdk; run in the clients' own environment.

Reads the RPC's URL, the chain, the registries and the actors' keys from standard input, as JSON.
Prints, as JSON, what the SDK gave.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from agent0_sdk import SDK
from eth_account import Account


def main() -> None:
    """Register, load, rate, revoke, set the wallet, transfer."""
    given = json.load(sys.stdin)
    people = {name: Account.from_key(key).address for name, key in given["keys"].items()}

    def sdk(name: str) -> SDK:
        registries = {"IDENTITY": given["identity"], "REPUTATION": given["reputation"]}
        chain = given["chain"]
        return SDK(
            chainId=chain,
            rpcUrl=given["url"],
            signer=given["keys"][name],
            registryOverrides={chain: registries},
        )

    answer: dict[str, Any] = {}
    owner, client = sdk("owner"), sdk("client")
    agent = owner.createAgent(
        name="Bardiel",
        description="Arbitrates, with receipts",
        image="https://agents.example/bardiel.png",
    )
    agent.setA2A("https://agents.example/agent-card.json", auto_fetch=False)
    agent.setTrust(reputation=True)
    agent.registerOnChain().wait_mined(timeout=30)
    answer["id"] = agent.agentId
    answer["uri"] = agent.agentURI
    answer["wallet_at_first"] = agent.getWallet()

    loaded = client.loadAgent(agent.agentId)
    answer["loaded"] = [loaded.name, loaded.description, loaded.a2aEndpoint, loaded.owners]

    # An update of the file, now that the id is known: it names the agent back.
    agent.updateInfo(description="Arbitrates, with receipts and reasons")
    agent.registerOnChain().wait_mined(timeout=30)
    answer["updated"] = client.loadAgent(agent.agentId).description

    given_twice = [
        client.giveFeedback(agent.agentId, value, tag1="uptime", tag2="week").wait_mined(timeout=30)
        for value in ("99.77", 85)
    ]
    answer["feedback"] = [[one.result.id, one.result.value] for one in given_twice]
    read = client.getFeedback(agent.agentId, people["client"], 1)
    answer["read"] = [read.value, read.tags, read.isRevoked]
    client.revokeFeedback(agent.agentId, 2).wait_mined(timeout=30)
    answer["revoked"] = client.getFeedback(agent.agentId, people["client"], 2).isRevoked
    answer["found"] = [one.value for one in client.searchFeedback(agentId=agent.agentId)]

    agent.setWallet(people["wallet"], new_wallet_signer=given["keys"]["wallet"]).wait_mined(
        timeout=30
    )
    answer["wallet"] = agent.getWallet()
    agent.unsetWallet().wait_mined(timeout=30)
    answer["wallet_unset"] = agent.getWallet()
    agent.addOperator(people["client"]).wait_mined(timeout=30)
    agent.removeOperator(people["client"]).wait_mined(timeout=30)

    owner.transferAgent(agent.agentId, people["client"]).wait_mined(timeout=30)
    answer["new_owner"] = owner.getAgentOwner(agent.agentId)
    answer["is_owner"] = [owner.isAgentOwner(agent.agentId), client.isAgentOwner(agent.agentId)]
    json.dump(answer, sys.stdout, default=str)


if __name__ == "__main__":
    main()
