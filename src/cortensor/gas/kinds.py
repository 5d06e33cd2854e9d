# SPDX-License-Identifier: Apache-2.0
"""The kinds of resource that Arbitrum tells gas apart by (`multiGasUsed`), by name."""

from __future__ import annotations

COMPUTATION = "computation"
STORAGE_READ = "storage_access_read"
STORAGE_WRITE = "storage_access_write"
STORAGE_GROWTH = "storage_growth"
HISTORY_GROWTH = "history_growth"
L2_CALLDATA = "l2_calldata"
SINGLE_DIM = "single_dim"

ALL = (
    COMPUTATION,
    STORAGE_READ,
    STORAGE_WRITE,
    STORAGE_GROWTH,
    HISTORY_GROWTH,
    L2_CALLDATA,
    SINGLE_DIM,
)
