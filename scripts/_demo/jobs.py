# SPDX-License-Identifier: Apache-2.0
"""Sends the jobs of examples/jobs.json over HTTP, as any client would, and shows them run.

Jobs are paid in turn by escrow, voucher and stake.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from cortensor.client import Ask, AsyncClient, ConsensusFailed, Payment, UpstreamFailed
from cortensor.errors import Error, InvalidInput
from cortensor.router.schemas import PaidResponse
from scripts._demo.sessions import FUNDINGS

ROOT = Path(__file__).resolve().parents[2]
JOBS = ROOT / "examples" / "jobs.json"
POLL_SECONDS = 0.1
TIMEOUT_SECONDS = 180


@dataclass
class Job:
    """A job and how far it is.

    Attributes:
        name: short and unique.
        kind: what sort of work it is.
        endpoint: delegate or validate.
        body: the request, without the session.
        expected: the truth, known to the demo only: a verdict, or the object to extract; None if
            there is no one truth.
        funding: how it is paid, one of `FUNDINGS`.
        replicas: one entry a replica, growing as they answer.
        answer: the router's answer, once it is there.
        problem: why there is none, if every replica failed; then nothing was charged.
        ms: from request to answer, in milliseconds.
    """

    name: str
    kind: str
    endpoint: str
    body: dict[str, Any]
    expected: Any
    funding: str
    replicas: list[dict[str, Any]] = field(default_factory=list)
    answer: dict[str, Any] | None = None
    problem: str | None = None
    ms: int = 0


def load_jobs(path: Path) -> list[Job]:
    """Return the jobs of a file in order (its form: examples/README.md).

    Raises:
        InvalidInput: the file cannot be read, or an entry lacks something.
    """
    try:
        entries = json.loads(path.read_text("utf-8"))["jobs"]
        jobs = [
            Job(
                name=entry["name"],
                kind=entry["kind"],
                endpoint=entry["endpoint"],
                body=entry["request"],
                expected=entry.get("expected"),
                funding=FUNDINGS[number % len(FUNDINGS)],
            )
            for number, entry in enumerate(entries)
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{path} is no file of jobs: {error!r}", field="--jobs") from error
    names = [job.name for job in jobs]
    if not jobs or len(set(names)) != len(names):
        raise InvalidInput(f"{path} needs jobs with a name each of its own", field="--jobs")
    return jobs


class Caller:
    """The payers' clients.

    Args:
        url: returns the router's address; it changes when the router is restarted.
        payments: who pays, by funding.
        on_change: called whenever something is to be shown.
    """

    def __init__(
        self, url: Callable[[], str], payments: Mapping[str, Payment], on_change: Callable[[], None]
    ) -> None:
        self._clients = {
            funding: AsyncClient(url, payment, deadline_s=TIMEOUT_SECONDS)
            for funding, payment in payments.items()
        }
        self._on_change = on_change

    async def run(self, job: Job, at_work: asyncio.Event | None = None) -> None:
        """Send a job and wait for its answer; the same key makes every retry one charge.

        Args:
            job: the job; what is known of it is kept up to date.
            at_work: set once the router says that it works on the job, or is done with it.

        Raises:
            Error: the router refuses it, does not come back, or its receipt does not hold.
        """
        started = time.monotonic()
        client = self._clients[job.funding]
        wanted = job.body.get("consensus", {}).get("replicas", 1)
        job.replicas = [{"status": "RUNNING", "winner": False} for _ in range(wanted)]
        self._on_change()
        at_work = at_work or asyncio.Event()
        watch = asyncio.create_task(self._watch(client, job, at_work))
        try:
            job.answer = await _ask(client, job)
        except UpstreamFailed as failed:
            job.problem = failed.reason
        finally:
            watch.cancel()
            at_work.set()
        job.ms = round((time.monotonic() - started) * 1000)
        self._on_change()

    async def close(self) -> None:
        """Give the router the last signed total of each session, and close all connections.

        Earlier totals came with requests.
        """
        for client in self._clients.values():
            await client.hand_in_voucher()
            await client.close()

    async def _watch(self, client: AsyncClient, job: Job, at_work: asyncio.Event) -> None:
        """Follow the replicas of a running job."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            with contextlib.suppress(Error):
                for task in (await client.tasks()).tasks:
                    if task.idempotency_key == job.name:
                        job.replicas = [
                            {**msgspec.to_builtins(r), "winner": False} for r in task.replicas
                        ]
                        at_work.set()
                        self._on_change()


async def _ask(client: AsyncClient, job: Job) -> dict[str, Any]:
    """Return a job's answer as JSON data; its replicas are noted in the job.

    Raises:
        UpstreamFailed: no replica delivered; nothing was charged.
    """
    ask = Ask(
        path=f"/api/v4/{job.endpoint}",
        body=job.body,
        answer=PaidResponse,
        idempotency_key=job.name,
    )
    try:
        answer: dict[str, Any] = msgspec.to_builtins((await client.run(ask)).answer)
    except ConsensusFailed as disagreed:  # fail_hard: charged, and has the votes
        answer = disagreed.members
    except UpstreamFailed as failed:
        job.replicas = [{**r, "winner": False} for r in failed.replica_results]
        raise
    consensus = answer["consensus"]
    job.replicas = [
        {**replica, "winner": replica["index"] in consensus["winner"]}
        for replica in consensus["replica_results"]
    ]
    return answer


async def fetch_bundles(
    url: str, payments: Mapping[str, Payment], wanted: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    """Return receipts' bundles from the router.

    Args:
        url: the router's address.
        payments: who paid, by funding.
        wanted: funding and receipt id of each.
    """
    bundles = []
    for funding, receipt_id in wanted:
        payment = structs.replace(payments[funding], vouchers=None)  # it only reads
        async with AsyncClient(url, payment) as client:
            bundles.append((await client.bundle(receipt_id)).to_json())
    return bundles
