# SPDX-License-Identifier: Apache-2.0
"""The scenarios on a chain that charges as Arbitrum, beside the committed numbers."""
