# SPDX-License-Identifier: Apache-2.0
"""The whole of it on an Anvil: contracts, registries, a router with its model, and two agents."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import secrets
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from eth_account import Account
from msgspec import to_builtins

from cortensor.agents.opening import Opened
from cortensor.agents.place import Place
from cortensor.agents.settings import load_settings
from cortensor.agents.validating import Validator, serve
from cortensor.anvil.children import start_child, stop
from cortensor.chain.caller import Caller
from cortensor.cli import main
from cortensor.receipts.bundle import Bundle
from scripts._anvil import run_anvil
from scripts._demo import sessions
from scripts._demo.chain import DAY_SECONDS, GAS_MONEY_WEI, Chain
from scripts._demo.operating import SIGNER_KEY, _config
from scripts._demo.processes import Router
from tests.ape.running import ROOT

AGENT_KEY, VALIDATOR_KEY, PAYER_KEY = (
    "CORTENSOR_AGENT_KEY",
    "CORTENSOR_VALIDATOR_KEY",
    "CORTENSOR_TEST_PAYER",
)
SETTLING = """
[settlement]
enabled = true
max_items = 1
max_age_s = 1
poll_s = 1
follow_s = 1
"""
WAIT_S = 60.0


def hex_key(account) -> str:
    return "0x" + bytes(account.key).hex()


def cortensor(*arguments: object, env=None, code=0) -> Result:
    """Run the command with the keys it is given; in this process, which has loaded it all."""
    done = CliRunner().invoke(main, [str(each) for each in arguments], env=env)
    assert done.exit_code == code, done.output
    return done


def told(done: Result) -> dict:
    """Return what a command printed as JSON, beside what it said on standard error."""
    return json.loads(done.output.splitlines()[-1])


class Told:
    """Events that can be waited for."""

    def __init__(self) -> None:
        self._events: queue.Queue[dict] = queue.Queue()

    def next(self) -> dict:
        return self._events.get(timeout=WAIT_S)

    def all_until(self, state: str, request: str) -> list[dict]:
        """Return the events up to that by which a request gets into a state."""
        seen = []
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            seen.append(self.next())
            if (seen[-1]["state"], seen[-1]["request"]) == (state, request):
                return seen
        raise AssertionError(seen)

    def until(self, state: str, request: str) -> dict:
        """Return the event by which a request gets into a state."""
        return self.all_until(state, request)[-1]


def opened(config: Path, environment: dict[str, str]) -> Opened:
    """Return what a file names, with the keys in some variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return Opened(load_settings(config))


class Process(Told):
    """`cortensor agent serve`, to be killed."""

    def __init__(self, config: Path, environment: dict[str, str], log: Path) -> None:
        super().__init__()
        arguments = ("agent", "serve", "--config", str(config), "--json")
        with log.open("ab") as out:
            self.process = start_child(
                [sys.executable, "-m", "cortensor", *arguments],
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
                stderr=out,
            )
        threading.Thread(target=self._read, daemon=True).start()
        assert self.next()["event"] == "ready"

    def _read(self) -> None:
        for line in self.process.stdout:
            self._events.put(json.loads(line))
        self.process.stdout.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        stop(self.process)
        return self.process.returncode


class Service(Told):
    """The same without a process of its own, which takes a while to start."""

    def __init__(self, config: Path, environment: dict[str, str]) -> None:
        super().__init__()
        settings = load_settings(config)
        validator = Validator(opened(config, environment), settings)
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=serve,
            args=(validator, settings, self._stop, lambda e: self._events.put(to_builtins(e))),
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()


