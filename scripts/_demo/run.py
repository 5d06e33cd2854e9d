# SPDX-License-Identifier: Apache-2.0
"""The demo from the first block to the last wei; returns what happened as data."""

from __future__ import annotations

import asyncio
import contextlib
import json
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cortensor.errors import Unavailable
from cortensor.pricing import format_cor
from scripts._anvil import run_anvil
from scripts._demo.attacks import attempt
from scripts._demo.chain import DEPOSIT_WEI, IDLE_DEPOSIT_WEI, Chain
from scripts._demo.jobs import JOBS, Caller, Job, fetch_bundle, load_jobs
from scripts._demo.money import close_books
from scripts._demo.processes import Router

SIGNER_KEY = "CORTENSOR_SIGNER_KEY"
BASE_FEE_WEI = 20_000_000
"""0.02 gwei, the floor of Arbitrum One since ArbOS 51."""

COMPUTE_SESSIONS = (
    ("201", "You are a careful clerk. Copy values exactly as the text gives them.", 11, 0),
    ("202", "You read closely and answer with the facts of the text only.", 22, 3000),
    ("203", "You are a skeptical reviewer. Be brief and exact.", 33, 6000),
)
"""Id, system prompt, seed, temperature in bps: what makes three sessions of one model differ."""


@dataclass
class Options:
    """How the demo is to run.

    Attributes:
        folder: where configuration, logs, bundles and the report go.
        backend: base URL of an OpenAI-compatible server; None for the embedded model.
        model: the model's name on that server.
        kill_after: kill the router with SIGKILL while job N+1 runs, and start it again.
        jobs: the file of jobs.
    """

    folder: Path
    backend: str | None = None
    model: str | None = None
    kill_after: int | None = None
    jobs: Path = JOBS


class Stage:
    """Tells whoever watches what happens.

    Args:
        say: takes a line about a step.
        show: takes the jobs whenever one of them moved.
    """

    def __init__(self, say: Callable[[str], None], show: Callable[[Sequence[Job]], None]) -> None:
        self.say = say
        self.show = show


def run(options: Options, stage: Stage) -> dict[str, Any]:
    """Run the whole demo.

    Raises:
        Error: a step failed; every process is ended first.
    """
    jobs, folder = load_jobs(options.jobs), options.folder
    folder.mkdir(parents=True, exist_ok=True)
    fees = ["--base-fee", str(BASE_FEE_WEI), "--disable-min-priority-fee"]
    with run_anvil(options=fees) as anvil:
        client = f"Anvil {anvil.version.rpartition(' ')[2]}"
        stage.say("deploying the contracts")
        chain = Chain(anvil.url, folder / "deployments")
        stage.say("opening two payment sessions")
        idle = chain.open_session(
            chain.people.idle_payer,
            IDLE_DEPOSIT_WEI,
            "open (the escrow's first)",
            "includes the fresh token balance slot of the escrow",
        )
        session = chain.open_session(
            chain.people.payer, DEPOSIT_WEI, "open", "with the deposit, one transaction"
        )
        stage.say("starting the router and its model")
        with _router(options, chain) as router:
            token = chain.token(chain.people.payer, session)
            session_id = f"0x{session:040x}"
            caller = Caller(lambda: router.url, token, session_id, lambda: stage.show(jobs))
            killed = asyncio.run(_send_all(jobs, caller, router, options.kill_after))
            jobs, failed = _sorted_out(jobs)
            stage.say("anchoring and settling everything in one transaction")
            settlement = _settle(folder, chain)
            bundles = asyncio.run(_bundles(jobs, router, token, folder))
        stage.say("verifying every receipt in a process that has only its bundle and the RPC")
        verified = _verify([folder / "bundles" / f"{job.name}.json" for job in jobs], chain)
        stage.say("trying two frauds, and proving one of them on chain")
        attacks, proofs = attempt(bundles, chain, folder, lambda files: _verify(files, chain))
        stage.say("closing the sessions and paying out")
        charged = sum(int(_answer(job)["charge_wei"]) for job in jobs)
        accounting = close_books(chain, session, idle, charged, proofs)
        network = {
            "chain_id": chain.deployment.chain_id,
            "client": client,
            "contracts": {
                name: record["address"] for name, record in chain.deployment.records.items()
            },
        }
    return {
        "made_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "versions": _versions(client),
        "network": network,
        "backend": _backend(options, jobs),
        "session": {"id": session_id, "payer": chain.people.payer.address},
        "router_killed": killed,
        "not_charged": [{"name": job.name, "why": job.problem} for job in failed],
        "jobs": [_row(job, bundles[i], verified[i]) for i, job in enumerate(jobs)],
        "settlement": _settlement(settlement, chain),
        "gas": [vars(item) for item in chain.gas],
        "attacks": attacks,
        "accounting": accounting,
        "summary": _summary(jobs, verified, charged),
    }


