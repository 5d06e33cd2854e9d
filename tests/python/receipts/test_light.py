# SPDX-License-Identifier: Apache-2.0
"""Whoever only reads receipts needs neither a router nor a chain client."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

VECTOR = Path(__file__).parents[2] / "conformance" / "vectors" / "good-party-signed.json"
BLOCKED = (
    "web3", "eth_account", "requests", "aiohttp", "starlette", "uvicorn", "websockets",
    "asyncpg", "click", "rich", "socket", "asyncio", "sqlite3", "xllamacpp",
    "cortensor.router", "cortensor.chain", "cortensor.store", "cortensor.client",
)  # fmt: skip
SCRIPT = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if any(name == each or name.startswith(each + ".") for each in {BLOCKED!r}):
            raise ImportError("blocked: " + name)

sys.meta_path.insert(0, Blocked())
import json
from cortensor import receipts
from cortensor.receipts import policy

data = json.load(open({str(VECTOR)!r}))["bundle"]
found = receipts.verify(data, policy=policy.operators(3, signed=True) & policy.agreement(10_000))
print(found.verdict, len(found.rulings))
less = receipts.disclose(receipts.Bundle.from_json(data), hide=["request"])
print(receipts.verify(less).withheld)
loaded = [name for name in {BLOCKED!r} if name in sys.modules]
print(loaded)
"""


def test_receipts_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["consistent 2", "('request',)", "[]"]
