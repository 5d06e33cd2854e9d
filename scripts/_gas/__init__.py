# SPDX-License-Identifier: Apache-2.0
"""Gas of named scenarios: measured on an Anvil of its own, committed, compared exactly."""
