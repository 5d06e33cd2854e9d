# SPDX-License-Identifier: Apache-2.0
"""A mix of traffic, drawn from a seed and run through the contracts."""