@dataclass
class World:
    """What the tests act on."""

    chain: Chain
    router: Router
    place: Place
    folder: Path
    owner: object
    responder: object
    agents: dict[str, int]
    environment: dict[str, str]

    @property
    def here(self) -> tuple[str, ...]:
        """The options that name chain and contracts."""
        return ("--rpc", self.chain.rpc_url, "--deployments", str(self.chain.records))

    @property
    def config(self) -> Path:
        return self.folder / "validator.toml"

    def serve(self, config: Path | None = None) -> Service:
        return Service(config or self.config, self.environment)

    def start(self) -> Process:
        return Process(self.config, self.environment, self.folder / "service.log")

    def ask(self, agent: str, claim: str, **more: str) -> str:
        """Ask our validator about an agent, by its owner; returns the request's key."""
        path = self.folder / "payload.json"
        path.write_text(
            json.dumps({"type": "cortensor-validation/1", "kind": "claim", "claim": claim, **more})
        )
        done = cortensor(
            "agent",
            "ask",
            self.agents[agent],
            path,
            *self.here,
            "--json",
            env={AGENT_KEY: hex_key(self.owner)},
        )
        return told(done)["request"]

    def bundle(self, receipt_id: str) -> Bundle:
        """A receipt's bundle from the router."""
        with opened(self.config, self.environment).client() as client:
            return client.bundle(receipt_id)

    def validate(self, claim: str, subject: str) -> Bundle:
        """Validate something under a subject, and return the bundle once it is anchored."""
        with opened(self.config, self.environment).client() as client:
            receipt_id = client.validate(claim, subject=subject, tier="fast").receipt_id
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            bundle = self.bundle(receipt_id)
            if bundle.anchor is not None:
                return bundle
            time.sleep(0.2)
        raise AssertionError(receipt_id)

    def ask_at(self, agent: str | int, uri: str) -> str:
        """Ask with a URI that leads where it wants, under a key that says nothing."""
        agent_id = self.agents.get(agent, agent)
        key = "0x" + secrets.token_hex(32)
        registry = self.place.validation()
        data = registry.request_data(self.place.validator().address, agent_id, uri, key)
        Caller(self.place.web3, hex_key(self.owner)).call(registry.address, data)
        return key

    def receipts(self) -> dict[str, int]:
        """The charge of every receipt in the router's ledger."""
        database = sqlite3.connect(self.folder / "router.db")
        try:
            rows = database.execute("SELECT receipt_id, charge FROM receipts").fetchall()
        finally:
            database.close()
        return {key: int(charge) for key, charge in rows}

    def answers(self, request: str) -> list[str]:
        """The receipts by which our validator answered a request, as the chain's log has it."""
        bound = self.place.validator()._contract
        topic = "0x" + request.removeprefix("0x")
        logs = bound.events.AnswerPosted().get_logs(
            from_block=0, argument_filters={"request_hash": topic}
        )
        return ["0x" + bytes(log["args"]["receipt_id"]).hex() for log in logs]


@contextlib.contextmanager
def running_world(folder: Path):
    """Deploy, start a router, and register Corgent and Bardiel from their files."""
    genesis = ["--timestamp", str(int(time.time()) - DAY_SECONDS)]
    with run_anvil(options=genesis) as anvil:
        chain = Chain(anvil.url, folder / "deployments")
        owner, responder = Account.create(), Account.create()
        for account in (owner, responder):
            chain._rpc("anvil_setBalance", account.address, hex(GAS_MONEY_WEI))
        chain.catch_up()
        session = sessions.open_escrow(chain)
        settler = {SIGNER_KEY: hex_key(chain.people.settler)}
        here = ("--rpc", anvil.url, "--deployments", str(chain.records))
        cortensor("agent", "authorise", responder.address, *here, env=settler)
        (folder / "router.toml").write_text(_config(chain, None, None) + SETTLING)
        router = Router(folder / "router.toml", settler, folder / "router.log")
        try:
            router.start()
            agents = {
                name: register(name, router.url, here, owner)["agent_id"]
                for name in ("corgent", "bardiel")
            }
            (folder / "validator.toml").write_text(
                f'rpc_url = "{anvil.url}"\ndeployments = "deployments"\n'
                f'router_url = "{router.url}"\nsession = "{session.session_id}"\n'
                f'payer_key_env = "{PAYER_KEY}"\nconfirmations = 0\npoll_s = 0.2\n'
                'successors = "successors"\n[reach]\nallow_private = true\n'
            )
            yield World(
                chain=chain,
                router=router,
                place=Place(anvil.url, chain.records),
                folder=folder,
                owner=owner,
                responder=responder,
                agents=agents,
                environment={
                    PAYER_KEY: hex_key(session.payer),
                    VALIDATOR_KEY: hex_key(responder),
                },
            )
        finally:
            router.stop()


def register(
    name: str, router_url: str, here: tuple[str, ...], owner, *, is_heard: bool = True
) -> dict:
    """Register an agent from its file, approve our validator, and allow the router's settler.

    One that is not heard is another agent, whose validator hears nobody.
    """
    options = ("--approve", "--allow-router", 1) if is_heard else ("--new",)
    done = cortensor(
        "agent",
        "register",
        ROOT / "config" / "agents" / f"{name}.json",
        "--endpoint",
        f"router={router_url}",
        *here,
        *options,
        "--json",
        env={AGENT_KEY: hex_key(owner)},
    )
    return told(done)
