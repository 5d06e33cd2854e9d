# SPDX-License-Identifier: Apache-2.0
"""The bench on a node that is there, with signed transactions that pay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from web3 import Web3

from cortensor.chain.rpc import node_errors
from cortensor.gas.arbos_state import ArbosState
from cortensor.pricing import RateCard
from scripts._gas.bench import DAY_SECONDS, Bench, without_checks
from scripts._gas.senders import Rpc, Signing


def next_midnight(web3: Web3) -> int:
    """Return the midnight after the node's latest block, when a bench on it can begin."""
    return (int(web3.eth.get_block("latest")["timestamp"]) // DAY_SECONDS + 1) * DAY_SECONDS


def bench_on(
    web3: Web3, card: RateCard, began: int, nonces: Mapping[str, int] | None = None
) -> tuple[Bench, Signing]:
    """Put the contracts on a node; return the bench and who sends.

    Args:
        web3: the node, as `reached` yields it.
        card: the rate card.
        began: when it begins, a midnight in unix seconds.
        nonces: with which accounts begin, as on another chain.
    """
    senders = Signing(_rpc(web3), web3.eth.chain_id, nonces)
    without_checks(web3)
    rpc = _rpc(web3)
    rpc("evm_setNextBlockTimestamp", began)
    rpc("evm_mine")
    return Bench(web3, str(rpc("web3_clientVersion")), card, senders, began), senders


def what_is(choice: str, web3: Web3, state: ArbosState | None) -> str:
    """Return what was measured on, for people."""
    chain = f"{choice}, chain {web3.eth.chain_id}"
    if state is None:
        return f"{chain}: a plain EVM, which charges nothing for bytes"
    return (
        f"{chain}: Anvil behind a front that charges as ArbOS {state.arbos} does, base fee "
        f"{state.base_fee:,} wei, {state.price_per_unit:,} wei a unit, Brotli {state.brotli_level}"
    )


def _rpc(web3: Web3) -> Rpc:
    def rpc(method: str, *parameters: Any) -> Any:
        with node_errors(method):
            answer = web3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
            if "error" in answer:
                raise ValueError(str(answer["error"]))
            return answer["result"]

    return rpc
