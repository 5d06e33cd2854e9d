# SPDX-License-Identifier: Apache-2.0
"""Reward epochs: observed, computed, posted, watched and paid."""
