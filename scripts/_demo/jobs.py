# SPDX-License-Identifier: Apache-2.0
"""Sends the jobs of examples/jobs.json over HTTP, as any client would, and shows them run.

Jobs are paid in turn by escrow, voucher and stake.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from cortensor.errors import InvalidInput, Unavailable
from cortensor.router.headers import TOTAL_HEADER
from scripts._demo.client import Client
from scripts._demo.sessions import FUNDINGS

ROOT = Path(__file__).resolve().parents[2]
JOBS = ROOT / "examples" / "jobs.json"
POLL_SECONDS = 0.1
TIMEOUT_SECONDS = 180
ATTEMPTS = 60
RETRY_SECONDS = 0.5
ALL_FAILED = "all_replicas_failed"


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
    """The payers' HTTP client.

    Args:
        url: returns the router's address; it changes when the router is restarted.
        clients: who signs, by funding.
        on_change: called whenever something is to be shown.
    """

    def __init__(
        self, url: Callable[[], str], clients: Mapping[str, Client], on_change: Callable[[], None]
    ) -> None:
        self._url = url
        self._clients = clients
        self._on_change = on_change

    async def run(self, job: Job, at_work: asyncio.Event | None = None) -> None:
        """Send a job and wait for its answer; the same key makes every retry one charge.

        Args:
            job: the job; what is known of it is kept up to date.
            at_work: set once the router says that it works on the job, or is done with it.

        Raises:
            Unavailable: the router answers with a problem that a retry does not cure.
            Conflict: it asks for another total than is owed.
        """
        started = time.monotonic()
        client = self._clients[job.funding]
        body = {"session_id": client.session.session_id, **job.body}
        signed = {"Idempotency-Key": job.name, **client.headers(job.endpoint, body)}
        wanted = body.get("consensus", {}).get("replicas", 1)
        job.replicas = [{"status": "RUNNING", "winner": False} for _ in range(wanted)]
        self._on_change()
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(headers=bearer(client), timeout=timeout) as http:
            at_work = at_work or asyncio.Event()
            watch = asyncio.create_task(self._watch(http, job, at_work))
            try:
                answer, total = await self._post(http, job, body, signed)
            finally:
                watch.cancel()
                at_work.set()
        job.ms = round((time.monotonic() - started) * 1000)
        if answer.get("code") == ALL_FAILED:
            job.problem = str(answer["detail"])
            job.replicas = [{**r, "winner": False} for r in answer["replica_results"]]
            self._on_change()
            return
        client.accept(int(answer["charge_wei"]), int(total))
        job.answer = answer
        consensus = answer["consensus"]
        job.replicas = [
            {**replica, "winner": replica["index"] in consensus["winner"]}
            for replica in consensus["replica_results"]
        ]
        self._on_change()

    async def hand_in_vouchers(self) -> None:
        """Give the router the last signed total of each session; earlier ones came with requests.

        Raises:
            Unavailable: it does not take one.
        """
        for client in self._clients.values():
            body = client.last_voucher()
            if body is None:
                continue
            async with (
                aiohttp.ClientSession(headers=bearer(client)) as http,
                http.post(f"{self._url()}/api/v4/voucher", json=body) as reply,
            ):
                if not reply.ok:
                    raise Unavailable(f"a voucher was refused: {await reply.text()}")

    async def _post(
        self,
        http: aiohttp.ClientSession,
        job: Job,
        body: dict[str, Any],
        signed: Mapping[str, str],
    ) -> tuple[dict[str, Any], str]:
        """Return the answer and the session's running total in wei."""
        for _ in range(ATTEMPTS):
            try:
                async with http.post(
                    f"{self._url()}/api/v4/{job.endpoint}", json=body, headers=signed
                ) as reply:
                    answer: dict[str, Any] = await reply.json(content_type=None)
            except (aiohttp.ClientConnectionError, TimeoutError):
                await asyncio.sleep(RETRY_SECONDS)  # killed, or not up yet: ask again
                continue
            # fail_hard answers with a problem that has it, too
            if "consensus" in answer or answer.get("code") == ALL_FAILED:
                return answer, reply.headers.get(TOTAL_HEADER, "")
            raise Unavailable(f"{job.name}: {answer.get('detail', answer)}")
        raise Unavailable(f"{job.name}: the router did not come back")

    async def _watch(self, http: aiohttp.ClientSession, job: Job, at_work: asyncio.Event) -> None:
        """Follow the replicas of a running job."""
        url = "/api/v4/tasks"
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                async with http.get(self._url() + url) as reply:
                    tasks = (await reply.json()).get("tasks", [])
            except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError):
                continue
            for task in tasks:
                if task["idempotency_key"] == job.name:
                    job.replicas = [{**r, "winner": False} for r in task["replicas"]]
                    at_work.set()
                    self._on_change()


def bearer(client: Client) -> dict[str, str]:
    """Return the header that shows a session's grant."""
    return {"Authorization": f"Bearer {client.token}"}


async def fetch_bundle(url: str, client: Client, receipt_id: str) -> dict[str, Any]:
    """Return a receipt's bundle from the router.

    Raises:
        Unavailable: the router does not give it.
    """
    async with (
        aiohttp.ClientSession(headers=bearer(client)) as http,
        http.get(f"{url}/api/v4/receipt/{receipt_id}?bundle=1") as reply,
    ):
        bundle: dict[str, Any] = await reply.json(content_type=None)
        if not reply.ok:
            raise Unavailable(f"{receipt_id}: {bundle.get('detail', reply.status)}")
        return bundle
