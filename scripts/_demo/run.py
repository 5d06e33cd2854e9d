# SPDX-License-Identifier: Apache-2.0
"""The demo from the first block to the last wei; returns what happened as data."""

from __future__ import annotations

import asyncio
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cortensor.client import Payment
from cortensor.errors import Unavailable
from scripts._anvil import run_anvil
from scripts._demo import rows, sessions
from scripts._demo.attacks import attempt
from scripts._demo.chain import BASE_FEE_WEI, DAY_SECONDS, Chain
from scripts._demo.jobs import JOBS, Caller, Job, fetch_bundles, load_jobs
from scripts._demo.money import close_books
from scripts._demo.operating import running_router, settle, verify
from scripts._demo.paying import payment_of
from scripts._demo.processes import Router


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
    # The chain begins a day back, because stake buys nothing on the day it is staked.
    genesis = ["--timestamp", str(int(time.time()) - DAY_SECONDS)]
    fees = ["--base-fee", str(BASE_FEE_WEI), "--disable-min-priority-fee"]
    with run_anvil(options=[*genesis, *fees]) as anvil:
        node = f"Anvil {anvil.version.rpartition(' ')[2]}"
        stage.say("yesterday: deploying the contracts, and a user stakes")
        chain = Chain(anvil.url, folder / "deployments")
        opened = _open_sessions(chain, stage)
        payments = {name: payment_of(each, chain.domain) for name, each in opened.items()}
        stage.say("starting the router and its model")
        with running_router(folder, chain, options.backend, options.model) as router:
            caller = Caller(lambda: router.url, payments, lambda: stage.show(jobs))
            killed = asyncio.run(_send_all(jobs, caller, router, options.kill_after))
            jobs, failed = _sorted_out(jobs)
            stage.say("anchoring and settling everything, one transaction a funding")
            batches = settle(folder, chain)
            bundles = asyncio.run(_bundles(jobs, router, payments, folder))
        stage.say("verifying every receipt in a process that has only its bundle and the RPC")
        verified = verify([folder / "bundles" / f"{job.name}.json" for job in jobs], chain)
        stage.say("trying two frauds, and proving one of them on chain")
        escrow = [b for job, b in zip(jobs, bundles, strict=True) if job.funding == "escrow"]
        attacks, proofs = attempt(escrow, chain, folder, lambda files: verify(files, chain))
        stage.say("closing the sessions, taking the stake back, and paying out")
        charged = {funding: rows.charge_of(jobs, funding) for funding in opened}
        accounting = close_books(chain, opened, charged, proofs)
    return {
        "made_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "versions": _versions(node),
        "network": {"chain_id": chain.deployment.chain_id, "client": node},
        "backend": rows.backend(jobs, is_embedded=options.backend is None, name=options.model),
        "router_killed": killed,
        "not_charged": [{"name": job.name, "why": job.problem} for job in failed],
        "jobs": [rows.job_row(job, bundles[i], verified[i]) for i, job in enumerate(jobs)],
        "fundings": rows.funding_rows(jobs, opened, batches),
        "settlement": rows.settlement(batches, chain),
        "gas": [vars(item) for item in chain.gas],
        "attacks": attacks,
        "accounting": accounting,
        "summary": rows.summary(jobs, verified, sum(charged.values())),
    }


def _open_sessions(chain: Chain, stage: Stage) -> dict[str, sessions.PaymentSession]:
    """Open the stake session on the chain's first day and the others on its second."""
    sessions.fund_quota_pool(chain)
    staked = sessions.open_stake(chain)
    chain.catch_up()
    stage.say("today: opening a session with a deposit, and one with a session key")
    vouched = sessions.open_voucher(chain)
    opened = (sessions.open_escrow(chain), vouched, staked)
    return {session.funding: session for session in opened}


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
    await caller.close()
    return kill_after is not None and kill_after < len(jobs)


def _sorted_out(jobs: list[Job]) -> tuple[list[Job], list[Job]]:
    """Return the jobs with an answer, and those whose replicas all failed.

    Raises:
        Unavailable: no job paid from escrow has an answer, so there is nothing to defraud.
    """
    answered = [job for job in jobs if job.answer is not None]
    if not any(job.funding == "escrow" for job in answered):
        problem = next(job.problem for job in jobs if job.funding == "escrow")
        raise Unavailable(f"no job paid from escrow has an answer; the first: {problem}")
    return answered, [job for job in jobs if job.answer is None]


async def _bundles(
    jobs: Sequence[Job], router: Router, payments: Mapping[str, Payment], folder: Path
) -> list[dict[str, Any]]:
    target = folder / "bundles"
    target.mkdir(exist_ok=True)
    wanted = [(job.funding, str(rows.answer_of(job)["receipt_id"])) for job in jobs]
    bundles = await fetch_bundles(router.url, payments, wanted)
    for job, bundle in zip(jobs, bundles, strict=True):
        (target / f"{job.name}.json").write_text(json.dumps(bundle, indent=1), "utf-8")
    return bundles


def _versions(anvil: str) -> str:
    return f"Python {platform.python_version()}, Vyper {version('vyper')}, {anvil}"
