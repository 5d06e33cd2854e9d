# SPDX-License-Identifier: Apache-2.0
"""The chain of `python -m benchmarks.router`: Anvil, the real contracts, sessions with money.

Run by the benchmark in the contracts' environment. Prints one JSON line, then stays until its
standard input ends. All keys are new in every run.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from cortensor.receipts.access import make_token
from cortensor.receipts.typed import AccessGrant
from scripts._anvil import run_anvil
from scripts._demo.chain import COR, DAY_SECONDS, Chain
from scripts._demo.sessions import open_escrow

SESSIONS = 3
DEPOSIT_WEI = 5_000 * COR  # all of them below what the router's bond covers, so that all is settled


def main() -> None:
    """Deploy, open sessions, say where everything is, and wait."""
    with run_anvil() as anvil, tempfile.TemporaryDirectory() as folder:
        chain = Chain(anvil.url, Path(folder) / "records")
        sessions = [open_escrow(chain, DEPOSIT_WEI) for _ in range(SESSIONS)]
        chain.catch_up()
        expires = chain.now() + 2 * DAY_SECONDS
        said = {
            "rpc_url": anvil.url,
            "deployments": str(chain.records),
            "session_payment": chain.payment.address,
            "sessions": [each.session_id for each in sessions],
            "tokens": [
                make_token(bytes(each.payer.key), AccessGrant(each.number, expires), chain.domain)
                for each in sessions
            ],
            "signer_key": "0x" + bytes(chain.people.settler.key).hex(),
        }
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
