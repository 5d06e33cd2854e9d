# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.router`, small: real contracts, real router, books that close."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LITELLM = ROOT / ".venv-bench" / "bin" / "litellm"

pytestmark = [pytest.mark.anvil, pytest.mark.slow]


def bench(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.router", "--contracts", sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def test_router_alone():
    done = bench("--rounds", "1", "--seconds", "0.4", "--at-once", "4", "--litellm", "missing")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("direct", "1 replica", "3 replicas", "1 replica, forced to disk"):
        assert f"| 4 | {name} |" in done.stdout
    assert done.stdout.count("settled on chain: sound") == 2
    assert "without LiteLLM" in done.stdout


def test_slow_requests_are_held():
    done = bench("--hold", "40", "--delay-ms", "300")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "40 slow requests at once: 40 answers" in done.stdout
    assert "40 answers, 40 receipts" in done.stdout


def test_memory_is_watched():
    done = bench("--memory", "200")
    assert "| 200 |" in done.stdout, done.stdout + done.stderr
    assert "200 answers, 200 receipts" in done.stdout
    assert "settled on chain: sound" in done.stdout


@pytest.mark.skipif(not LITELLM.exists(), reason="`make bench` makes LiteLLM's environment")
def test_beside_litellm():
    done = bench("--rounds", "1", "--seconds", "1", "--at-once", "4")
    assert "| 4 | LiteLLM |" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("settled on chain: sound") == 2
