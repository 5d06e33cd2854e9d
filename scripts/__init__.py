# SPDX-License-Identifier: Apache-2.0
"""Ape scripts: `ape run NAME`. Nothing here does anything when imported."""
