# SPDX-License-Identifier: Apache-2.0
"""Reads agents and their validations by two third-party clients; run in their own environment.

Reads the RPC's URL, the chain, the registries, the agents and a request from standard input, as
JSON. Prints, as JSON, what the clients gave.
"""

from __future__ import annotations

import json
import sys

from agent0_sdk import SDK
from langchain_erc8004 import ERC8004Toolkit


def main() -> None:
    """Load the agents by the one, and read what was said of them by the other."""
    given = json.load(sys.stdin)
    toolkit = ERC8004Toolkit.for_chain(
        given["chain"],
        rpc_url=given["url"],
        identity_registry=given["identity"],
        reputation_registry=given["reputation"],
        validation_registry=given["validation"],
    )
    tools = {tool.name: tool for tool in toolkit.get_tools()}

    def read(tool: str, **arguments: object) -> object:
        answer = tools[tool].invoke(arguments)
        return json.loads(answer) if isinstance(answer, str) and answer[:1] in "{[" else answer

    chain = given["chain"]
    registries = {"IDENTITY": given["identity"], "REPUTATION": given["reputation"]}
    sdk = SDK(
        chainId=chain,
        rpcUrl=given["url"],
        signer=given["key"],
        registryOverrides={chain: registries},
    )
    loaded = {}
    for name, agent_id in given["agents"].items():
        agent = sdk.loadAgent(f"{chain}:{agent_id}")
        loaded[name] = [agent.name, agent.owners]
    agent_id = str(given["agents"]["corgent"])
    answer = {
        "loaded": loaded,
        "agent": read("get_agent", agent=agent_id),
        "status": read("get_validation_status", request_hash=given["request"]),
        "summary": read("get_validation_summary", agent=agent_id, validators=[given["validator"]]),
        "of_validator": read("get_validator_requests", validator=given["validator"]),
    }
    json.dump(answer, sys.stdout, default=str)


if __name__ == "__main__":
    main()
