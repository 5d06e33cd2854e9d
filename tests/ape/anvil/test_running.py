# SPDX-License-Identifier: Apache-2.0
"""The command as a process: how it starts, how it ends, and what ends with it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from cortensor.cli import main
from tests.ape.anvil.fronts import PAYER, STRANGER, asked, result, run_front

pytestmark = pytest.mark.anvil


def is_running(pid):
    """Whether a process is there and has not ended."""
    try:
        with Path(f"/proc/{pid}/stat").open() as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid, seconds=5):
    deadline = time.monotonic() + seconds
    while is_running(pid):
        assert time.monotonic() < deadline, f"{pid} still runs"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_both(number):
    with run_front() as front:
        assert is_running(front.anvil_pid)
        os.kill(front.pid, number)
        assert front.process.wait(10) == 0
        assert not is_running(front.anvil_pid)
        assert front.process.stderr.read() == b""


def test_anvil_does_not_outlive_a_front_that_is_killed():
    with run_front() as front:
        result(front.url, "eth_sendTransaction", {"from": PAYER.address, "to": STRANGER})
        os.kill(front.pid, signal.SIGKILL)
        front.process.wait(10)
        wait_until_gone(front.anvil_pid)


def test_without_anvil_each_call_says_so():
    with run_front() as front:
        os.kill(front.anvil_pid, signal.SIGKILL)
        wait_until_gone(front.anvil_pid)
        for method, *words in (
            ("eth_chainId",),
            ("eth_gasPrice",),
            ("eth_sendTransaction", {"from": PAYER.address, "to": STRANGER}),
            ("eth_getBlockByNumber", "latest", False),
        ):
            error = asked(front.url, method, *words)["error"]
            assert error == {
                "code": -32603,
                "message": "anvil does not answer: it ended (exit code -9)",
            }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--port", "1", "--", "--port", "2"], "--port is set here"),
        (["--", "--no-such-option"], "anvil: ended at once"),
        (["--fees", "no-such.toml"], "no-such.toml"),
    ],
)
def test_what_cannot_start_is_one_error(words, told):
    done = CliRunner().invoke(main, ["anvil", "--as", "arbitrum-sepolia", *words])
    assert done.exit_code == 2
    assert done.output.startswith("error: ")
    assert told in done.output


def test_a_port_that_is_taken(front):
    port = front.url.rpartition(":")[2]
    done = CliRunner().invoke(main, ["anvil", "--as", "cor-l3", "--port", port])
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert f"cannot listen on 127.0.0.1:{port}" in done.output
