# SPDX-License-Identifier: Apache-2.0
"""`cortensor anvil` as people start it, and what tests do with it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass

from eth_account import Account
from web3 import Web3

from cortensor.anvil.children import start_child, stop
from scripts._anvil import ROOT

SEPOLIA = 421_614
L3 = 18_964_747_554
BASE_FEE = 200_000_000
PRICE = 30_000_000_000
PAYER = Account.from_key("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
STRANGER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
# Stores the first word of what it is called with, and logs all of it.
KEEPER = "0x" + "6011600c60003960116000f3" + "6000356000553660006000373660" + "00a000"


@dataclass(frozen=True)
class Front:
    """A running front."""

    url: str
    pid: int
    anvil_pid: int
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def run_front(*words, network="arbitrum-sepolia"):
    """Start the command and yield it once it says that it listens."""
    process = start_child(
        [sys.executable, "-m", "cortensor", "anvil", "--as", network, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read().decode()
        told = json.loads(line)
        assert told["event"] == "ready"
        yield Front(told["url"], told["pid"], told["anvil_pid"], process)
    finally:
        stop(process)
        process.stdout.close()
        process.stderr.close()


def web3_of(url):
    """web3.py as anybody has it."""
    return Web3(Web3.HTTPProvider(url, exception_retry_configuration=None))


def asked(url, method, *parameters: object):
    """The whole answer to one call."""
    return web3_of(url).provider.make_request(method, list(parameters))


def result(url, method, *parameters: object):
    """The result of one call."""
    answer = asked(url, method, *parameters)
    assert "error" not in answer, answer
    return answer["result"]
