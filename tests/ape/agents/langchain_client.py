# SPDX-License-Identifier: Apache-2.0
"""Drives our registries by every tool of langchain-erc8004; run in the clients' own environment.

Reads the RPC's URL, the validation registry and the actors' keys from standard input, as JSON: the
other two addresses are those that the package has built in for the chain. A plan that a tool builds
is signed and sent as it is. Prints, as JSON, what the tools gave.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from langchain_erc8004 import ERC8004Toolkit
from web3 import Web3

CHAIN_ID = 421_614
# A private address, which the package refuses to ask: no test reaches out.
ENDPOINT = "https://127.0.0.1/a2a"


class Client:
    """The package's tools, and the accounts that send what they plan."""

    def __init__(self, given: dict[str, Any]) -> None:
        toolkit = ERC8004Toolkit.for_chain(
            CHAIN_ID, rpc_url=given["url"], validation_registry=given["validation"]
        )
        self.tools = {tool.name: tool for tool in toolkit.get_tools()}
        self.unused = set(self.tools)
        self.web3 = Web3(Web3.HTTPProvider(given["url"]))
        self.people = {name: Account.from_key(key) for name, key in given["keys"].items()}

    def address(self, name: str) -> str:
        """Return somebody's address."""
        return str(self.people[name].address)

    def read(self, tool: str, **arguments: Any) -> Any:
        """Return what a tool says."""
        self.unused.discard(tool)
        answer = self.tools[tool].invoke(arguments)
        return json.loads(answer) if isinstance(answer, str) and answer[:1] in "{[" else answer

    def send(self, sender: str, tool: str, **arguments: Any) -> Any:
        """Sign and send what a tool plans; return the receipt."""
        plan = self.read(tool, from_address=self.address(sender), **arguments)
        for transaction in plan["transactions"]:
            signed = self.people[sender].sign_transaction(transaction)
            sent = self.web3.eth.send_raw_transaction(signed.raw_transaction)
            receipt = self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.02)
            if receipt["status"] != 1:
                raise AssertionError(f"{tool} reverted")
        return receipt

    def refused(self, sender: str, tool: str, **arguments: Any) -> str:
        """Return why the package refuses to plan a call."""
        try:
            self.read(tool, from_address=self.address(sender), **arguments)
        except Exception as error:  # noqa: BLE001 -- whatever the package raises is the outcome
            return str(error)
        raise AssertionError(f"{tool} was planned")


def registration_file(registry: str) -> str:
    """Return a registration file of agent 0 as a data: URI."""
    content = {
        "type": "https://eips.ethereum.org/EIPS/eip-8004#registration-v1",
        "name": "Corgent",
        "description": "Answers with receipts",
        "image": "https://agents.example/corgent.png",
        "services": [{"name": "A2A", "endpoint": ENDPOINT, "version": "0.3.0"}],
        "x402Support": False,
        "active": True,
        "registrations": [{"agentId": 0, "agentRegistry": f"eip155:{CHAIN_ID}:{registry}"}],
        "supportedTrust": ["reputation"],
    }
    raw = json.dumps(content).encode()
    return "data:application/json;base64," + base64.b64encode(raw).decode()


