# SPDX-License-Identifier: Apache-2.0
"""Three epochs from their work to the last wei.

One is cheated in, in one the service is killed at every step, and of one only an operator fetches
anything, so that the rest is swept when its time is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from cortensor.chain.rewards import FINAL, POSTED, STATES
from cortensor.epochs.gathering import gather
from cortensor.epochs.observing import TREE_NAME, RewardChain
from cortensor.epochs.place import place_from
from cortensor.epochs.settings import ObserveSettings
from cortensor.epochs.sharing import shared
from cortensor.epochs.tree_file import PostedTree
from cortensor.epochs.watching import RewardWatcher
from cortensor.rewards.epoch import EpochInputs, EpochResult, compute_epoch
from cortensor.rewards.words import HALF
from cortensor.watch.fetch import FetchLimits
from scripts._anvil import run_anvil
from scripts._demo import sessions
from scripts._demo.chain import BASE_FEE_WEI, COR
from scripts._demo.paying import payment_of
from scripts._demo.processes import Router
from scripts._rewards import cheating
from scripts._rewards.account import take_account
from scripts._rewards.network import Network, hex_key
from scripts._rewards.pipeline import (
    FIRST_STEPS,
    LAST_STEPS,
    NEXT_STEPS,
    SWEEP_STEPS,
    Service,
    verify,
    watch_once,
)
from scripts._rewards.sent import count_events, wanted_of_proposer
from scripts._rewards.working import Backend, Beats, free_port, running_router, work

EPOCHS = 3
KILLED, UNPAID = 1, 2
"""Which of them, from 0, the service is killed in, and which it leaves to others to pay."""
ROUTER_ID = 1
GRANT_WEI = 1_500 * COR
"""Less than three budgets: the last epoch draws what is left, and what sessions paid meanwhile."""
DEPOSIT_WEI = 100 * COR
HEARTBEAT_DEPOSIT_WEI = 1
"""Of the session that heartbeats are anchored under: they charge nothing."""
NODES_A_SECOND = 2
"""Nodes that are asked for a heartbeat in a second, beside the work."""
PATIENCE_S, PATIENCE_OF_NODE_S = 300, 3
"""The most that an epoch of the service may take; each level that moved is a transaction."""


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
        through = _Run(options, network, say)
        try:
            with running_router(folder, network, options.backend, beats) as router:
                through.epochs(router, payment)
            through.sweep()
        finally:
            through.end()
        return through.result()


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
        self._port = free_port()
        self._service = self._new_service(pays=True)
        self._nonce = self._proposers_nonce()
        self._cheats: list[dict[str, Any]] = []
        self._slashes = 0
        self._done: list[dict[str, Any]] = []
        self._swept: dict[str, Any] = {}

    def _new_service(self, *, pays: bool) -> Service:
        options = self._options
        return Service(
            self._network,
            self._epochs,
            self._port,
            options.folder / "service.log",
            workflows=options.workflows,
            database=options.database,
            pays=pays,
            patience_s=PATIENCE_S + PATIENCE_OF_NODE_S * options.nodes,
        )

    def epochs(self, router: Router, payment: Any) -> None:
        """Go through the epochs."""
        for number in range(EPOCHS):
            self._say(f"epoch {number + 1} of {EPOCHS}: the nodes work")
            jobs = work(self._options.folder, self._network, router, payment, self._options.tasks)
            epoch = self._network.end_epoch()
            if number == 0:
                self._cheat(epoch)
            if number == UNPAID:
                self.end()
                self._service = self._new_service(pays=False)
            self._say(f"epoch {epoch}: the service brings it to its end")
            began = time.monotonic()
            self._serve(epoch, kill=number == KILLED, pays=number != UNPAID)
            verified = verify(self._network, self._epochs / str(epoch))
            self._done.append(
                {
                    "epoch": epoch,
                    "jobs": jobs,
                    "killed": self._killed(epoch),
                    "seconds": round(time.monotonic() - began, 1),
                    **verified,
                }
            )

    def sweep(self) -> None:
        """Have one operator fetch his own of the unpaid epoch, and the service sweep the rest."""
        epoch = self._done[UNPAID]["epoch"]
        chain, functions = self._network.chain, self._network.reward.functions
        self.end()
        tree = self._tree(epoch)
        index = max(range(len(tree.leaves)), key=lambda place: tree.leaves[place].sums & HALF)
        leaf = tree.leaves[index]
        due = (leaf.operator, leaf.detail(), leaf.sums)
        chain.send(
            next(each for each in self._network.cast.operators if int(each.address, 16) == leaf[0]),
            functions.pay_one(epoch, index, due, tree.proof(index)),
        )
        chain.pass_time(functions.EXPIRY_SECONDS().call() + 1)
        self._say(f"epoch {epoch}: its time is over, and the service sweeps what is left")
        self._service = self._new_service(pays=True)
        kill_at = [(epoch, step) for step in SWEEP_STEPS]
        self._service.run_until(lambda: self._is_paid(epoch), kill_at)
        self._swept = {
            "epoch": epoch,
            "state": STATES[self._state(epoch)],
            "runs": count_events(self._network, [epoch])["RunSwept"],
            "fetched": str(leaf.sums & HALF),
            "killed": self._killed(epoch),
        }

    def end(self) -> None:
        """Kill the service."""
        self._service.kill()

    def result(self) -> dict[str, Any]:
        """Return what happened."""
        account = take_account(self._network, GRANT_WEI, self._slashes)
        counted = count_events(self._network, [each["epoch"] for each in self._done])
        sent = self._proposers_nonce() - self._nonce
        return {
            "nodes": self._options.nodes,
            "operators": len(self._network.cast.operators),
            "epochs": self._done,
            "swept": self._swept,
            "cheats": self._cheats,
            "events": counted,
            "transactions": {"sent": sent, "wanted": wanted_of_proposer(self._network)},
            "account": {name: str(value) for name, value in asdict(account).items()},
            "exact": account.is_exact,
            "statement": account.statement(),
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
        inputs, _ = gather(self._chain, epoch, self._settings, self._epochs)
        return inputs, compute_epoch(inputs)

    @property
    def _shared(self) -> Path:
        return self._options.folder / "cheats"

    def _serve(self, epoch: int, *, kill: bool, pays: bool) -> None:
        """Let the service bring an epoch to its end; time passes when it waits for the window."""
        if kill:
            first = [(epoch, step) for step in FIRST_STEPS]
            self._service.run_until(lambda: first[-1] in self._service.killed, first)
            self._cheat_first(epoch)
        else:
            self._service.run_until(lambda: self._is_posted(epoch))
        left = self._chain.rewards.flight().challengeable_until - self._network.chain.now()
        self._network.chain.pass_time(left + 1)
        last = [(epoch, step) for step in LAST_STEPS if kill]
        self._service.run_until(
            lambda: self._is_over(epoch) if pays else self._state(epoch) == FINAL, last
        )

    def _cheat_first(self, epoch: int) -> None:
        """Post a wrong root before the service, which overthrows it and posts its own."""
        network, rewards = self._network, self._chain.rewards
        inputs, result = self._right(epoch)
        wrong = cheating.wrong_trees(inputs, result)[0]
        next_steps = [(epoch, step) for step in NEXT_STEPS]
        with shared(self._shared, "127.0.0.1", 0) as url:
            cheating.post(network, epoch, wrong, result.inputs_hash, self._shared, url)
            self._service.run_until(lambda: self._is_posted(epoch), next_steps)
        fell = rewards.overthrown(epoch, 0, self._chain.observer.head().number)
        is_seen = [each.challenger for each in fell] == [network.cast.proposer.address]
        named = wrong._replace(name=f"{wrong.name}, posted before the service")
        self._note(named, {"outcome": "overthrown", "proof": wrong.proof}, is_seen)

    def _killed(self, epoch: int) -> list[str]:
        return [step for of, step in self._service.killed if of == epoch]

    def _is_posted(self, epoch: int) -> bool:
        """Whether the service's own root is."""
        if self._state(epoch) < POSTED:
            return False
        posted = self._chain.posted(epoch)
        return bool(posted) and posted[-1].header.proposer == self._network.cast.proposer.address

    def _state(self, epoch: int) -> int:
        return self._chain.rewards.epoch(epoch).state

    def _is_over(self, epoch: int) -> bool:
        """Whether everything is paid, and every level is the tree's."""
        if self._state(epoch) != FINAL:
            return False
        return self._is_paid(epoch) and not self._moves(epoch, self._tree(epoch).leaves)

    def _is_paid(self, epoch: int) -> bool:
        """Whether nothing is left of a final epoch."""
        leaves = self._tree(epoch).leaves
        owed = [index for index, leaf in enumerate(leaves) if leaf.sums & HALF]
        return all(self._chain.rewards.are_paid(epoch, owed, self._chain.observer.head().number))

    def _tree(self, epoch: int) -> PostedTree:
        own = (self._epochs / str(epoch) / TREE_NAME).read_bytes()
        return self._chain.final_tree(epoch, own, self._settings)

    def _moves(self, epoch: int, leaves: Any) -> bool:
        for leaf in leaves:
            known = self._chain.register.level(f"0x{leaf.node:040x}")
            if known.epoch < epoch and known.level != leaf.facts >> 8 & 0xFF:
                return True
        return False

    def _proposers_nonce(self) -> int:
        proposer = self._network.cast.proposer.address
        return int(self._network.chain.web3.eth.get_transaction_count(proposer))
