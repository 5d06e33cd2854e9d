# SPDX-License-Identifier: Apache-2.0
"""Reads and calls of SettlementDispute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from web3.logs import DISCARD

from cortensor.chain.calldata import named, read_call
from cortensor.chain.rpc import contract, node_errors
from cortensor.errors import NotFound
from cortensor.receipts.typed import ReceiptStruct

if TYPE_CHECKING:
    from web3 import Web3

    from cortensor.chain.pending_moves import PendingBatch, Prefix

CONTRACT = "SettlementDispute"


class AnchoredLeaf(Struct, frozen=True):
    """The contract's `Leaf`: a receipt with its place, and the proof that it is anchored.

    `anchorer` is 0x hex; `root` and the nodes of `proof` are 32 bytes; `cumulative` is wei.
    """

    receipt: ReceiptStruct
    index: int
    cumulative: int
    anchorer: str
    root: bytes
    proof: list[bytes]

    def abi_value(self, web3: Web3) -> dict[str, Any]:
        """Return the struct as web3 takes it."""
        return {
            "receipt": self.receipt.abi_tuple(),
            "index": self.index,
            "cumulative": self.cumulative,
            "anchorer": web3.to_checksum_address(self.anchorer),
            "root": self.root,
            "proof": list(self.proof),
        }


class DemandState(Struct, frozen=True):
    """A demand: who made it, and until when it counts; all zero for none. Times are unix seconds.

    `challengeable_until` is 0 until it is answered.
    """

    challenger: str
    answer_by: int
    challengeable_until: int

    @property
    def is_open(self) -> bool:
        """Whether there is such a demand."""
        return self.answer_by != 0


class DemandMade(Struct, frozen=True):
    """A demand as its event tells it: `settled` is wei, `answer_by` unix seconds."""

    challenger: str
    settled: int
    answer_by: int


class Claim(Struct, frozen=True):
    """What a session can claim of a bucket, and what demands hold of that, in wei."""

    bucket: int
    claimable: int
    held: int


class DisputeTerms(Struct, frozen=True):
    """What the contract was deployed with: wei and seconds."""

    penalty: int
    deposit: int
    answer: int
    grace: int

    @property
    def reward(self) -> int:
        """What the challenger gets of a full penalty; the burnt half takes the odd wei."""
        return self.penalty // 2


class Dispute:
    """The dispute contract at an address."""

    def __init__(self, web3: Web3, address: str) -> None:
        self._web3 = web3
        self._contract = contract(web3, CONTRACT, address)

    @property
    def address(self) -> str:
        """The checksummed address."""
        return str(self._contract.address)

    def terms(self) -> DisputeTerms:
        """Return penalty, deposit and windows."""
        functions = self._contract.functions
        with node_errors("dispute terms"):
            return DisputeTerms(
                int(functions.PENALTY_WEI().call()),
                int(functions.DEPOSIT_WEI().call()),
                int(functions.ANSWER_SECONDS().call()),
                int(functions.GRACE_SECONDS().call()),
            )

    def payment(self) -> str:
        """Return the escrow whose disputes these are."""
        with node_errors("dispute payment"):
            return str(self._contract.functions.PAYMENT().call())

    def demand_of(self, session: int, index: int, settled: int) -> DemandState:
        """Return a demand of an index, made when the session's total was `settled` wei."""
        call = self._contract.functions.demand_of(session, index, settled)
        return DemandState(**_fields(call, "demand"))

    def demanded_in(self, tx_hash: str) -> DemandMade:
        """Return the demand that a transaction made.

        Raises:
            NotFound: it made none.
            Unavailable: the node.
        """
        with node_errors("transaction receipt"):
            receipt = self._web3.eth.get_transaction_receipt(tx_hash)  # type: ignore[arg-type]  # hex is accepted
            logs = self._contract.events.Demanded().process_receipt(receipt, errors=DISCARD)
        for log in logs:
            args = log["args"]
            return DemandMade(str(args["challenger"]), args["settled"], args["answer_by"])
        raise NotFound(f"{tx_hash} made no demand", code="no_such_demand")

    def claims(self, session: int) -> list[Claim]:
        """Return what of its router's pending money a session can claim now, by bucket."""
        with node_errors("claims"):
            found = self._contract.functions.claims(session).call()
        return [Claim(*map(int, claim)) for claim in found]

    def rightful_charge(self, receipt: ReceiptStruct) -> int:
        """Return the most that a receipt may charge, in wei; 0 where it has no price."""
        with node_errors("rightful charge"):
            return int(self._contract.functions.rightful_charge(receipt.abi_tuple()).call())

    def refunded(self, session: int) -> int:
        """Return the wei that disputes have refunded to a session."""
        with node_errors("refunded"):
            return int(self._contract.functions.refunded(session).call())

    def is_settled_against(self, session: int, index: int) -> bool:
        """Return whether the charge of an index was refunded already."""
        with node_errors("settled against"):
            return bool(self._contract.functions.is_settled_against(session, index).call())

    def challenge_charge_data(self, leaf: AnchoredLeaf) -> str:
        """Return calldata that proves a charge above the quote."""
        return self._data("challenge_charge", leaf.abi_value(self._web3))

    def challenge_signed_data(
        self, leaf: AnchoredLeaf, signed: ReceiptStruct, signature: bytes
    ) -> str:
        """Return calldata that proves a leaf that is not what the router signed."""
        return self._data(
            "challenge_signed", leaf.abi_value(self._web3), signed.abi_tuple(), signature
        )

    def challenge_index_data(self, first: AnchoredLeaf, second: AnchoredLeaf) -> str:
        """Return calldata that proves two leaves at one index."""
        return self._pair_data("challenge_index", first, second)

    def challenge_duplicate_data(self, first: AnchoredLeaf, second: AnchoredLeaf) -> str:
        """Return calldata that proves one receipt or request at two indexes, the lower first."""
        return self._pair_data("challenge_duplicate", first, second)

    def challenge_total_data(self, earlier: AnchoredLeaf, later: AnchoredLeaf) -> str:
        """Return calldata that proves a total that does not follow."""
        return self._pair_data("challenge_total", earlier, later)

    def demand_data(self, session: int, index: int) -> str:
        """Return calldata that demands a leaf; index 0 for that of the settled total."""
        return self._data("demand", session, index)

    def show_pending_data(self, session: int, batch: PendingBatch) -> str:
        """Return calldata that shows what a session moved in a batch that is pending."""
        return self._data("show_pending", session, batch.abi_value())

    def show_prefix_data(self, session: int, prefix: Prefix) -> str:
        """Return calldata that shows what the digest of a bucket of the session was once."""
        return self._data("show_prefix", session, prefix.bucket, prefix.before, list(prefix.later))

    def thaw_data(self, session: int) -> str:
        """Return calldata that lets go what demands have frozen of a session for too long."""
        return self._data("thaw", session)

    def answer_data(
        self,
        session: int,
        index: int,
        settled: int,
        leaf: AnchoredLeaf,
        signature: bytes,
        max_charge: int = 0,
        request_signature: bytes = b"",
    ) -> str:
        """Return calldata that answers a demand made when `settled` wei were settled.

        The last two arguments count where a session has a key.
        """
        about, shown = (session, index, settled), leaf.abi_value(self._web3)
        return self._data("answer", *about, shown, signature, max_charge, request_signature)

    def close_demand_data(self, session: int, index: int, settled: int) -> str:
        """Return calldata that ends a demand made when `settled` wei were settled."""
        return self._data("close_demand", session, index, settled)

    def read_answer(self, data: bytes) -> tuple[AnchoredLeaf, bytes]:
        """Return the leaf and the router's signature from calldata of `answer`.

        Raises:
            VerificationFailed: it is the calldata of something else.
        """
        values = read_call(self._contract, "answer", data)
        return _leaf(values["leaf"]), bytes(values["signature"])

    def _pair_data(self, name: str, first: AnchoredLeaf, second: AnchoredLeaf) -> str:
        return self._data(name, first.abi_value(self._web3), second.abi_value(self._web3))

    def _data(self, name: str, *arguments: Any) -> str:
        return str(self._contract.encode_abi(name, args=list(arguments)))


def _fields(call: Any, doing: str) -> dict[str, Any]:
    """Call a function that returns one struct, and name its fields as the ABI does."""
    with node_errors(doing):
        values = call.call()
    names = (part["name"] for part in call.abi["outputs"][0]["components"])
    return dict(zip(names, values, strict=True))


def _leaf(values: Any) -> AnchoredLeaf:
    shown = named(values, ("receipt", "index", "cumulative", "anchorer", "root", "proof"))
    receipt = named(shown["receipt"], ReceiptStruct.__struct_fields__)
    return AnchoredLeaf(
        receipt=ReceiptStruct(**receipt),
        index=shown["index"],
        cumulative=shown["cumulative"],
        anchorer=str(shown["anchorer"]).lower(),
        root=bytes(shown["root"]),
        proof=[bytes(node) for node in shown["proof"]],
    )
