# SPDX-License-Identifier: Apache-2.0
"""Reading the events of the last call where titanoboa cannot: it decodes no indexed string."""

from __future__ import annotations

import functools
from typing import Any

from eth_abi import decode
from eth_utils import to_checksum_address
from eth_utils.abi import event_abi_to_log_topic
from vyper.compiler.output import build_abi_output

DYNAMIC = {"string", "bytes"}


@functools.cache
def known(compiler_data) -> dict[int, dict[str, Any]]:
    """Return a contract's events by their first topic."""
    return {
        int.from_bytes(event_abi_to_log_topic(entry), "big"): entry
        for entry in build_abi_output(compiler_data)
        if entry["type"] == "event"
    }


def told(contract) -> list[tuple[str, dict[str, Any]]]:
    """Return name and fields of each event of the last call; of an indexed string, its topic."""
    found = []
    for _, emitter, topics, data in contract._computation.get_raw_log_entries():
        if to_checksum_address(emitter) != contract.address:
            continue
        entry = known(contract.compiler_data)[topics[0]]
        plain = [part["type"] for part in entry["inputs"] if not part["indexed"]]
        values, words = iter(decode(plain, data)), iter(topics[1:])
        fields = {}
        for part in entry["inputs"]:
            if not part["indexed"]:
                value = next(values)
            else:
                value = next(words).to_bytes(32, "big")
                if part["type"] not in DYNAMIC:
                    (value,) = decode([part["type"]], value)
            fields[part["name"]] = (
                to_checksum_address(value) if part["type"] == "address" else value
            )
        found.append((entry["name"], fields))
    return found


def events(contract, name: str) -> list[dict[str, Any]]:
    """Return the fields of the last call's events of that name."""
    return [fields for event, fields in told(contract) if event == name]


def assert_event(contract, name: str, **expected: object) -> None:
    """Check that the last call emitted exactly one event of that name, with these fields."""
    assert events(contract, name) == [expected]