@contextlib.contextmanager
def _router(options: Options, chain: Chain) -> Iterator[Router]:
    config = options.folder / "router.toml"
    config.write_text(_config(options, chain), "utf-8")
    key = "0x" + bytes(chain.people.settler.key).hex()
    router = Router(config, {SIGNER_KEY: key}, options.folder / "router.log")
    try:
        router.start()
        yield router
    finally:
        router.stop()


def _config(options: Options, chain: Chain) -> str:
    """Return the router's TOML; JSON strings are TOML strings."""
    lines = [
        f"rpc_url = {json.dumps(chain.rpc_url)}",
        "router_id = 1",
        f'signer_key_env = "{SIGNER_KEY}"',
        'deployments = "deployments"',
        'database = "router.db"',
        "port = 0",
        "[backend]",
    ]
    if options.backend:
        lines += ['kind = "openai"', f"base_url = {json.dumps(options.backend)}"]
        lines += [f"model = {json.dumps(options.model)}"]
    else:
        lines += ['kind = "embedded"']
    for name, prompt, seed, temperature in COMPUTE_SESSIONS:
        lines += ["[[sessions]]", f'id = "{name}"', f"system_prompt = {json.dumps(prompt)}"]
        lines += [f"seed = {seed}", f"temperature_bps = {temperature}", f'miner = "miner-{name}"']
    return "\n".join(lines) + "\n"


async def _send_all(
    jobs: list[Job], caller: Caller, router: Router, kill_after: int | None
) -> bool:
    """Send the jobs one after the other; returns whether the router was killed on the way."""
    for number, job in enumerate(jobs):
        if number != kill_after:
            await caller.run(job)
            continue
        at_work = asyncio.Event()
        running = asyncio.create_task(caller.run(job, at_work))
        await at_work.wait()
        router.kill()
        # In this thread, though it blocks: a child dies with the thread that started it.
        router.start()
        await running
    return kill_after is not None and kill_after < len(jobs)


def _sorted_out(jobs: list[Job]) -> tuple[list[Job], list[Job]]:
    """Return the jobs with an answer, and those whose replicas all failed.

    Raises:
        Unavailable: not one job has an answer.
    """
    answered = [job for job in jobs if job.answer is not None]
    if not answered:
        raise Unavailable(f"no job has an answer; the last one: {jobs[-1].problem}")
    return answered, [job for job in jobs if job.answer is None]


def _settle(folder: Path, chain: Chain) -> dict[str, Any]:
    """Run `cortensor settle` beside the router, as an operator or a timer would."""
    key = "0x" + bytes(chain.people.settler.key).hex()
    done = _cortensor(
        ["settle", "--config", str(folder / "router.toml"), "--json"], {SIGNER_KEY: key}
    )
    batches: list[dict[str, Any]] = json.loads(done.stdout or "{}").get("batches", [])
    if done.returncode != 0 or len(batches) != 1:
        raise Unavailable(f"expected one settlement: {done.stdout}{done.stderr}")
    return batches[0]


