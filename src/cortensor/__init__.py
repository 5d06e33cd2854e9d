# SPDX-License-Identifier: Apache-2.0
"""Cortensor's economic layer: prices, consensus, receipts, routing and settlement.

The packages `pricing`, `consensus` and `receipts` are pure: no I/O, no RPC, integers only.
Only `chain` talks to a node. Nothing here imports Ape.
"""
