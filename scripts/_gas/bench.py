# SPDX-License-Identifier: Apache-2.0
"""The bench: contracts on a fresh chain where nothing depends on the clock, the machine or chance.

Accounts come from Anvil's fixed mnemonic, addresses from nonces, times from a fixed genesis plus a
second a block, hashes from counters: so every byte of calldata is the same in every run, and so is
every unit of gas.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils import keccak, to_checksum_address
from eth_utils.abi import (
    abi_to_signature,
    event_abi_to_log_topic,
    filter_abi_by_type,
    function_abi_to_4byte_selector,
)
from web3 import Web3

from cortensor.errors import VerificationFailed
from cortensor.gas.intrinsic import intrinsic
from cortensor.pricing import RateCard
from scripts._anvil import run_anvil
from scripts._deploy.compiler import compile_contract
from scripts._gas.envelope import units_of
from scripts._gas.senders import GAS_LIMIT, Senders, Unlocked, keyed
from scripts._gas.used import Posted, Used

CHAIN_ID = 31337
CARD_VERSION = 1
GENESIS_SECONDS = 1_767_225_600  # 2026-01-01, a multiple of the bucket
SUPPLY_WEI = 10**27
WALLET_WEI = 2 * 10**24
SETTLE_WINDOW_SECONDS = 172_800
CHALLENGE_WINDOW_SECONDS = 172_800
BUCKET_SECONDS = 3_600
POOL_COOLDOWN_SECONDS = 14 * 86_400
QUOTA_COOLDOWN_SECONDS = 15 * 86_400
APPEAL_SECONDS, RESOLVE_SECONDS = 3 * 86_400, 7 * 86_400
NODE_STAKE_WEI = MIN_BOND_WEI = 10**22
BOND_WEI = 10**24
COVER_BPS, SLASH_CAP_BPS = 20_000, 1_000
RATES_PPM = (300, 280, 260, 270, 250, 230, 220, 200, 185, 160, 150, 140)
LIMITS = (700 * 10**6, 50_000, 5_400)  # micro-COR, micro-COR a tick, ticks
SPENDING_LIMIT_WEI = 10**22
PENALTY_WEI, DEMAND_DEPOSIT_WEI = 10**20, 10**19
ANSWER_SECONDS = GRACE_SECONDS = 172_800
FORCED_INCLUSION_SECONDS = 86_400
TASK_CAP_WEI = 5 * 10**18
ESCROW, VOUCHER, STAKE = range(3)
NO_KEY = "0x" + "00" * 20
PUBLICATION_DELAY_SECONDS = 86_400
DAY_SECONDS = 86_400
LIFETIME_SECONDS = 30 * DAY_SECONDS
INFINITE = 2**256 - 1
RECEIPT_SECONDS = 30
POLL_SECONDS = 0.002


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
        senders: who sends; default: the node, for free.
        began: when it begins, a midnight in unix seconds.

    By contract name are its `addresses`, and what it took to have them `deployed` and `bound`.
    """

    def __init__(
        self,
        web3: Web3,
        version: str,
        card: RateCard,
        senders: Senders | None = None,
        began: int = GENESIS_SECONDS,
    ) -> None:
        self.web3 = web3
        self.version = version
        self.card = card
        self.began = began
        self.chain_id = int(self._rpc("eth_chainId"), 16)
        self._senders = Unlocked(self._rpc) if senders is None else senders
        # Those whose signatures a scenario needs have keys of their own.
        self.session_key = keyed("session key")
        self.settler_key = keyed("settler")
        self.payer_key = keyed("payer")
        named = self._senders.actors()
        named[3:5] = [self.settler_key.address, self.payer_key.address]
        self.actors = Actors(*named)
        for key in (self.settler_key, self.payer_key):
            self._senders.admit(key)
        self._words = 0
        self.deployed: dict[str, Used] = {}
        self.bound: dict[str, Used] = {}
        self.addresses: dict[str, str] = {}
        self._functions: dict[tuple[str, str], str] = {}
        # A second a block, from a fixed genesis: else buckets would end where the machine is slow.
        self._rpc("anvil_setBlockTimestampInterval", 1)
        actors = self.actors
        self.cor = self.deploy("MockCOR", SUPPLY_WEI)
        self.table = self.deploy(
            "SessionPaymentTable",
            actors.owner,
            actors.oracle,
            PUBLICATION_DELAY_SECONDS,
            card.abi_tuple(),
        )
        self.anchor = self.deploy("ReceiptAnchor")
        self.pool = self.deploy(
            "StakePool",
            actors.owner,
            self.cor.address,
            actors.treasury,
            actors.guardian,
            POOL_COOLDOWN_SECONDS,
            NODE_STAKE_WEI,
            MIN_BOND_WEI,
            COVER_BPS,
            SLASH_CAP_BPS,
            APPEAL_SECONDS,
            RESOLVE_SECONDS,
        )
        self.quota = self.deploy(
            "StakeQuota",
            actors.owner,
            self.cor.address,
            QUOTA_COOLDOWN_SECONDS,
            RATES_PPM,
            LIMITS,
            SPENDING_LIMIT_WEI,
        )
        self.payment = self.deploy(
            "SessionPayment",
            actors.owner,
            actors.guardian,
            self.cor.address,
            self.table.address,
            self.anchor.address,
            self.pool.address,
            self.quota.address,
            SETTLE_WINDOW_SECONDS,
            CHALLENGE_WINDOW_SECONDS,
            BUCKET_SECONDS,
        )
        opened = event_abi_to_log_topic(self.payment.events.SessionOpened.abi)
        self._opened_topic = "0x" + opened.hex()
        self.dispute = self.deploy(
            "SettlementDispute",
            self.payment.address,
            PENALTY_WEI,
            DEMAND_DEPOSIT_WEI,
            ANSWER_SECONDS,
            GRACE_SECONDS,
            FORCED_INCLUSION_SECONDS,
        )
        payment, dispute = self.payment.address, self.dispute.address
        for name, call in (
            ("StakePool", self.pool.functions.bind(payment, dispute)),
            ("StakeQuota", self.quota.functions.bind(payment)),
            ("SessionPayment", self.payment.functions.set_dispute(dispute)),
        ):
            self.bound[name] = self.send(call, actors.owner)
        for holder in (actors.payer, actors.first_payer, actors.settler, actors.anchorer):
            self.fund(holder)
        self.identity = self.deploy("IdentityRegistry")
        self.reputation = self.deploy("ReputationRegistry", self.identity.address)
        self.validation = self.deploy("ValidationRegistry", self.identity.address)
        self.validator = self.deploy(
            "AgentValidator", self.payment.address, self.validation.address
        )

    def fund(self, holder: str, amount: int = WALLET_WEI) -> None:
        """Give an account COR and let the contracts take it."""
        self.send(self.cor.functions.transfer(holder, amount), self.actors.owner)
        for spender in (self.payment, self.pool, self.quota, self.dispute):
            self.send(self.cor.functions.approve(spender.address, INFINITE), holder)

    def admit(self, account: LocalAccount) -> None:
        """Let an account whose key is here send."""
        self._senders.admit(account)

    def stranger(self, name: str) -> str:
        """Return an account that may send, and that nothing was given."""
        return self._senders.stranger(name)

    def word(self) -> bytes:
        """Return the next pseudo-random 32 bytes, the same in every run."""
        self._words += 1
        return keccak(self._words.to_bytes(32, "big"))

    def send(self, call: Any, sender: str, value: int = 0) -> Used:
        """Send a call with wei of the coin and return what it took.

        Raises:
            VerificationFailed: it reverts.
        """
        return self._sent(call, sender, value)[0]

    def _sent(self, call: Any, sender: str, value: int = 0) -> tuple[Used, Any]:
        # Complete, so that web3 asks the node for nothing. A fixed limit: an estimate would do the
        # work twice, and is no part of what is measured.
        filled = {"gas": GAS_LIMIT, "gasPrice": 0, "chainId": self.chain_id, "value": value}
        transaction = call.build_transaction({"from": sender, **filled})
        return self._send(sender, transaction["data"], transaction["to"], value)

    def _send(self, sender: str, data: str, to: str | None, value: int = 0) -> tuple[Used, Any]:
        tx_hash = self._senders.send(sender, data, to, value)
        receipt = self._mined(tx_hash)
        if receipt["status"] != "0x1":
            raise VerificationFailed(f"a scenario reverted in {tx_hash}", field="gas")
        taken = intrinsic(bytes.fromhex(data.removeprefix("0x")), is_creation=to is None)
        units = units_of(data, to, value)
        used = Used(
            int(receipt["gasUsed"], 16),
            taken.total,
            (Posted(units),),
            tx_hash,
            "" if to is None else self._called(to, data),
            int(receipt.get("gasUsedForL1", "0x0"), 16),
            int(receipt["effectiveGasPrice"], 16),
        )
        return used, receipt

    def _called(self, to: str, data: str) -> str:
        """Return the contract and function that a transaction calls, by what is sent."""
        return self._functions[to.lower(), data.removeprefix("0x")[:8]]

    def _mined(self, tx_hash: str) -> dict[str, Any]:
        """Return a receipt as the node tells it: Anvil answers before it has mined."""
        deadline = time.monotonic() + RECEIPT_SECONDS
        while time.monotonic() < deadline:
            receipt: dict[str, Any] | None = self._rpc("eth_getTransactionReceipt", tx_hash)
            if receipt is not None:
                return receipt
            time.sleep(POLL_SECONDS)
        raise VerificationFailed(f"{tx_hash} is in no block", field="gas")

    def request(self, **changes: Any) -> dict[str, Any]:
        """Return the terms of a session of 1,000 COR under a salt of its own, with changes."""
        plain = {
            "router_id": 1,
            "version": CARD_VERSION,
            "volume_tier": 0,
            "funding": ESCROW,
            "surcharge_cap_bps": 2_000,
            "task_cap_gwei": TASK_CAP_WEI // 10**9,
            "expiry": self.began + LIFETIME_SECONDS,
            "session_key": NO_KEY,
            "terms": 0,
            "amount": 10**21,
        }
        return plain | ({} if "salt" in changes else {"salt": self.word()}) | changes

    def open(self, payer: str, **changes: Any) -> tuple[int, Used]:
        """Open a session by `open`; return its id and what it took."""
        call = self.payment.functions.open(self.request(**changes))
        used, receipt = self._sent(call, payer)
        # The id is in the event that says so; to ask the contract would take as long again.
        (opened,) = (log for log in receipt["logs"] if log["topics"][0] == self._opened_topic)
        return int(opened["topics"][1], 16), used

    def settle(
        self, totals: dict[int, int], root: bytes | None = None, uri: str = "", router_id: int = 1
    ) -> Used:
        """Settle sessions to cumulative totals in wei, with a new root unless one is given."""
        items = [session << 96 | total for session, total in totals.items()]
        batch = (router_id, CARD_VERSION, root or self.word(), 1_000, uri, items)
        return self.send(self.payment.functions.settle(batch), self.settler_of(router_id))

    def settle_vouchers(self, totals: dict[int, int], root: bytes | None = None) -> Used:
        """Settle voucher sessions to totals that the session key signs."""
        vouchers = []
        for session, total in totals.items():
            digest = self.payment.functions.hash_voucher(session, total).call()
            signed = self.session_key.unsafe_sign_hash(digest)
            vs = (signed.v - 27) << 255 | signed.s
            r = signed.r.to_bytes(32, "big")
            vouchers.append((session << 96 | total, r, vs.to_bytes(32, "big")))
        batch = (1, CARD_VERSION, root or self.word(), 1_000, "", vouchers)
        return self.send(self.payment.functions.settle_vouchers(batch), self.settler_of(1))

    def settle_stake(self, totals: dict[int, int], root: bytes | None = None) -> Used:
        """Settle stake sessions to cumulative totals, for work of a second ago."""
        items = [session << 96 | total for session, total in totals.items()]
        batch = (1, CARD_VERSION, self.now(), root or self.word(), 1_000, "", items)
        return self.send(self.payment.functions.settle_stake(batch), self.settler_of(1))

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

    def next_day(self) -> None:
        """Go to the start of the next day: a window of quota, and a bucket."""
        self.wait(DAY_SECONDS - self.now() % DAY_SECONDS)

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

    def deploy_reader(self) -> Any:
        """Return a contract that measures what it takes to ask whether a leaf is anchored."""
        return self.deploy("MockAnchorReader")

    def deploy(self, name: str, *arguments: Any) -> Any:
        """Deploy a contract from the owner and return it."""
        artifact = compile_contract(name)
        factory = self.web3.eth.contract(abi=artifact.abi, bytecode=artifact.creation_code)
        data = factory.constructor(*arguments).data_in_transaction
        used, receipt = self._send(self.actors.owner, str(data), None)
        self.deployed[name] = used
        address = to_checksum_address(receipt["contractAddress"])
        # Undone deployments leave their addresses to later ones.
        self.addresses = {n: a for n, a in self.addresses.items() if a != address}
        self.addresses[name] = address
        for function in filter_abi_by_type("function", artifact.abi):
            selector = function_abi_to_4byte_selector(function).hex()
            said = f"{name}.{abi_to_signature(function)}"
            self._functions[address.lower(), selector] = said
        return self.web3.eth.contract(address, abi=artifact.abi)

    def _rpc(self, method: str, *parameters: Any) -> Any:
        answer = self.web3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]
        if "error" in answer:
            raise VerificationFailed(f"{method}: {answer['error']}", field="gas")
        return answer["result"]


def without_checks(web3: Web3) -> None:
    """Let a client not ask for the chain's id before each call."""
    web3.middleware_onion.remove("validation")


@contextlib.contextmanager
def run_bench(card: RateCard) -> Iterator[Bench]:
    """Start Anvil, put the contracts on it, and yield the bench."""
    # No fee moves gasUsed; without one, no account can run dry.
    options = ["--timestamp", str(GENESIS_SECONDS), "--base-fee", "0", "--gas-price", "0"]
    with run_anvil(chain_id=CHAIN_ID, options=options) as node:
        web3 = Web3(Web3.HTTPProvider(node.url, request_kwargs={"timeout": 60}))
        without_checks(web3)
        yield Bench(web3, node.version, card)
