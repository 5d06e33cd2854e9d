# SPDX-License-Identifier: Apache-2.0
"""Tool traces: what tools did for a request, by hash in its receipt.

Nothing here runs tools. A caller reports what it ran (`tool_trace` of the request, one entry a
call), and a backend that calls tools of its own reports that with its answer. The receipt has the
keccak256 of each entry's RFC 8785 form, the caller's first: who has an entry can show that it was
there, and nobody can change it afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cortensor.receipts.keccak import WORD_BYTES, from_hex
from cortensor.receipts.verify_task import trace_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cortensor.router.fanout import Replica
    from cortensor.router.schemas import DelegateRequest, ValidateRequest


def trace_hashes(
    request: DelegateRequest | ValidateRequest, replicas: Iterable[Replica]
) -> list[bytes]:
    """Return the hashes that a receipt holds: the caller's entries, then each replica's calls."""
    entries: list[Any] = list(request.tool_trace or ())
    for replica in replicas:
        entries += _reported(replica)
    found = [trace_hash(entry) for entry in entries]
    return [from_hex(each, WORD_BYTES, "tool_trace") for each in found if each is not None]


def _reported(replica: Replica) -> Sequence[Any]:
    return replica.completion.tool_calls if replica.completion else ()
