# SPDX-License-Identifier: Apache-2.0
"""Asks a node for all that a gas profile of a mined transaction needs.

Steps come from a small tracer that runs inside the node, since whole struct logs are fifty times as
long; nodes that run no tracers of others give struct logs. The tracer's getCost() is not used: on
Anvil 1.7.1 it is the cost of the step before.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from cortensor.chain.rpc import node_errors
from cortensor.chain.struct_logs import trace_of
from cortensor.errors import NotFound, Unavailable
from cortensor.gas.trace import Trace, truncated
from cortensor.gas.transaction import Log, Receipt, Traced, Transaction
from cortensor.receipts.keccak import from_hex

if TYPE_CHECKING:
    from web3 import Web3

HASH_BYTES = 32
TRACE_TIMEOUT = "120s"
NO_CODE = ("0x", None)


def read_traced(web3: Web3, tx_hash: str) -> Traced:
    """Return a mined transaction with its trace.

    Args:
        web3: a node that keeps the transaction's state, with the debug namespace.
        tx_hash: 0x-hex.

    Raises:
        InvalidInput: no hash.
        NotFound: the node has no such transaction (`unknown_transaction`), or no block has it yet
            (`not_mined`).
        Unavailable: the node does not answer, or does not trace (`no_tracing`).
        VerificationFailed: what it answers is not whole (`truncated_trace`).
    """
    from_hex(tx_hash.lower(), HASH_BYTES, "tx_hash")
    return _Node(web3).read(tx_hash.lower())


def read_codes(web3: Web3, addresses: list[str]) -> dict[str, bytes]:
    """Return the code at addresses, in lower case.

    Raises:
        Unavailable: the node does not answer.
    """
    node = _Node(web3)
    return {
        address: bytes.fromhex(str(node.ask("eth_getCode", address, "latest")).removeprefix("0x"))
        for address in addresses
    }


class _Node:
    """One node's answers, as they are: web3 would drop what is Arbitrum's own."""

    def __init__(self, web3: Web3) -> None:
        self.web3 = web3

    def read(self, tx_hash: str) -> Traced:
        told = self.ask("eth_getTransactionByHash", tx_hash)
        if told is None:
            raise NotFound(
                f"the node has no transaction {tx_hash}",
                field="tx_hash",
                code="unknown_transaction",
            )
        receipt = self.ask("eth_getTransactionReceipt", tx_hash)
        if receipt is None:
            raise NotFound(f"no block has {tx_hash} yet", field="tx_hash", code="not_mined")
        transaction = self._transaction(told, receipt)
        trace = self._trace(tx_hash, transaction.to or transaction.created or "")
        if not trace.ops and self._has_code(transaction, receipt):
            raise truncated("it has no step, though there is code (Anvil: --steps-tracing)")
        return Traced(transaction, _receipt(receipt), trace, self._originals(tx_hash))

    def ask(self, method: str, *parameters: Any) -> Any:
        answer = self.try_to_ask(method, *parameters)
        if "error" in answer:
            raise Unavailable(
                f"{method}: {_message(answer)}", field="rpc", code="chain_unavailable"
            )
        return answer.get("result")

    def try_to_ask(self, method: str, *parameters: Any) -> dict[str, Any]:
        with node_errors(method):
            answer: Any = self.web3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
        return dict(answer)

    def _transaction(self, told: dict[str, Any], receipt: dict[str, Any]) -> Transaction:
        block = self.ask("eth_getBlockByHash", receipt["blockHash"], False)
        created = receipt.get("contractAddress")
        listed = [
            (str(entry["address"]).lower(), [int(key, 16) for key in entry["storageKeys"]])
            for entry in told.get("accessList") or []
        ]
        return Transaction(
            tx_hash=str(told["hash"]),
            chain_id=int(self.ask("eth_chainId"), 16),
            tx_type=int(told.get("type", "0x0"), 16),
            sender=str(told["from"]).lower(),
            to=str(told["to"]).lower() if told.get("to") else None,
            created=str(created).lower() if created else None,
            data=bytes.fromhex(str(told["input"]).removeprefix("0x")),
            coinbase=str(block["miner"]).lower(),
            raw=self._raw(str(told["hash"])),
            access_list=listed,
            is_signed=int(told.get("r", "0x0"), 16) != 0,
        )

    def _raw(self, tx_hash: str) -> bytes | None:
        for method in ("debug_getRawTransaction", "eth_getRawTransactionByHash"):
            raw = self.try_to_ask(method, tx_hash).get("result")
            if isinstance(raw, str) and len(raw) > len("0x"):
                return bytes.fromhex(raw.removeprefix("0x"))
        return None

    def _trace(self, tx_hash: str, outermost: str) -> Trace:
        tracer = files("cortensor.chain").joinpath("step_tracer.js").read_text("utf-8")
        asked = {"tracer": tracer, "timeout": TRACE_TIMEOUT}
        answer = self.try_to_ask("debug_traceTransaction", tx_hash, asked)
        if "result" in answer:
            try:
                return msgspec.convert(answer["result"], Trace)
            except msgspec.ValidationError as error:
                raise truncated(str(error)) from error
        whole = {"enableMemory": True, "disableStorage": True, "timeout": TRACE_TIMEOUT}
        logs = self.try_to_ask("debug_traceTransaction", tx_hash, whole)
        if "result" not in logs:
            raise Unavailable(
                f"the node does not trace: {_message(answer)}; as struct logs: {_message(logs)}",
                field="rpc",
                code="no_tracing",
            )
        return trace_of(logs["result"], outermost)

    def _originals(self, tx_hash: str) -> dict[tuple[str, int], int]:
        answer = self.try_to_ask("debug_traceTransaction", tx_hash, {"tracer": "prestateTracer"})
        if not isinstance(answer.get("result"), dict):
            raise Unavailable(
                f"the node has no prestateTracer: {_message(answer)}",
                field="rpc",
                code="no_tracing",
            )
        return {
            (address.lower(), int(slot, 16)): int(value, 16)
            for address, account in answer["result"].items()
            for slot, value in (account.get("storage") or {}).items()
        }

    def _has_code(self, transaction: Transaction, receipt: dict[str, Any]) -> bool:
        if transaction.to is None:
            return bool(transaction.data)
        return self.ask("eth_getCode", transaction.to, receipt["blockNumber"]) not in NO_CODE


def _receipt(told: dict[str, Any]) -> Receipt:
    poster = told.get("gasUsedForL1")
    return Receipt(
        gas_used=int(told["gasUsed"], 16),
        is_failed=told.get("status") == "0x0",
        logs=[
            Log(
                str(log["address"]).lower(),
                [str(topic) for topic in log["topics"]],
                (len(log["data"]) - len("0x")) // 2,
            )
            for log in told["logs"]
        ],
        poster_gas=None if poster is None else int(poster, 16),
    )


def _message(answer: dict[str, Any]) -> str:
    error = answer.get("error")
    text = str(error.get("message") if isinstance(error, dict) else error)
    return " ".join(text.split())[:200]
