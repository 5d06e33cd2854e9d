# SPDX-License-Identifier: Apache-2.0
"""A local Anvil that charges and answers as Arbitrum does: an RPC front before it."""
