# SPDX-License-Identifier: Apache-2.0
"""What a transaction costs on Arbitrum and on a chain above it: exact, in integers."""
