# SPDX-License-Identifier: Apache-2.0
"""What rewards cost to compute, and what the formula does to networks of many kinds."""
