# SPDX-License-Identifier: Apache-2.0
"""Load from a process of its own: `concurrency` callers, each with one request at a time.

Run as `python -m benchmarks.router.load`; takes an `Order` as JSON on stdin, prints a `Measured`.
"""

from __future__ import annotations

import asyncio
import resource
import secrets
import sys
import time
from collections import Counter

import aiohttp
import msgspec
import uvloop
from msgspec import Struct

MARK = b"@@@@@@@@@@@@@@@@"
"""Where each request's own 16 bytes go, so that no two bodies are alike."""
KEY_HEADER = "Idempotency-Key"
TIMEOUT_S = 120.0
HTTP_OK = 200


class Order(Struct, frozen=True, kw_only=True):
    """What to send. It ends after `seconds`, or after `requests` if given.

    `body` holds `MARK`; with `has_keys` each request has an idempotency key of its own.
    """

    url: str
    headers: dict[str, str]
    body: str
    concurrency: int
    seconds: float = 0.0
    requests: int | None = None
    has_keys: bool = False


class Measured(Struct, frozen=True, kw_only=True):
    """What came back: latencies in milliseconds, `load_cpu` the share of a core this process took.

    `failures` counts everything but 200, by status or name of the error.
    """

    count: int
    seconds: float
    p50_ms: float
    p99_ms: float
    load_cpu: float
    failures: dict[str, int] = {}

    @property
    def rps(self) -> float:
        """Answers per second."""
        return self.count / self.seconds


def quantile(ordered: list[float], share: float) -> float:
    """Return a quantile of sorted numbers by nearest rank; 0 of none."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def drive(order: Order) -> Measured:
    """Send what is ordered."""
    latencies: list[float] = []
    failures: Counter[str] = Counter()
    left = order.requests
    body = order.body.encode()
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    end = start + order.seconds

    async def caller(http: aiohttp.ClientSession) -> None:
        nonlocal left
        while left is None or left > 0:
            if left is not None:
                left -= 1
            elif time.perf_counter() >= end:
                return
            mark = secrets.token_hex(8)
            headers = {KEY_HEADER: mark} if order.has_keys else None
            sent = time.perf_counter()
            try:
                async with http.post(
                    order.url, data=body.replace(MARK, mark.encode()), headers=headers
                ) as reply:
                    await reply.read()
            except (aiohttp.ClientError, TimeoutError) as error:
                failures[type(error).__name__] += 1
                continue
            if reply.status == HTTP_OK:
                latencies.append((time.perf_counter() - sent) * 1000)
            else:
                failures[str(reply.status)] += 1

    async with aiohttp.ClientSession(
        headers={"Content-Type": "application/json", **order.headers},
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
    ) as http:
        await asyncio.gather(*(caller(http) for _ in range(order.concurrency)))
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    latencies.sort()
    return Measured(
        count=len(latencies),
        seconds=seconds,
        p50_ms=quantile(latencies, 0.5),
        p99_ms=quantile(latencies, 0.99),
        load_cpu=used / seconds,
        failures=dict(failures),
    )


def main() -> None:
    """Do one order."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(drive(order))) + b"\n")


if __name__ == "__main__":
    main()
