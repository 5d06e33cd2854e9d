# SPDX-License-Identifier: Apache-2.0
"""The bench: contracts on a fresh chain where nothing depends on the clock, the machine or chance.

Accounts come from Anvil's fixed mnemonic, addresses from nonces, times from a fixed genesis plus a
second a block, hashes from counters: so every byte of calldata is the same in every run, and so is
every unit of gas.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eth_abi import encode as abi_encode
from eth_utils import keccak, to_checksum_address
from web3 import Web3

from cortensor.errors import VerificationFailed
from cortensor.pricing import RateCard
from scripts._anvil import run_anvil
from scripts._deploy.compiler import compile_contract

CHAIN_ID = 31337
CARD_VERSION = 1
GENESIS_SECONDS = 1_767_225_600  # 2026-01-01, a multiple of the bucket
SUPPLY_WEI = 10**27
WALLET_WEI = 10**24
SETTLE_WINDOW_SECONDS = 172_800
CHALLENGE_WINDOW_SECONDS = 172_800
BUCKET_SECONDS = 3_600
PUBLICATION_DELAY_SECONDS = 86_400
LIFETIME_SECONDS = 30 * 86_400
INFINITE = 2**256 - 1
INTRINSIC_GAS = 21_000
NONZERO_BYTE_GAS, ZERO_BYTE_GAS = 16, 4
GAS_LIMIT = 25_000_000
RECEIPT_SECONDS = 30
POLL_SECONDS = 0.002


@dataclass(frozen=True)
class Used:
    """What one transaction took.

    Attributes:
        gas: the receipt's gasUsed.
        intrinsic: of that, 21,000 and the calldata.
    """

    gas: int
    intrinsic: int


@dataclass(frozen=True)
class Actors:
    """Who acts; each an Anvil account."""

    owner: str
    oracle: str
    guardian: str
    settler: str
    payer: str
    first_payer: str
    anchorer: str
    treasury: str
    nodes: str
    validators: str


class Bench:
    """The contracts and what scenarios do to them.

    Args:
        web3: the node.
        version: Anvil's version line.
        card: the first rate card.
    """

    def __init__(self, web3: Web3, version: str, card: RateCard) -> None:
        self.web3 = web3
        self.version = version
        self.card = card
        self.actors = Actors(*web3.eth.accounts[:10])
        self._words = 0
        # A second a block, from a fixed genesis: else buckets would end where the machine is slow.
        self._rpc("anvil_setBlockTimestampInterval", 1)
        actors = self.actors
        self.cor = self._deploy("MockCOR", SUPPLY_WEI)
        self.table = self._deploy(
            "SessionPaymentTable",
            actors.owner,
            actors.oracle,
            PUBLICATION_DELAY_SECONDS,
            card.abi_tuple(),
        )
        self.anchor = self._deploy("ReceiptAnchor")
        self.payment = self._deploy(
            "SessionPayment",
            actors.owner,
            actors.guardian,
            self.cor.address,
            self.table.address,
            self.anchor.address,
            SETTLE_WINDOW_SECONDS,
            CHALLENGE_WINDOW_SECONDS,
            BUCKET_SECONDS,
        )
        for holder in (actors.payer, actors.first_payer):
            self.send(self.cor.functions.transfer(holder, WALLET_WEI), actors.owner)
            self.send(self.cor.functions.approve(self.payment.address, INFINITE), holder)

    def word(self) -> bytes:
        """Return the next pseudo-random 32 bytes, the same in every run."""
        self._words += 1
        return keccak(self._words.to_bytes(32, "big"))

    def send(self, call: Any, sender: str) -> Used:
        """Send a call and return what it took. Raises VerificationFailed if it reverts."""
        # A fixed limit: an estimate would do the work twice, and is no part of what is measured.
        tx_hash = call.transact({"from": sender, "gas": GAS_LIMIT})
        return self.used(tx_hash)

    def used(self, tx_hash: bytes) -> Used:
        """Return what a mined transaction took."""
        receipt = self._receipt(tx_hash)
        if receipt["status"] != 1:
            raise VerificationFailed(f"a scenario reverted in {tx_hash.hex()}", field="gas")
        data = bytes(self.web3.eth.get_transaction(tx_hash)["input"])
        zeros = data.count(0)
        calldata = zeros * ZERO_BYTE_GAS + (len(data) - zeros) * NONZERO_BYTE_GAS
        return Used(receipt["gasUsed"], INTRINSIC_GAS + calldata)

    def open(self, payer: str, router_id: int = 1) -> tuple[int, Used]:
        """Open a session of 1,000 COR; return its id and what it took."""
        salt = self.word()
        terms = (CHAIN_ID, self.payment.address, payer, salt)
        digest = keccak(abi_encode(("uint256", "address", "address", "bytes32"), terms))
        session = router_id << 128 | int.from_bytes(digest, "big") % 2**128
        request = (
            router_id,
            CARD_VERSION,
            0,
            0,
            2_000,
            5 * 10**9,
            GENESIS_SECONDS + LIFETIME_SECONDS,
            "0x" + "00" * 20,
            salt,
            10**21,
        )
        return session, self.send(self.payment.functions.open(request), payer)

    def settle(
        self, totals: dict[int, int], root: bytes | None = None, uri: str = "", router_id: int = 1
    ) -> Used:
        """Settle sessions to cumulative totals in wei, with a new root unless one is given."""
        items = [session << 96 | total for session, total in totals.items()]
        batch = (router_id, CARD_VERSION, root or self.word(), 1_000, uri, items)
        return self.send(self.payment.functions.settle(batch), self.settler_of(router_id))

    def settler_of(self, router_id: int) -> str:
        """Return a router's settler."""
        return str(self.payment.functions.router(router_id).call()[0])

    def add_router(self, settler: str) -> tuple[Used, Used]:
        """Register a router and authorise the escrow; return what the two transactions took."""
        registered = self.send(self.payment.functions.register_router(settler), self.actors.owner)
        call = self.anchor.functions.authorise(self.payment.address, True)
        return registered, self.send(call, settler)

    def wait(self, seconds: int) -> None:
        """Let time pass and mine a block."""
        self._rpc("evm_setNextBlockTimestamp", self.now() + seconds)
        self._rpc("evm_mine")

    def now(self) -> int:
        """Return the latest block's time."""
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def next_bucket(self) -> None:
        """Go to the start of the next bucket, so that a scenario cannot straddle two."""
        self.wait(BUCKET_SECONDS - self.now() % BUCKET_SECONDS)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Undo what happens inside, so that scenarios do not depend on their order."""
        snapshot = self._rpc("evm_snapshot")
        words = self._words
        try:
            yield
        finally:
            self._rpc("evm_revert", snapshot)
            self._words = words

    def _deploy(self, name: str, *arguments: Any) -> Any:
        artifact = compile_contract(name)
        factory = self.web3.eth.contract(abi=artifact.abi, bytecode=artifact.creation_code)
        call = factory.constructor(*arguments)
        tx_hash = call.transact({"from": self.actors.owner, "gas": GAS_LIMIT})
        receipt = self._receipt(tx_hash)
        if receipt["status"] != 1:
            raise VerificationFailed(f"{name} does not deploy", field="gas")
        address = to_checksum_address(receipt["contractAddress"])
        self.deployed = {**getattr(self, "deployed", {}), name: self.used(tx_hash)}
        return self.web3.eth.contract(address, abi=artifact.abi)

    def _receipt(self, tx_hash: bytes) -> Any:
        # Anvil answers before it has mined.
        return self.web3.eth.wait_for_transaction_receipt(
            tx_hash, timeout=RECEIPT_SECONDS, poll_latency=POLL_SECONDS
        )

    def _rpc(self, method: str, *parameters: Any) -> Any:
        answer = self.web3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
        if "error" in answer:
            raise VerificationFailed(f"{method}: {answer['error']}", field="gas")
        return answer["result"]


@contextlib.contextmanager
def run_bench(card: RateCard) -> Iterator[Bench]:
    """Start Anvil, put the contracts on it, and yield the bench."""
    # No fee moves gasUsed; without one, no account can run dry.
    options = ["--timestamp", str(GENESIS_SECONDS), "--base-fee", "0", "--gas-price", "0"]
    with run_anvil(chain_id=CHAIN_ID, options=options) as node:
        web3 = Web3(Web3.HTTPProvider(node.url, request_kwargs={"timeout": 60}))
        yield Bench(web3, node.version, card)
