# SPDX-License-Identifier: Apache-2.0
"""The demo's chain: the deployed contracts, who acts on them, and its clock."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract

from cortensor.chain.rpc import connect
from cortensor.errors import Conflict
from cortensor.receipts.typed import Domain
from scripts._deploy.bindings import contract_at
from scripts._deploy.config import DeployConfig, load_config, resolve
from scripts._deploy.engine import Deployment, deploy_all
from scripts._deploy.signing import KeySigner

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config" / "local.toml"
COR = 10**18
GAS_MONEY_WEI = 10 * COR
POTS = ("nodes", "validators", "treasury")
DAY_SECONDS = 86_400
BASE_FEE_WEI = 20_000_000
"""0.02 gwei, the floor of Arbitrum One since ArbOS 51. Fees are shown at it: Anvil's own falls with
every block that is not full."""


@dataclass
class Measured:
    """A transaction worth showing."""

    name: str
    gas_used: int
    note: str


@dataclass
class People:
    """Everybody with a key or an address in the demo; all of them new in every run."""

    deployer: LocalAccount = field(default_factory=Account.create)
    settler: LocalAccount = field(default_factory=Account.create)
    bond_owner: LocalAccount = field(default_factory=Account.create)
    escrow_payer: LocalAccount = field(default_factory=Account.create)
    voucher_payer: LocalAccount = field(default_factory=Account.create)
    staker: LocalAccount = field(default_factory=Account.create)
    session_key: LocalAccount = field(default_factory=Account.create)
    watcher: LocalAccount = field(default_factory=Account.create)
    pots: tuple[str, ...] = field(
        default_factory=lambda: tuple(str(Account.create().address) for _ in POTS)
    )


class Chain:
    """The deployed contracts with the demo's people.

    Args:
        rpc_url: the demo's Anvil.
        records: folder for the deployment records.
        changed: makes the local network's configuration what a run needs.
    """

    def __init__(
        self,
        rpc_url: str,
        records: Path,
        changed: Callable[[DeployConfig], DeployConfig] = lambda config: config,
    ) -> None:
        self.rpc_url = rpc_url
        self.web3: Web3 = connect(rpc_url)
        self.people = People()
        self.records = records
        self.gas: list[Measured] = []
        self.deployment = self._deploy(changed)
        self.cor = self.bind("MockCOR")
        self.payment = self.bind("SessionPayment")
        self.table = self.bind("SessionPaymentTable")
        self.pool = self.bind("StakePool")
        self.quota = self.bind("StakeQuota")
        self.dispute = self.bind("SettlementDispute")

    def _deploy(self, changed: Callable[[DeployConfig], DeployConfig]) -> Deployment:
        people = self.people
        for account in vars(people).values():
            if isinstance(account, LocalAccount):
                self.give_gas(account)
        loaded = load_config(CONFIG)
        names = ("node_pot", "validator_pot", "treasury")
        roles = msgspec.structs.replace(loaded.roles, **dict(zip(names, people.pots, strict=True)))
        router = msgspec.structs.replace(
            loaded.routers[0],
            settler=people.settler.address,
            bond_owner=people.bond_owner.address,
        )
        self.bond_wei = int(router.bond_wei or 0)
        config = changed(msgspec.structs.replace(loaded, roles=roles, routers=[router]))
        deployer = people.deployer.address
        return deploy_all(
            self.web3,
            resolve(config, deployer, lambda _: deployer),
            [KeySigner(people.deployer), KeySigner(people.settler)],
            self.records,
            network=config.network.name,
            is_own_node=True,
        )

    def give_gas(self, account: LocalAccount) -> None:
        """Give an account coins of the chain."""
        self._rpc("anvil_setBalance", account.address, hex(GAS_MONEY_WEI))

    def bind(self, name: str) -> Contract:
        """Return a deployed contract."""
        found: Contract = contract_at(self.web3, name, self.deployment.address(name))
        return found

    def _rpc(self, method: str, *params: object) -> Any:
        answer = self.web3.provider.make_request(method, list(params))  # type: ignore[arg-type]
        if "error" in answer:
            raise Conflict(f"{method}: {answer['error']}")
        return answer.get("result")

    def send(self, sender: LocalAccount, call: Any, name: str = "", note: str = "") -> Any:
        """Send a transaction and wait for it; with a name, its gas goes into the report.

        Raises:
            Conflict: it reverted.
        """
        transaction = call.build_transaction(
            {
                "from": sender.address,
                "nonce": self.web3.eth.get_transaction_count(sender.address),
                "maxFeePerGas": 2 * self.web3.eth.get_block("latest")["baseFeePerGas"] + 1,
                "maxPriorityFeePerGas": 0,
            }
        )
        signed = sender.sign_transaction(transaction)
        tx_hash = self.web3.eth.send_raw_transaction(signed.raw_transaction)
        receipt = self.web3.eth.wait_for_transaction_receipt(tx_hash, poll_latency=0.05)
        if receipt["status"] != 1:
            raise Conflict(f"{name or 'a transaction'} reverted")
        if name:
            self.gas.append(Measured(name, int(receipt["gasUsed"]), note))
        return receipt

    def give(self, holder: LocalAccount, amount_wei: int, spender: Contract) -> None:
        """Give somebody COR and let a contract take it."""
        # A holder who keeps something, like most: an emptied token account would earn a refund.
        grant = self.cor.functions.transfer(holder.address, amount_wei + COR)
        self.send(self.people.deployer, grant)
        self.send(holder, self.cor.functions.approve(spender.address, 2**256 - 1))

    @property
    def domain(self) -> Domain:
        """The EIP-712 domain of everything signed here."""
        chain_id = self.deployment.chain_id
        return Domain(chain_id=chain_id, session_payment=self.payment.address)

    def now(self) -> int:
        """Return the latest block's time in unix seconds."""
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def catch_up(self) -> None:
        """Bring the chain's clock, which began a day back, to this machine's.

        The router goes by the machine's clock, and the contracts take no work of the future.
        """
        self._rpc("evm_mine")
        self.pass_time(int(time.time()) - self.now())

    def pass_time(self, seconds: int) -> None:
        """Let time go by on the chain."""
        self._rpc("evm_increaseTime", seconds)
        self._rpc("evm_mine")

    def balance(self, address: str) -> int:
        """Return an account's COR in wei."""
        return int(self.cor.functions.balanceOf(address).call())