def _cortensor(
    arguments: Sequence[str], environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the command line tool; it gets the keys it is given and nothing else of ours."""
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "cortensor", *arguments],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


async def _bundles(
    jobs: list[Job], router: Router, token: str, folder: Path
) -> list[dict[str, Any]]:
    target = folder / "bundles"
    target.mkdir(exist_ok=True)
    bundles = []
    for job in jobs:
        receipt_id = str(_answer(job)["receipt_id"])
        bundle = await fetch_bundle(router.url, token, receipt_id)
        (target / f"{job.name}.json").write_text(json.dumps(bundle, indent=1), "utf-8")
        bundles.append(bundle)
    return bundles


def _verify(files: Sequence[Path], chain: Chain) -> list[dict[str, Any]]:
    contract = chain.payment.address
    trusted = ["--rpc", chain.rpc_url, "--session-payment", contract]
    done = _cortensor(["receipt", "verify", *map(str, files), *trusted, "--json"], {})
    if not done.stdout:
        raise Unavailable(f"the verifier said nothing: {done.stderr}")
    read = json.loads(done.stdout)
    results: list[dict[str, Any]] = read["receipts"] if isinstance(read, dict) else read
    return results


def _answer(job: Job) -> dict[str, Any]:
    if job.answer is None:
        raise Unavailable(f"{job.name} has no answer")
    return job.answer


def _row(job: Job, bundle: dict[str, Any], verified: dict[str, Any]) -> dict[str, Any]:
    answer = _answer(job)
    consensus, receipt = answer["consensus"], bundle["receipt"]
    result = receipt["result"]
    said = {entry["replica"]["index"]: entry["replica"]["output"] for entry in bundle["evidence"]}
    short = result["verdict"] or result["output_summary"] or result["outcome"]
    replicas = [
        {
            "session_id": replica["session_id"],
            "status": replica["status"],
            "winner": replica["winner"],
            "label": replica.get("verdict") or replica["status"],
            "output": said.get(replica["index"]) or replica.get("reason", ""),
            "input_units": replica["input_units"],
            "output_units": replica["output_units"],
            "latency_ms": replica["latency_ms"],
        }
        for replica in job.replicas
    ]
    return {
        "name": job.name,
        "kind": job.kind,
        "asked": _asked(job.body),
        "answer_short": " ".join(str(short).split())[:90],
        "outcome": result["outcome"],
        "expected": job.expected if isinstance(job.expected, str) else json.dumps(job.expected),
        "correct": _is_correct(job),
        "agreement_pct": _percent(consensus["agreement"]),
        "confidence_pct": _percent(consensus["confidence"]),
        "votes": consensus["votes"],
        "votes_label": f"{len(consensus['winner'])} of {len(replicas)} agree",
        "replicas": replicas,
        "ms": job.ms,
        "charge_wei": answer["charge_wei"],
        "charge_cor": answer["charge_cor"],
        "bill": receipt["bill"],
        "receipt_id": bundle["receipt_id"],
        "receipt_urn": answer["receipt_id"],
        "verified": verified["ok"],
        "checks": verified["checks"],
    }


def _asked(body: dict[str, Any]) -> str:
    """Return what was asked, for a person to read."""
    parts = [body.get("claim") or body["objective"], body.get("context") or body.get("input")]
    return "\n\n".join(
        part if isinstance(part, str) else json.dumps(part) for part in parts if part is not None
    )


def _is_correct(job: Job) -> bool | None:
    """Return whether the answer is the known truth; None if there is no one truth."""
    if job.expected is None:
        return None
    result = _answer(job).get("result", {})
    return bool(job.expected == (result.get("verdict") or result.get("data")))


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def _settlement(settled: dict[str, Any], chain: Chain) -> dict[str, Any]:
    count = int(settled["receipts"])
    return {
        "count": count,
        "tx_hash": settled["tx_hash"],
        "root": settled["root"],
        "gas_used": settled["gas_used"],
        "gas_share": -(-int(settled["gas_used"]) // count),
        "total_wei": settled["total_wei"],
        "rows": [
            ["transaction", settled["tx_hash"]],
            ["receipts root", settled["root"]],
            ["receipts", str(count)],
            ["sessions", str(settled["sessions"])],
            ["settled", f"{format_cor(int(settled['total_wei']))} COR"],
            ["gas", f"{settled['gas_used']:,}"],
            *[[name, record["address"]] for name, record in chain.deployment.records.items()],
        ],
    }


def _backend(options: Options, jobs: list[Job]) -> dict[str, Any]:
    is_embedded = options.backend is None
    models = {str(r.get("model")) for job in jobs for r in job.replicas if r.get("model")}
    name = ", ".join(sorted(models)) or str(options.model)
    prompts = f"{len(COMPUTE_SESSIONS)} sessions that differ by prompt, seed and temperature"
    return {
        "kind": "embedded" if is_embedded else "openai",
        "model": name,
        "description": f"{name}, in {prompts}",
        "replicas_run": sum(len(job.replicas) for job in jobs),
        "history": 0,
    }


def _summary(jobs: list[Job], verified: list[dict[str, Any]], charged: int) -> dict[str, Any]:
    known = [job for job in jobs if job.expected is not None]
    agreement = sum(_answer(job)["consensus"]["agreement"] for job in jobs) / len(jobs)
    return {
        "verified": sum(1 for result in verified if result["ok"]),
        "charged_cor": format_cor(charged),
        "agreement_pct": _percent(agreement),
        "truth_right": sum(1 for job in known if _is_correct(job)),
        "truth_total": len(known),
    }


def _versions(anvil: str) -> str:
    return f"Python {platform.python_version()}, Vyper {version('vyper')}, {anvil}"