def identity(client: Client) -> dict[str, Any]:
    """Register an agent, write to it, and read it."""
    info = client.read("get_registry_info")
    registry = info["identity_registry"]["address"]
    uri = registration_file(registry)
    receipt = client.send(
        "owner", "register_agent", agent_uri="https://old.example", metadata={"model": "small"}
    )
    parsed = client.read("parse_registration_receipt", receipt=json.loads(Web3.to_json(receipt)))
    client.send("owner", "set_agent_uri", agent="0", new_uri=uri)
    client.send("owner", "set_agent_metadata", agent="0", key="model", value="large")
    terms = client.read(
        "build_agent_wallet_typed_data", agent="0", new_wallet=client.address("wallet")
    )
    typed = terms["typed_data"]
    signature = (
        client.people["wallet"].sign_message(encode_typed_data(full_message=typed)).signature
    )
    client.send(
        "owner",
        "set_agent_wallet",
        agent="0",
        new_wallet=client.address("wallet"),
        deadline=int(typed["message"]["deadline"]),
        signature="0x" + signature.hex(),
    )
    answer = {
        "info": info,
        "parsed": parsed,
        "agent": client.read("get_agent", agent="0"),
        "exists": client.read("agent_exists", agent="0"),
        "missing": client.read("agent_exists", agent="7"),
        "owner": client.read("get_agent_owner", agent="0"),
        "uri": client.read("get_agent_uri", agent="0"),
        "wallet": client.read("get_agent_wallet", agent="0"),
        "metadata": client.read("get_agent_metadata", agent="0", key="model"),
        "resolved": client.read("resolve_registration_file", agent_uri=uri),
        "endpoint": client.read("verify_agent_endpoint", agent="0", endpoint=ENDPOINT),
        "stranger": client.refused("client", "set_agent_uri", agent="0", new_uri="ipfs://x"),
        "reserved": client.refused(
            "owner", "set_agent_metadata", agent="0", key="agentWallet", value="me"
        ),
    }
    client.send("owner", "unset_agent_wallet", agent="0")
    answer["unset"] = client.read("get_agent_wallet", agent="0")
    return answer


def reputation(client: Client) -> dict[str, Any]:
    """Rate the agent, take a word back, answer, and read it all."""
    who = client.address("client")
    client.send("client", "give_rating", agent="0", score=80, tag2="day", endpoint=ENDPOINT)
    client.send("client", "give_feedback", agent="0", value=9977, value_decimals=2, tag1="uptime")
    client.send("client", "give_rating", agent="0", score=91)
    client.send("client", "revoke_feedback", agent="0", index=3)
    client.send(
        "owner", "append_response", agent="0", client=who, index=1, response_uri="ipfs://thanks"
    )
    filters = {"agent": "0", "clients": [who]}
    return {
        "clients": client.read("get_feedback_clients", agent="0"),
        "feedback": client.read("get_agent_feedback", include_revoked=True, **filters),
        "all": client.read("list_all_feedback", agent="0"),
        "summary": client.read("get_feedback_summary", tag1="starred", **filters),
        "aggregate": client.read("aggregate_feedback", tag1="uptime", **filters),
        "first": client.read("read_feedback", agent="0", client=who, index=1),
        "last": client.read("get_last_feedback_index", agent="0", client=who),
        "answers": client.read("get_response_count", agent="0", client=who, index=1),
        "own": client.refused("owner", "give_rating", agent="0", score=100),
        "twice": client.refused("client", "revoke_feedback", agent="0", index=3),
    }


def validation(client: Client) -> dict[str, Any]:
    """Ask for a verdict, give it, and read it."""
    key, answer = "0x" + "ab" * 32, "0x" + "cd" * 32
    validator = client.address("validator")
    client.send(
        "owner",
        "request_validation",
        agent="0",
        validator=validator,
        request_uri="ipfs://request",
        request_hash=key,
    )
    asked = client.read("get_validation_status", request_hash=key)
    client.send(
        "validator",
        "submit_validation_response",
        request_hash=key,
        response=93,
        response_uri="ipfs://receipt",
        response_hash=answer,
        tag="receipt/v4:majority:hard",
    )
    return {
        "asked": asked,
        "answered": client.read("get_validation_status", request_hash=key),
        "of_agent": client.read("get_agent_validations", agent="0"),
        "of_validator": client.read("get_validator_requests", validator=validator),
        "summary": client.read("get_validation_summary", agent="0", validators=[validator]),
        "all": client.read("list_all_validations", agent="0"),
        "squatted": client.refused(
            "owner",
            "request_validation",
            agent="0",
            validator=validator,
            request_uri="ipfs://request",
            request_hash=key,
        ),
    }


def main() -> None:
    """Drive the three registries, then sell the agent."""
    client = Client(json.load(sys.stdin))
    answer = {
        "tools": len(client.tools),
        "identity": identity(client),
        "reputation": reputation(client),
        "validation": validation(client),
    }
    client.send("owner", "transfer_agent", agent="0", to=client.address("client"))
    answer["new_owner"] = client.read("get_agent_owner", agent="0")
    answer["unused"] = sorted(client.unused)
    json.dump(answer, sys.stdout, default=str)


if __name__ == "__main__":
    main()
