# SPDX-License-Identifier: Apache-2.0
"""What every Ape test needs."""

from __future__ import annotations


def pytest_configure(config):
    # web3 7 leaves the socket of each failed connection check open; Ape checks until Anvil is up.
    config.addinivalue_line("filterwarnings", "ignore:unclosed:ResourceWarning")
