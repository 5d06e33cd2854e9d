# SPDX-License-Identifier: Apache-2.0
"""The router: takes paid requests, runs replicas, agrees, bills and writes receipts."""
