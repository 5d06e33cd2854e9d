# SPDX-License-Identifier: Apache-2.0
"""The ledger: sessions, reservations, receipts and batches in one database."""
