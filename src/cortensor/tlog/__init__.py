# SPDX-License-Identifier: Apache-2.0
"""Transparency logs: C2SP tlog-tiles, checkpoints and signed notes, and what a batch is in one.

Pure: bytes in, bytes out. `docs/spec/transparency.md` says what is logged.
"""
