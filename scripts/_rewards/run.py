# SPDX-License-Identifier: Apache-2.0
"""Three epochs from their work to the last wei: one is cheated in, one is killed at every step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from cortensor.epochs.gathering import gather
from cortensor.epochs.observing import RewardChain
from cortensor.epochs.place import place_from
from cortensor.epochs.settings import ObserveSettings
from cortensor.epochs.sharing import shared
from cortensor.epochs.watching import RewardWatcher
from cortensor.pricing import format_cor
from cortensor.rewards.epoch import EpochInputs, EpochResult, compute_epoch
from cortensor.watch.fetch import FetchLimits
from scripts._anvil import run_anvil
from scripts._demo import sessions
from scripts._demo.chain import BASE_FEE_WEI, COR
from scripts._demo.paying import payment_of
from scripts._demo.processes import Router
from scripts._rewards import cheating
from scripts._rewards.account import Account, take_account
from scripts._rewards.network import NODE_POT, Network, hex_key
from scripts._rewards.pipeline import STEPS, Service, verify, watch_once
from scripts._rewards.working import Backend, Beats, free_port, running_router, work

EPOCHS = 3
POSTED, FINAL = 2, 3
ROUTER_ID = 1
GRANT_WEI = 1_500 * COR
"""Less than three budgets: the last epoch draws what is left, and what sessions paid meanwhile."""
DEPOSIT_WEI = 100 * COR
HEARTBEAT_DEPOSIT_WEI = 1
"""Of the session that heartbeats are anchored under: they charge nothing."""
NODES_A_SECOND = 2
"""Nodes that are asked for a heartbeat in a second, beside the work."""


@dataclass(frozen=True)
class Options:
    """How the run is to be.

    Attributes:
        folder: where everything goes.
        nodes: how many.
        tasks: least tasks of a node in an epoch.
        backend: where nodes' models run.
        workflows: SQLAlchemy URL of DBOS; None for a file.
        database: PostgreSQL URL of signed transactions; None for a file.
    """

    folder: Path
    nodes: int
    tasks: int
    backend: Backend
    workflows: str | None = None
    database: str | None = None


def run(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Run the three epochs; returns what happened.

    Raises:
        Error: a step failed; every process is ended first.
    """
    folder = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    fees = ["--base-fee", str(BASE_FEE_WEI), "--disable-min-priority-fee"]
    with run_anvil(options=fees) as anvil:
        network = Network(anvil.url, folder / "deployments", options.tasks)
        chain = network.chain
        say(f"registering {options.nodes} nodes, each staked for")
        network.settle_in(options.nodes)
        network.grant(GRANT_WEI)
        network.bond(network.cast.proposer)
        session = sessions.open_escrow(chain, DEPOSIT_WEI)
        payment = payment_of(session, chain.domain)
        own = sessions.open_escrow(chain, HEARTBEAT_DEPOSIT_WEI)
        beats = Beats(own.session_id, max(1, options.nodes // NODES_A_SECOND))
        network.end_epoch()
        with running_router(folder, network, options.backend, beats) as router:
            return _Run(options, network, say).through(router, payment)


class _Run:
    """The epochs of one run."""

    def __init__(self, options: Options, network: Network, say: Callable[[str], None]) -> None:
        self._options = options
        self._network = network
        self._say = say
        self._epochs = options.folder / "epochs"
        place = place_from(network.chain.records, None, None)
        self._chain = RewardChain([network.chain.rpc_url], place)
        self._settings = ObserveSettings(
            limits=FetchLimits(is_private_allowed=True), finality="soft"
        )
        self._service = Service(
            network,
            self._epochs,
            free_port(),
            options.folder / "service.log",
            workflows=options.workflows,
            database=options.database,
        )
        self._cheats: list[dict[str, Any]] = []
        self._slashes = 0
        self._from_pot = 0
        self._released: set[tuple[int, int]] = set()

    def through(self, router: Router, payment: Any) -> dict[str, Any]:
        """Go through the epochs; the service is killed whatever happens."""
        done = []
        try:
            for number in range(EPOCHS):
                self._say(f"epoch {number + 1} of {EPOCHS}: the nodes work")
                jobs = work(
                    self._options.folder, self._network, router, payment, self._options.tasks
                )
                epoch = self._network.end_epoch()
                if number == 0:
                    self._cheat(epoch)
                self._say(f"epoch {epoch}: the service posts, finalises and pays it")
                began = time.monotonic()
                killed = self._serve(epoch, kill=number == 1)
                verified = verify(self._network, self._epochs / str(epoch))
                done.append(
                    {
                        "epoch": epoch,
                        "jobs": jobs,
                        "killed": killed,
                        "seconds": round(time.monotonic() - began, 1),
                        **verified,
                    }
                )
                self._fill_fund()
        finally:
            self._service.kill()
        account = take_account(self._network, GRANT_WEI, self._from_pot, self._slashes)
        return {
            "nodes": self._options.nodes,
            "operators": len(self._network.cast.operators),
            "epochs": done,
            "cheats": self._cheats,
            "transactions": self._sent(),
            "account": {name: str(value) for name, value in asdict(account).items()},
            "exact": account.is_exact,
            "statement": _statement(account),
        }

    def _cheat(self, epoch: int) -> None:
        """Post seven wrong roots, each overthrown by a watcher; and one that takes a veto."""
        network = self._network
        network.chain.send(network.cast.cheat, network.reward.functions.open(epoch))
        inputs, result = self._right(epoch)
        key = hex_key(network.cast.watcher)
        place, rpc_url = self._chain.place, [network.chain.rpc_url]
        watcher = RewardWatcher(rpc_url, place, self._settings, None, key)
        with shared(self._shared, "127.0.0.1", 0) as url:
            for wrong in cheating.wrong_trees(inputs, result):
                cheating.post(network, epoch, wrong, result.inputs_hash, self._shared, url)
                seen = msgspec.to_builtins(watcher.look())
                self._note(wrong, seen, seen["outcome"] == "overthrown")
            wrong = cheating.invented(inputs, result)
            header = cheating.post(network, epoch, wrong, result.inputs_hash, self._shared, url)
            seen = watch_once(network)
            if seen["outcome"] == "veto":
                guardian, functions = network.cast.guardian, network.reward.functions
                network.chain.send(guardian, functions.announce_veto(epoch, seen["reason"][:128]))
                network.chain.pass_time(network.veto_delay_s)
                network.chain.send(guardian, functions.execute_veto(epoch, header.abi_tuple()))
            self._note(wrong, seen, seen["outcome"] == "veto")

    def _note(self, wrong: cheating.Wrong, seen: dict[str, Any], is_seen: bool) -> None:
        slashed = cheating.is_slashed(self._network)
        self._slashes += slashed
        self._say(f"  cheat: {wrong.name}: {seen['outcome']} {seen.get('proof', '')}")
        self._cheats.append(
            {"name": wrong.name, "expected": wrong.proof, **seen, "caught": is_seen and slashed}
        )

    def _right(self, epoch: int) -> tuple[EpochInputs, EpochResult]:
        inputs, _ = gather(self._chain, epoch, self._settings, None)
        return inputs, compute_epoch(inputs)

    @property
    def _shared(self) -> Path:
        return self._options.folder / "cheats"

    def _serve(self, epoch: int, *, kill: bool) -> list[str]:
        """Let the service bring an epoch to its end; time passes when it waits for the window."""
        kill_at = [(epoch, step) for step in STEPS] if kill else []
        self._service.run_until(lambda: self._state(epoch) >= POSTED, kill_at)
        left = self._chain.rewards.flight().challengeable_until - self._network.chain.now()
        self._network.chain.pass_time(left + 1)
        remaining = [each for each in kill_at if each not in self._service.killed]
        self._service.run_until(lambda: self._is_over(epoch), remaining)
        return [step for of, step in self._service.killed if of == epoch]

    def _state(self, epoch: int) -> int:
        return self._chain.rewards.epoch(epoch).state

    def _is_over(self, epoch: int) -> bool:
        """Whether everything is paid, and every level is the tree's."""
        if self._state(epoch) != FINAL:
            return False
        own = (self._epochs / str(epoch) / "tree.bin").read_bytes()
        leaves = self._chain.final_tree(epoch, own, self._settings).leaves
        owed = [index for index, leaf in enumerate(leaves) if leaf.sums % 2**128]
        head = self._chain.observer.head().number
        return all(self._chain.rewards.are_paid(epoch, owed, head)) and not self._moves(
            epoch, leaves
        )

    def _moves(self, epoch: int, leaves: Any) -> bool:
        for leaf in leaves:
            known = self._chain.register.level(f"0x{leaf.node:040x}")
            if known.epoch < epoch and known.level != leaf.facts >> 8 & 0xFF:
                return True
        return False

    def _fill_fund(self) -> None:
        """Release what sessions paid for work, and have the node pot pay the fund."""
        chain = self._network.chain
        before = chain.balance(self._network.fund.address)
        settled = chain.payment.events.BatchSettled().get_logs(from_block=0)
        buckets = {(log["args"]["version"], log["args"]["bucket"]) for log in settled}
        for version, bucket in sorted(buckets - self._released):
            release = chain.payment.functions.release(ROUTER_ID, version, bucket)
            chain.send(chain.people.deployer, release)
        self._released |= buckets
        amount, _ = chain.payment.functions.pot(NODE_POT).call()
        if amount:
            chain.send(chain.people.deployer, chain.payment.functions.pay_pot(NODE_POT))
            self._from_pot += chain.balance(self._network.fund.address) - before

    def _sent(self) -> dict[str, int]:
        """Count the events that each may only happen once."""
        events = self._network.reward.events
        count = {
            name: len(events[name]().get_logs(from_block=0))
            for name in ("EpochOpened", "RootPosted", "EpochFinalised", "RunPaid")
        }
        count["proposer"] = self._network.chain.web3.eth.get_transaction_count(
            self._network.cast.proposer.address
        )
        return count


def _statement(account: Account) -> str:
    came = account.granted + account.from_pot
    return (
        f"{format_cor(came)} COR came into the fund ({format_cor(account.from_pot)} of it from "
        f"sessions): {format_cor(account.paid)} went to operators, {format_cor(account.credited)} "
        f"is credited, {format_cor(account.in_fund)} waits in the fund, {account.in_reward} wei "
        f"are elsewhere. {format_cor(account.slashed)} COR of bonds fell: "
        f"{format_cor(account.burnt)} burnt, {format_cor(account.to_watcher)} to the watcher, "
        f"{format_cor(account.to_treasury)} to the treasury"
    )
