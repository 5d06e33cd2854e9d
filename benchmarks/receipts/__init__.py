# SPDX-License-Identifier: Apache-2.0
"""How fast receipts are verified, and batches built."""
