# SPDX-License-Identifier: Apache-2.0
"""What a request says of its work beside consensus: sampling, and what tools did for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import rfc8785

from cortensor.receipts.checks import differ
from cortensor.receipts.keccak import keccak256, to_hex

if TYPE_CHECKING:
    from cortensor.receipts.body import Body


class SamplingAsked(msgspec.Struct, frozen=True):
    """The part of the sampling that receipts restate; the rest is in the commitment alone."""

    temperature_bps: int | None = None
    seed: int | None = None


def trace_hash(entry: Any) -> str | None:
    """Return the 0x-hex hash of a tool trace's entry, None for one with no RFC 8785 form."""
    try:
        return to_hex(keccak256(rfc8785.dumps(entry)))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError):
        return None


def compare_task(body: Body, sampling: SamplingAsked | None, trace: list[Any] | None) -> list[str]:
    """Return where the replicas ran with other sampling, or entries of the trace are missing."""
    problems: list[str] = []
    for replica in body.replicas:
        for name in ("temperature_bps", "seed"):
            asked = getattr(sampling, name, None)
            if asked is not None:
                where = f"replicas[{replica.index}].{name}"
                problems += differ(where, getattr(replica, name), asked, "the request says")
    hashes = [trace_hash(entry) for entry in trace or ()]
    first = body.tool_traces[: len(hashes)]
    problems += differ("tool_traces", first, hashes, "the request's entries give")
    return problems
