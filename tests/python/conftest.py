# SPDX-License-Identifier: Apache-2.0
"""Databases of both kinds, for every test of the package."""

from __future__ import annotations

from tests.python.databases import database, postgres_server, postgres_url

__all__ = ["database", "postgres_server", "postgres_url"]
