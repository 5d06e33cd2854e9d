# SPDX-License-Identifier: Apache-2.0
"""Checks and generators of this repository; each module is a command: `python -m tools.<name>`."""
