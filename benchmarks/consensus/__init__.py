# SPDX-License-Identifier: Apache-2.0
"""Measures the consensus rules on real votes: accuracy, calibration, liars, adaptive savings.

Every set is split into history and test half by a hash of the item, and replicas are drawn by a
hash, so that any language gets the same rounds; a rule sees votes and raters, never an item's name.
Run with `python -m benchmarks.consensus`.
"""
