# SPDX-License-Identifier: Apache-2.0
"""Our ERC-8004 registries on an Anvil: deployed, or placed where the canonical ones are."""

from __future__ import annotations

from web3 import Web3

from scripts._deploy.compiler import compile_contract

GAS_LIMIT = 25_000_000


def deploy(web3: Web3, name: str, *arguments: object) -> str:
    """Deploy a contract from the first account and return its address."""
    artifact = compile_contract(name)
    factory = web3.eth.contract(abi=artifact.abi, bytecode=artifact.creation_code)
    tx_hash = factory.constructor(*arguments).transact(
        {"from": web3.eth.accounts[0], "gas": GAS_LIMIT}
    )
    return web3.eth.wait_for_transaction_receipt(tx_hash, poll_latency=0.01)["contractAddress"]


def deploy_all(web3: Web3) -> dict[str, str]:
    """Deploy the three registries and return their addresses by kind."""
    identity = deploy(web3, "IdentityRegistry")
    return {
        "identity": identity,
        "reputation": deploy(web3, "ReputationRegistry", identity),
        "validation": deploy(web3, "ValidationRegistry", identity),
    }


def place(web3: Web3, addresses: dict[str, str]) -> None:
    """Put our runtime code at given addresses.

    The registries keep what the constructor knew in their code, so that a copy of the code of one
    that was deployed beside the same identity registry is whole, with no storage to write.
    """

    def copy(source: str, to: str) -> None:
        code = web3.eth.get_code(Web3.to_checksum_address(source))
        answer = web3.provider.make_request("anvil_setCode", [to, "0x" + code.hex()])
        assert "error" not in answer, answer

    identity = addresses["identity"]
    copy(deploy(web3, "IdentityRegistry"), identity)
    copy(deploy(web3, "ReputationRegistry", identity), addresses["reputation"])
    copy(deploy(web3, "ValidationRegistry", identity), addresses["validation"])
