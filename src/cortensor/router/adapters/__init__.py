# SPDX-License-Identifier: Apache-2.0
"""Adapters behind the router's ports."""
