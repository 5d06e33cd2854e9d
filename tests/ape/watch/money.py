# SPDX-License-Identifier: Apache-2.0
"""The money contracts on an Anvil of the test's own, and transactions on them."""

from __future__ import annotations

from pathlib import Path

from eth_account import Account
from web3.contract.contract import ContractFunction

from cortensor.chain.rpc import connect
from cortensor.receipts.typed import Domain
from scripts._deploy import KeySigner, deploy_all, load_config
from scripts._deploy.bindings import contract_at
from scripts._deploy.config import resolve
from tests.ape.running import ROOT, rpc

COR = 10**18
GAS_MONEY_WEI = 10 * COR
POLL_S = 0.02


class Money:
    """Everything that `ape run deploy` deploys, with the router's bond.

    Args:
        url: the node's RPC.
        records: folder for the deployment records.
    """

    def __init__(self, url: str, records: Path) -> None:
        self.url = url
        self.web3 = connect(url)
        self.records = records
        self.deployer, self.settler = self.person(), self.person()
        config = load_config(ROOT / "config" / "local.toml")
        deployment = deploy_all(
            self.web3,
            resolve(config, self.deployer.address, lambda _index: self.settler.address),
            [KeySigner(self.deployer), KeySigner(self.settler)],
            records,
            network=config.network.name,
            is_own_node=True,
        )

        def bound(name):
            return contract_at(self.web3, name, deployment.address(name))

        self.cor = bound("MockCOR")
        self.table = bound("SessionPaymentTable")
        self.payment = bound("SessionPayment")
        self.anchor = bound("ReceiptAnchor")
        self.quota = bound("StakeQuota")
        self.pool = bound("StakePool")
        self.dispute = bound("SettlementDispute")
        self.domain = Domain(deployment.chain_id, self.payment.address)
        self.penalty = self.dispute.functions.PENALTY_WEI().call()
        self.deposit = self.dispute.functions.DEPOSIT_WEI().call()

    # People

    def person(self, cor_wei: int = 0):
        """A new account with gas money, and COR."""
        account = Account.create()
        rpc(self.url, "anvil_setBalance", account.address, hex(GAS_MONEY_WEI))
        if cor_wei:
            self.send(self.deployer, self.cor.functions.transfer(account.address, cor_wei))
        return account

    def allow(self, owner, contract, amount: int) -> None:
        self.send(owner, self.cor.functions.approve(contract.address, amount))

    def cor_of(self, account) -> int:
        """What an account, or an address, has."""
        return self.cor.functions.balanceOf(getattr(account, "address", account)).call()

    def sent_by(self, account, block: str = "latest") -> int:
        """How many transactions an account has sent; at "pending", unmined ones as well."""
        return self.web3.eth.get_transaction_count(account.address, block)

    def waiting(self, account) -> list[str]:
        """Hashes of an account's transactions that are not mined."""
        pending = rpc(self.url, "txpool_content")["pending"]
        own = next((p for who, p in pending.items() if who.lower() == account.address.lower()), {})
        return [each["hash"] for each in own.values()]

    # Transactions and time

    def send(self, sender, call: ContractFunction):
        """Send a call and return its mined receipt."""
        transaction = call.build_transaction(
            {"from": sender.address, "nonce": self.sent_by(sender), "maxPriorityFeePerGas": 0}
        )
        # A second later a call may have to write what another had just written.
        transaction["gas"] *= 2
        signed = sender.sign_transaction(transaction)
        tx_hash = self.web3.eth.send_raw_transaction(signed.raw_transaction)
        mined = self.web3.eth.wait_for_transaction_receipt(tx_hash, poll_latency=POLL_S)
        assert mined["status"] == 1
        return mined

    def now(self) -> int:
        return self.web3.eth.get_block("latest")["timestamp"]

    def move_to(self, time: int) -> None:
        """Let the chain's clock show a time, in unix seconds."""
        rpc(self.url, "evm_setNextBlockTimestamp", time)
        rpc(self.url, "evm_mine")

    def next_bucket(self) -> None:
        """Go to the start of a bucket in which nothing is pending yet."""
        bucket = self.payment.functions.BUCKET_SECONDS().call()
        self.move_to(self.now() // bucket * bucket + bucket)

    # What the contracts say

    def facts(self, session: int) -> dict[str, int]:
        return _named(self.payment.functions.session(session))

    def demand(self, session: int, index: int) -> dict[str, int]:
        """A demand of the session's total of now."""
        settled = self.facts(session)["settled"]
        return _named(self.dispute.functions.demand_of(session, index, settled))

    def refunds(self, session: int) -> list[tuple[int, int]]:
        """What a session was refunded from pending money and from the bond, oldest first."""
        logs = self.payment.events.SessionRefunded().get_logs(from_block=0)
        found = [log["args"] for log in logs if log["args"]["session"] == session]
        return [(each["from_pending"], each["from_bond"]) for each in found]

    def proofs(self, *sessions: int) -> list[dict[str, object]]:
        """What was proven against sessions, oldest first."""
        logs = self.dispute.events.FraudProven().get_logs(from_block=0)
        return [dict(log["args"]) for log in logs if log["args"]["session"] in sessions]


def _named(call: ContractFunction) -> dict[str, int]:
    """Call a function that returns one struct, and name its fields as the ABI does."""
    names = [part["name"] for part in call.abi["outputs"][0]["components"]]
    return dict(zip(names, call.call(), strict=True))
