# SPDX-License-Identifier: Apache-2.0
"""A client process that is killed at any moment: what it owes is signed once, to the wei."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from cortensor.client import Client, VoucherFile
from tests.python.client.clients import TRUST, voucher

if TYPE_CHECKING:
    from pathlib import Path

    from tests.python.router.harness import Router

PAYING = """
import sys
from cortensor.client import Client, VoucherFile
from tests.python.client.clients import TRUST, voucher

url, session, path = sys.argv[1:]
client = Client(url, voucher(session, VoucherFile(path)), trust=TRUST)
print("ready", flush=True)
while True:
    client.delegate("Say something")
"""


@pytest.mark.slow
def test_a_killed_client_owes_what_its_receipts_say(
    router: Router, lent: str, tmp_path: Path
) -> None:
    path = tmp_path / "voucher.json"
    signed = 0
    for round_ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", PAYING, router.url, lent, str(path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.25 + 0.137 * round_)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        process.stdout.close()
        file = VoucherFile(path)
        client = Client(router.url, voucher(lent, file), trust=TRUST)
        client.finish_open()
        assert client.total_wei == router.ledger()[lent][0]
        assert client.total_wei > signed
        signed = client.total_wei
        client.close()
        file.close()
    last = Client(router.url, voucher(lent, VoucherFile(path)), trust=TRUST)
    told = last.hand_in_voucher()
    assert told is not None
    assert told.vouchered_wei == told.charged_wei == str(signed)
    last.close()
