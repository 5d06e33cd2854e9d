# SPDX-License-Identifier: Apache-2.0
"""How large a posted tree this machine can look at.

A count costs its proposer nothing, up to 2**24. Who would read whatever is posted could be ended by
one root, at every start again, until that root is final.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

LEAF_ROOM: Final = 4_096
"""Bytes for each leaf: looking at one takes about 1,900, and not all memory is there for that."""
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def most_leaves(limit: Path = _CGROUP_LIMIT) -> int:
    """Return how many leaves a tree may have to be read here; by physical memory.

    Args:
        limit: file with the most bytes that this process may have, where it has fewer.
    """
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):  # no such limit, or "max"
        there = min(there, int(limit.read_text("ascii")))
    return there // LEAF_ROOM
